"""Code that the commands share: options, completion and printing."""

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
"""Columns: wider than any row."""


class UsageError(Exception):
    """The command was called wrongly: one line on stderr, and exit status 2."""


SecretOption = Annotated[
    str | None,
    typer.Option(
        "--secret",
        metavar="WHSEC",
        help="The signing secret. Default: the environment variable CLERK_WEBHOOK_SIGNING_SECRET, "
        "which other users of the machine cannot see.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
ToOption = Annotated[str, typer.Option("--to", metavar="URL", help="The URL of the endpoint.")]


def statuses(expect: str) -> str:
    """The statuses in ``--expect``, such as ``2xx 409``, in lower case.

    Raises `UsageError` for a word that is not a status.
    """
    words = expect.lower().split()
    if not words or not all(re.fullmatch(r"[1-5](xx|[0-9][0-9])", word) for word in words):
        raise UsageError(f'--expect {expect!r}: expected statuses, such as 200 or "2xx 409"')
    return " ".join(words)


def complete_event_type(incomplete: str) -> list[str]:
    """The event types that begin with `incomplete`, for the shell."""
    return [name for name in EVENT_TYPES if name.startswith(incomplete)]


def event_types(patterns: list[str]) -> list[str]:
    """The event types that match any of the patterns, such as ``user.*``, without repeats.

    Raises `UsageError` for a pattern that matches none.
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
    """A console that uses colours on a terminal only, and wraps lines there only.

    Programs such as grep and cut need each row on one line. Markup is off, because the text comes
    from requests, replies and payloads.
    """
    from rich.console import Console

    screen = Console(markup=False, emoji=False, highlight=False, stderr=stderr)
    if not screen.is_terminal:
        screen.width = _ENDLESS
    return screen


def print_json(value: object, *, indent: int | None = None) -> None:
    """Print one JSON value: on one line, or indented by `indent` blanks per level."""
    print(json.dumps(value, ensure_ascii=False, indent=indent), flush=True)


def shown(text: str, length: int) -> str:
    """`text` on one line of at most `length` characters, without control characters."""
    line = "".join(sign if sign.isprintable() else " " for sign in text)
    return line if len(line) <= length else line[: length - 3] + "..."
