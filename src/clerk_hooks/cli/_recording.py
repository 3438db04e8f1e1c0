"""Recorded deliveries: JSON lines, in the form that ``clerk webhooks listen --json`` prints.

One object per line. A delivery's object has ``"type": "event"``, or no type, and at least
``headers`` (name -> value) and ``body_b64`` (the raw body in base64).
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from ._sending import Fields
from ._usage import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ._recorder import Arrival

_HOP_BY_HOP = {
    *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"),
    *("transfer-encoding", "upgrade", "host", "content-length"),
}
"""Headers of one connection (RFC 9110, 7.6.1), and headers that every client writes itself."""


class RecordedDelivery(NamedTuple):
    """One recorded delivery, and its place in the recording."""

    number: int
    """The number of its line, from 1."""
    digest: str
    """Identifies the line's content, in case the file is changed."""
    body: bytes
    headers: Fields

    @property
    def note(self) -> str:
        """Identifies the delivery in the list of a replay's progress."""
        return f"{self.number} {self.digest}"

    @property
    def event_type(self) -> str:
        """The event type, or ``(no type)`` if the body does not say."""
        return event_type_of(self.body) or "(no type)"


def end_to_end(headers: Fields) -> Fields:
    """The headers that a proxy forwards."""
    return [(name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP]


def message_id_of(headers: Fields) -> str | None:
    """The message id, from either family of header names."""
    names = {name.lower(): value for name, value in headers}
    return names.get("svix-id") or names.get("webhook-id")


def event_type_of(body: bytes) -> str | None:
    """The event type in any body, or None if it has none that can be printed."""
    try:
        payload: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    found = cast("dict[str, Any]", payload).get("type") if isinstance(payload, dict) else None
    # Unprintable text, such as half a surrogate pair, cannot be written to a file either.
    return found if isinstance(found, str) and found.isprintable() else None


def line_of(arrival: Arrival) -> str:
    """The line that records a delivery and how forwarding it went, without the newline."""
    values: dict[str, list[str]] = {}
    for name, value in arrival.headers:
        values.setdefault(name, []).append(value)
    content = {
        "type": "event",
        "svix_id": message_id_of(arrival.headers),
        "event_type": event_type_of(arrival.body),
        "headers": {name: each[0] if len(each) == 1 else each for name, each in values.items()},
        "body_b64": b64encode(arrival.body).decode(),
        "forward_status": arrival.forward_status,
        "latency_ms": round(arrival.seconds * 1000),
    }
    return json.dumps(content)


def read_recording(path: Path) -> Iterator[RecordedDelivery]:
    """The deliveries recorded in a file, in order; lines of other types are skipped.

    Raises `UsageError` for a line that cannot be read, and `OSError`.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip() and (delivery := _read_line(line, number, str(path))) is not None:
                yield delivery


def _read_line(line: bytes, number: int, place: str) -> RecordedDelivery | None:
    try:
        content: Any = json.loads(line)
        if content.get("type", "event") != "event":
            return None
        headers: dict[str, Any] = dict(content["headers"])
        "".join(headers)  # A TypeError unless all names are text.
        body = b64decode(content["body_b64"], validate=True)
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        problem = "not a recorded delivery: expected headers and body_b64"
        raise UsageError(f"{place}, line {number}: {problem}") from None
    fields = [(name, each) for name, value in headers.items() for each in _values(value)]
    return RecordedDelivery(number, hashlib.sha256(line.strip()).hexdigest()[:16], body, fields)


def _values(value: object) -> list[str]:
    """The values of a header: a list if the header came several times."""
    values = cast("list[object]", value) if isinstance(value, list) else [value]
    return [str(each) for each in values]
