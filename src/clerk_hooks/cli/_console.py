"""How the commands print."""

from __future__ import annotations

import json
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SUCCESS, FAILURE = "green", "bold red"

_ENDLESS = 10_000
"""Columns: wider than any row."""


def console(*, wraps_always: bool = False) -> Console:
    """A console that uses colours on a terminal only, and wraps lines there only or always.

    Programs such as grep and cut need each row on one line. Markup is off, because the text comes
    from requests, replies and payloads.
    """
    from rich.console import Console

    screen = Console(markup=False, emoji=False, highlight=False)
    if not screen.is_terminal and not wraps_always:
        screen.width = _ENDLESS
    return screen


def plain_table(*, lines: bool = False) -> Table:
    """An empty table with horizontal lines only: below its head, or between all of its rows."""
    from rich.box import HORIZONTALS
    from rich.table import Table

    return Table(box=HORIZONTALS, padding=(0, 1, 0, 0), show_edge=False, show_lines=lines)


def print_summary(screen: Console, expected: int, total: int) -> bool:
    """Print how many deliveries ended as expected; returns whether all of them did."""
    style = SUCCESS if expected == total else FAILURE
    screen.print(f"\n{expected} of {total} deliveries ended as expected.", style=style)
    return expected == total


def print_json(value: object, *, indent: int | None = None, compact: bool = False) -> None:
    """Print one JSON value: on one line, or indented by `indent` blanks per level.

    A `compact` line has no blanks.
    """
    separators = (",", ":") if compact else None
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:  # A terminal without these letters, or half a surrogate pair.
        text = json.dumps(value, indent=indent, separators=separators)
    print(text, flush=True)


def print_any_text() -> None:
    """Let the standard streams escape letters that their encoding does not have."""
    for stream in (sys.stdout, sys.stderr):  # None if the shell has closed it.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def shown(text: str, length: int) -> str:
    """`text` on one line of at most `length` characters, without control characters."""
    line = "".join(sign if sign.isprintable() else " " for sign in text)
    return line if len(line) <= length else line[: length - 3] + "..."
