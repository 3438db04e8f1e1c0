"""What a new adapter needs beside its module: each forgotten part is named, with where it belongs.

The list for contributors is in docs/contributing.md.
"""

from __future__ import annotations

import pytest

from .gateway import EVENTS
from .servers import COMMANDS, ROOT

ADAPTERS = [
    path.stem
    for path in sorted((ROOT / "src" / "clerk_hooks" / "adapters").glob("*.py"))
    if not path.stem.startswith("_")
]
SERVED = {command.app.rpartition("_app:")[0].rpartition(".")[2] for command in COMMANDS.values()}
SERVED |= {"aws_lambda"} if EVENTS else set()


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_an_adapter_is_served_and_documented(adapter: str) -> None:
    places = {
        "tests/adapters/servers.py: a row in COMMANDS with an app of "
        f"tests/adapters/apps/{adapter}_app.py": adapter in SERVED,
        f"tests/adapters/test_{adapter}.py": (
            ROOT / "tests" / "adapters" / f"test_{adapter}.py"
        ).exists(),
        f"docs/examples/{adapter}_app.py": (
            ROOT / "docs" / "examples" / f"{adapter}_app.py"
        ).exists(),
        f"docs/frameworks.md: a row, and a section that uses clerk_hooks.adapters.{adapter}": (
            f"clerk_hooks.adapters.{adapter}"
            in (ROOT / "docs" / "frameworks.md").read_text("utf-8")
        ),
        f"docs/api.md: the module clerk_hooks.adapters.{adapter}": (
            f"clerk_hooks.adapters.{adapter}\n" in (ROOT / "docs" / "api.md").read_text("utf-8")
        ),
    }
    missing = [place for place, is_there in places.items() if not is_there]
    if missing:
        pytest.fail("\n".join([f"the adapter {adapter} needs:", *missing]), pytrace=False)
