"""Random events for property tests with hypothesis (extra ``testing``).

    @given(events(UserCreated))
    def test_no_user_breaks_the_handler(event: UserCreated) -> None:
        router.dispatch(event)

Each is a sample or a variant in which some fields are missing, null, or have another value that the
event's model allows. A failure shrinks to a plain sample with the one field that matters.
"""

from datetime import datetime
from functools import cache
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Union,
    cast,
    get_args,
    get_origin,
    overload,
)

from hypothesis import strategies as st
from pydantic import BaseModel

from ..event_types import EVENT_TYPES
from ._sample import EventT, sample_payload
from ._samples.catalog import variants_of

if TYPE_CHECKING:
    from ..events import Event, KnownEvent

_MAX_ITEMS = 2
_MAX_CHANGES = 8
_MAX_FIELDS = 4
_UNCHANGED = ("id", "object")
"""Fields that tell objects apart stay as Clerk sends them."""

_seeds = st.integers(0, 2**32 - 1)
# Letters that programs stumble over. All of Unicode would take seconds to be prepared.
_texts = st.text("abzAZ09 .,-_@+'\"<>&%\\/\n\té\u0301ßĲ愛\u200f😀", max_size=20)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | _texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_texts, inner, max_size=2),
    max_leaves=5,
)
_PLAIN: dict[object, st.SearchStrategy[Any]] = {
    type(None): st.none(),
    bool: st.booleans(),
    int: st.integers(-(2**31), 2**31),
    float: st.floats(0, 1),
    str: _texts,
    datetime: st.integers(1_262_304_000_000, 4_102_444_800_000),  # 2010 to 2100, milliseconds
    Any: _json,
}


@overload
def events(event: type[EventT]) -> st.SearchStrategy[EventT]: ...


@overload
def events(event: str) -> "st.SearchStrategy[KnownEvent]": ...


def events(event: "type[Event[Any]] | str") -> "st.SearchStrategy[Any]":
    """Events of one type, given as its name or its class; each fits the class's model.

    Raises `ConfigurationError` for an unknown type.
    """
    event_class = _class_of(event) if isinstance(event, str) else event
    return payloads(event).map(event_class.model_validate)


def payloads(event: "type[Event[Any]] | str") -> st.SearchStrategy[dict[str, Any]]:
    """The events of `events` as the JSON objects that Clerk could send.

    Raises `ConfigurationError` for an unknown type.
    """
    event_class = _class_of(event) if isinstance(event, str) else event
    event_type: str = sample_payload(cast("Any", event), seed=0)["type"]
    data = event_class.model_fields["data"].annotation
    return _payloads(event_type, cast("type[BaseModel]", data))


def any_event() -> "st.SearchStrategy[KnownEvent]":
    """Events of all types."""
    return st.sampled_from([*EVENT_TYPES]).flatmap(events)


def _class_of(event_type: str) -> "type[Event[Any]]":
    from .. import events as classes

    sample_payload(event_type)  # Refuses an unknown type.
    return cast("type[Event[Any]]", getattr(classes, EVENT_TYPES[event_type][1]))


@st.composite
def _payloads(draw: st.DrawFn, event_type: str, model: type[BaseModel]) -> dict[str, Any]:
    """A sample with a few fields changed, and a few left out."""
    variant = draw(st.sampled_from([None, *variants_of(event_type)]))
    payload = sample_payload(event_type, variant=cast("Any", variant), seed=draw(_seeds))
    fields = {name: field for name, field in model.model_fields.items() if name not in _UNCHANGED}
    for name in draw(st.lists(st.sampled_from([*fields]), unique=True, max_size=_MAX_CHANGES)):
        payload["data"][name] = draw(_values(cast("Any", fields[name].annotation)))
    optional = [name for name, field in model.model_fields.items() if not field.is_required()]
    for name in draw(st.lists(st.sampled_from(optional), unique=True, max_size=_MAX_CHANGES)):
        payload["data"].pop(name, None)
    return payload


@cache
def _values(annotation: object) -> st.SearchStrategy[Any]:
    """JSON values for a field with this annotation."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if origin in (Union, UnionType):
        # Null comes first, because examples shrink to the first alternative.
        return st.one_of([_values(each) for each in sorted(arguments, key=_is_not_null)])
    if origin is Annotated:
        return _values(arguments[0])
    if origin is list:
        return st.lists(_values(arguments[0]), max_size=_MAX_ITEMS)
    if origin is dict:
        return st.dictionaries(_texts, _values(arguments[1]), max_size=_MAX_ITEMS)
    return _objects(cast("type[BaseModel]", annotation))


def _is_not_null(annotation: object) -> bool:
    return annotation is not type(None)


@st.composite
def _objects(draw: st.DrawFn, model: type[BaseModel]) -> dict[str, Any]:
    """Objects that fit a model, with few of their optional fields."""
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    optional = [name for name in model.model_fields if name not in required]
    names = draw(st.lists(st.sampled_from(optional), unique=True, max_size=_MAX_FIELDS))
    fields = model.model_fields
    return {name: draw(_values(cast("Any", fields[name].annotation))) for name in required + names}
