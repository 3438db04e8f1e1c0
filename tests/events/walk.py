"""Ways through the models that the tests of this folder share."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any, Literal, get_args, get_origin

from clerk_hooks.events import Event, KnownEvent, Model, UnknownEvent


def parts(annotation: Any) -> Iterator[type]:
    """The classes that an annotation is made of: members of its unions, items of its lists."""
    origin = get_origin(annotation)
    if origin is None or origin is dict:
        yield dict if origin is dict else annotation
    elif origin is Literal:
        yield str
    elif origin is Annotated:
        yield from parts(annotation.__origin__)
    else:
        if origin is list:
            yield list
        for part in get_args(annotation):
            yield from parts(part)


def model_in(annotation: Any) -> type[Model] | None:
    """The one model in an annotation, or None."""
    models = [part for part in parts(annotation) if part is not Any and issubclass(part, Model)]
    assert len(models) < 2, annotation
    return models[0] if models else None


def models_below(model: type[Model]) -> Iterator[type[Model]]:
    """A model, and all that occur in it."""
    yield model
    for field in model.model_fields.values():
        if (nested := model_in(field.annotation)) is not None:
            yield from models_below(nested)


def as_dumped(payload: dict[str, Any], model: type[Model]) -> dict[str, Any]:
    """What a dump of a payload must be: the payload, with its timestamps in milliseconds."""
    dump = dict(payload)
    for name, field in model.model_fields.items():
        value, nested = payload.get(name), model_in(field.annotation)
        if value is None:
            continue
        if datetime in parts(field.annotation):
            dump[name] = milliseconds(value)
        elif nested is not None and isinstance(value, dict):
            dump[name] = as_dumped(value, nested)
        elif nested is not None and isinstance(value, list):
            dump[name] = [as_dumped(item, nested) for item in value]
    return dump


def milliseconds(value: int | str) -> int:
    """A timestamp, which is ISO text, or seconds or milliseconds told by their size."""
    if isinstance(value, int):
        return value * 1000 if abs(value) <= 20_000_000_000 else value
    instant = datetime.fromisoformat(value.replace("Z", "+00:00"))
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=timezone.utc)
    return (instant - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(milliseconds=1)


def type_of(event: type[Event[Any]]) -> str:
    (event_type,) = get_args(event.model_fields["type"].annotation)
    return str(event_type)


def data_of(event: type[Event[Any]]) -> type[Model]:
    model = model_in(event.model_fields["data"].annotation)
    assert model is not None
    return model


def is_in_the_document(event_type: str) -> bool:
    """Whether Clerk's document has a type: the docstring of the class says so where it has not."""
    return "Clerk's document" not in " ".join((EVENTS[event_type].__doc__ or "").split())


def documented_type(event_type: str) -> str:
    """The type itself, or one with the same data where Clerk's document lacks it."""
    if is_in_the_document(event_type):
        return event_type
    data = data_of(EVENTS[event_type])
    return next(
        name
        for name, event in EVENTS.items()
        if data_of(event) is data and is_in_the_document(name)
    )


EVENTS: dict[str, type[Event[Any]]] = {type_of(event): event for event in get_args(KnownEvent)}
"""Event type -> class, as the classes themselves say."""

DATA_MODELS = {data_of(event) for event in EVENTS.values()}
"""The models that are the ``data`` of an event."""

MODELS = sorted(
    {model for top in (*EVENTS.values(), UnknownEvent) for model in models_below(top)},
    key=lambda model: model.__name__,
)
"""Every model there is."""
