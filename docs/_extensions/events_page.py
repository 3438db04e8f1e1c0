"""The table of event types on the page "Events": made of the classes, so that it cannot drift.

As an extension of Sphinx it puts the table in the place of ``<!-- event types -->``. `markdown`
needs nothing but clerk_hooks.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from clerk_hooks import events
from clerk_hooks.event_types import EVENT_TYPES

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PLACE = "<!-- event types -->"
PAGE = "events"


def markdown() -> str:
    """One row per event type: when Clerk sends it, its class, and the model of its data."""
    head = ["| type | when Clerk sends it | class | model of `data` |", "|---|---|---|---|"]
    return "\n".join([*head, *map(_row, EVENT_TYPES)])


def _row(event_type: str) -> str:
    event: type[events.AnyEvent] = getattr(events, EVENT_TYPES[event_type][1])
    when = " ".join((inspect.getdoc(event) or "").partition(": ")[2].split()).replace("``", "`")
    data = event.model_fields["data"].annotation
    name = data.__name__ if isinstance(data, type) else "Any"
    return (
        f"| `{event_type}` | {when[:1].upper()}{when[1:]} | `{event.__name__}` "
        f"| [`{name}`](models.md#{name.lower()}) |"
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", _fill_in)
    return {"parallel_read_safe": True}


def _fill_in(_app: Sphinx, docname: str, source: list[str]) -> None:
    if docname == PAGE:
        source[0] = source[0].replace(PLACE, markdown())
