"""From the bytes of a payload to its type, its JSON and its event: the first and second readings.

The first reading is pydantic's, in one pass. Where it fails, the payload is read once more, slowly:
`json_text` reads JSON that pydantic's parser refuses, and `events._tolerant` builds an event
without the values that do not fit. What both cannot read is described by a `PayloadError`, which
these functions return: raised from here, it would carry the payload in the frames of its traceback.
`reading` keeps what they find.

pydantic and the events are imported inside the functions, when the first payload is read.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from .errors import PayloadError
from .event_types import EVENT_TYPES
from .json_text import CUT, JsonText, on_fresh_stack

if TYPE_CHECKING:
    from pydantic_core import SchemaValidator

    from .events import AnyEvent

_TYPES_AS_BYTES = {event_type.encode(): event_type for event_type in EVENT_TYPES}


def likely_type(payload: bytes) -> str | None:
    """The known type that `payload` seems to have, judging by its beginning and its end.

    A guess, for uses in which a wrong guess does no harm: `Delivery.type` knows.
    """
    # Clerk's payloads begin or end with their type, depending on the age of the sender.
    first = payload[:64].split(b'"', 4)
    if len(first) == 5 and first[1] == b"type":
        return _TYPES_AS_BYTES.get(first[3])
    last = payload[-64:].rsplit(b'"', 4)
    if len(last) == 5 and last[1] == b"type":
        return _TYPES_AS_BYTES.get(last[3])
    return None


def first_type(payload: bytes) -> str | None:
    """The ``type``, by the first reading, which builds nothing else; None if it fails."""
    try:
        return cast("str", _type_reader().validate_json(payload)["type"])
    except ValueError:
        return None


def first_event(payload: bytes, event_type: str) -> "AnyEvent | None":
    """The event, by the first reading; None if it fails, or if the type is another known one."""
    try:
        return _json_reader(event_type if event_type in EVENT_TYPES else "")(payload)
    except ValueError:
        return None


def first_json(payload: bytes) -> object:
    """The JSON, by the first reading; a `PayloadError` if it fails."""
    from pydantic_core import from_json

    try:
        return cast("object", from_json(payload))
    except ValueError as error:
        problem = f"the payload is not JSON: {error if payload else 'it is empty'}"
    return PayloadError(problem, reason="not_json")


def second_json(payload: bytes) -> object:
    """The JSON, by the second reading, with `CUT` in the place of what it cuts.

    Raises `ValueError` if it is not JSON.
    """
    return on_fresh_stack(lambda: JsonText.of(payload).parse(CUT))


def type_of(fields: object) -> str | PayloadError:
    """The ``type`` of a JSON value, which must be an object that has a textual one."""
    event_type: Any = cast("Any", fields).get("type") if isinstance(fields, Mapping) else None
    if isinstance(event_type, str):
        return str.__str__(event_type)
    return PayloadError("the payload has no `type`, or it is not text", reason="no_type")


def build_event(fields: object, *, may_be_cut: bool = False) -> "AnyEvent | PayloadError":
    """The event in parsed JSON, without the values that do not fit."""
    from .events._tolerant import is_object, read_tolerantly

    event_type = type_of(fields)
    if isinstance(event_type, PayloadError):
        return event_type
    if not is_object(fields):
        return PayloadError("the payload is not JSON: a key is not text", reason="not_json")
    members = cast("dict[str, Any]", fields)
    if event_type in EVENT_TYPES:
        data = members.get("data")
        if not is_object(data):
            return PayloadError(
                "the payload does not have the shape of its type: data is not an object"
            )
        if not isinstance(data.get("id"), str):
            return PayloadError(
                "the payload does not have the shape of its type: data.id is missing or not text"
            )
    members["type"] = event_type
    return read_tolerantly(event_class(event_type), members, may_be_cut=may_be_cut)


def event_class(event_type: str) -> "type[AnyEvent]":
    """The class of the events of a type."""
    return _class_of(event_type if event_type in EVENT_TYPES else "")


# The caches below have known types as their keys, or "": never text that somebody chose.


@cache
def _class_of(known_type: str) -> "type[AnyEvent]":
    module, name = EVENT_TYPES.get(known_type, ("_base", "UnknownEvent"))
    return cast("type[AnyEvent]", getattr(import_module(f".events.{module}", __package__), name))


@cache
def _json_reader(known_type: str) -> "Callable[[bytes], AnyEvent]":
    """Parses events of a type: what `model_validate_json` calls, without the cost of that call."""
    validator = _class_of(known_type).__pydantic_validator__
    return cast("Callable[[bytes], AnyEvent]", validator.validate_json)


@cache
def _type_reader() -> "SchemaValidator":
    """Reads all of the JSON, as `json()` and the models do, but builds only ``type``."""
    from pydantic_core import SchemaValidator, core_schema

    return SchemaValidator(
        core_schema.typed_dict_schema(
            {"type": core_schema.typed_dict_field(core_schema.str_schema(strict=True))}
        ),
        # Here, and not in the schema, where pydantic does not look for it.
        core_schema.CoreConfig(hide_input_in_errors=True),
    )
