"""What the commands have in common: options, completion, and how they print."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated

import typer

from ..event_types import EVENT_TYPES
from ..spelling import did_you_mean

if TYPE_CHECKING:
    from rich.console import Console


_ENDLESS = 10_000
"""Columns, more than any row has."""


class UsageError(Exception):
    """The command was called wrongly: said in one line, exit status 2."""


SecretOption = Annotated[
    str | None,
    typer.Option(
        "--secret",
        metavar="WHSEC",
        help="Signing secret; by default that of the environment variable "
        "CLERK_WEBHOOK_SIGNING_SECRET, where other users of the machine cannot see it.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
ToOption = Annotated[
    str, typer.Option("--to", metavar="URL", help="Where to: the URL of the endpoint.")
]


def statuses(expect: str) -> str:
    """The words of ``--expect``, such as ``2xx 409``, in small letters.

    Raises `UsageError` for one that no status could be.
    """
    words = expect.lower().split()
    if not words or not all(re.fullmatch(r"[1-5](xx|[0-9][0-9])", word) for word in words):
        raise UsageError(f'--expect {expect!r}: statuses are expected, such as 200 or "2xx 409"')
    return " ".join(words)


def complete_event_type(incomplete: str) -> list[str]:
    """The event types that begin so, for the shell."""
    return [name for name in EVENT_TYPES if name.startswith(incomplete)]


def event_types(patterns: list[str]) -> list[str]:
    """The event types that any of the patterns, such as ``user.*``, stands for, without repeats.

    Raises `UsageError` for a pattern that stands for none.
    """
    from fnmatch import fnmatchcase

    found: dict[str, None] = {}
    for pattern in patterns:
        matches = [name for name in EVENT_TYPES if fnmatchcase(name, pattern)]
        if not matches:
            hint = did_you_mean(pattern, EVENT_TYPES) or '; "clerk-hooks events" lists them'
            raise UsageError(f"unknown event type {pattern!r}{hint}")
        found |= dict.fromkeys(matches)
    return list(found)


def console(*, stderr: bool = False) -> Console:
    """Where to print to: coloured on a terminal only, and with nothing in the text read as markup.

    Only a terminal has an end of the line: programs such as grep and cut read a row as one line.
    What is printed comes from requests, replies and payloads.
    """
    from rich.console import Console

    screen = Console(markup=False, emoji=False, highlight=False, stderr=stderr)
    if not screen.is_terminal:
        screen.width = _ENDLESS
    return screen


def print_json(value: object, *, indent: int | None = None) -> None:
    """Print one JSON value; without `indent` (blanks per level), on one line."""
    print(json.dumps(value, ensure_ascii=False, indent=indent), flush=True)


def shown(text: str, length: int) -> str:
    """`text` on one line of at most so many characters, with nothing that moves a cursor."""
    line = "".join(sign if sign.isprintable() else " " for sign in text)
    return line if len(line) <= length else line[: length - 3] + "..."
