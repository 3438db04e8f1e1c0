"""Changes JSON where a fuzzer that changes bytes would only break it."""

from __future__ import annotations

import json
import random
from typing import Any

VALUES: list[Any] = [
    *(None, True, 0, -1, 1.5, 1e308, 10**30, 2**63, 1_700_000_000_000, 253_402_300_800_000),
    *("", "x", "user_1", "\ud800", "\x00", "é" * 50, "1700000000000", "[]"),
    *([], [[]], [None], ["x", {}], [{}] * 150, {}, {"id": 1}, {"id": "x", "type": "user.created"}),
]


def change(data: bytes, chance: random.Random) -> bytes | None:
    """`data` with one value of its JSON replaced, removed or added; None if it is not JSON."""
    head, gap, body = data.rpartition(b"\n\n")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, (dict, list)) or not content:
        return None
    container, key = _place(content, chance)
    what = chance.randrange(4)
    if what == 0:
        del container[key]
    elif what == 1 and isinstance(container, dict):
        container[chance.choice(["id", "type", "data", "object", "updated_at", "x"])] = (
            chance.choice(VALUES)
        )
    elif what == 2:
        other, name = _place(content, chance)
        container[key] = json.loads(json.dumps(other[name]))
    else:
        container[key] = chance.choice(VALUES)
    return head + gap + json.dumps(content, separators=(",", ":")).encode()


def _place(content: Any, chance: random.Random) -> tuple[Any, Any]:
    """A container and one of its keys, at any depth, found without a look at all the others."""
    while True:
        key = chance.choice([*content] if isinstance(content, dict) else range(len(content)))
        inner = content[key]
        if not isinstance(inner, (dict, list)) or not inner or chance.random() < 0.2:
            return content, key
        content = inner
