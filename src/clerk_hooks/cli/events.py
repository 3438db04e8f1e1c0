"""``clerk-hooks events``: the list of event types."""

from __future__ import annotations

from typing import Annotated

import typer

from ..event_types import EVENT_TYPES
from ._console import console, plain_table, print_json
from ._options import JsonOption, complete_event_type
from ._usage import UsageError, event_types


def events(
    pattern: Annotated[
        str,
        typer.Argument(
            metavar="PATTERN",
            help='A type, a pattern such as "session.*", or a part of a name such as "invitation".',
            autocompletion=complete_event_type,
            show_default=False,
        ),
    ] = "*",
    *,
    as_json: JsonOption = False,
) -> None:
    """List the event types, with their data models and when Clerk sends them.

    A class is named after its type: user.created is UserCreated, in clerk_hooks.events. Its data is
    a User, from the same module. Exits with 1 if no type matches the pattern.

    \b
    clerk-hooks events
    clerk-hooks events 'session.*'
    clerk-hooks events invitation --json
    """
    rows = [_row(name) for name in _matching(pattern)]
    if as_json:
        print_json(rows, indent=2)
    elif rows:
        _print_table(rows)
    if not rows:
        typer.echo(f"clerk-hooks: no event type matches {pattern!r}", err=True)
        raise typer.Exit(1)


def _matching(pattern: str) -> list[str]:
    try:
        return event_types([pattern])
    except UsageError:
        return [name for name in EVENT_TYPES if pattern.lower() in name.lower()]


def _row(event_type: str) -> dict[str, str]:
    from .. import events as classes

    event = getattr(classes, EVENT_TYPES[event_type][1])
    return {
        "type": event_type,
        "event": event.__name__,
        "data": event.model_fields["data"].annotation.__name__,
        "when": _when(event.__doc__ or ""),
    }


def _when(doc: str) -> str:
    """The text after the event type in a class's docstring."""
    return " ".join(doc.partition(": ")[2].replace("``", "").split())


def _print_table(rows: list[dict[str, str]]) -> None:
    table = plain_table()
    table.add_column("Type", no_wrap=True)
    table.add_column("Data", overflow="fold")
    table.add_column("When Clerk sends it", overflow="fold", ratio=1)
    for row in rows:
        table.add_row(row["type"], row["data"], row["when"])
    console().print(table)
