"""Fields that ``--set`` names and no model declares: most often they are slips of the keyboard.

They are sent all the same, because Clerk's events may have fields that no model declares yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast, get_args

import typer

from ..spelling import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

    from ._changes import Change


def warn_of_undeclared_fields(event_types: list[str], changes: list[Change]) -> None:
    """Print a line on stderr for each change whose field no event type declares."""
    for change in changes:
        nested = change.value
        for step in reversed(change.path):
            nested = [nested] if step.isdecimal() else {step: nested}
        found = [next(_undeclared(_data_of(name), nested), None) for name in event_types]
        if found and all(found):
            typer.echo(f"clerk-hooks: --set {change.text!r}: {found[0]}", err=True)


def _data_of(event_type: str) -> object:
    """The annotation of the data of an event type's class."""
    from .. import events
    from ..event_types import EVENT_TYPES

    return getattr(events, EVENT_TYPES[event_type][1]).model_fields["data"].annotation


def _undeclared(annotation: object, value: object) -> Iterator[str]:
    """A sentence for each field in `value` that the models of `annotation` do not declare."""
    if isinstance(value, list):
        for item in cast("list[object]", value):
            yield from _undeclared(annotation, item)
    models = list(_models(annotation))
    if isinstance(value, dict) and models:  # Where there is no model, any field is right.
        fields = {name: field for each in models for name, field in each.model_fields.items()}
        for name, inner in cast("dict[str, object]", value).items():
            if name in fields:
                yield from _undeclared(fields[name].annotation, inner)
            else:
                yield f"{models[0].__name__} has no field {name!r}{did_you_mean(name, fields)}"


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in an annotation, such as those of a list or a union."""
    if hasattr(annotation, "model_fields"):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)
