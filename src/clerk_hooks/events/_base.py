"""The base of all events and data models: `Model`, `Timestamp`, `Event`, `DeletedObject`.

Only rules for all families belong here; the models of a family are in its module.
"""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar, cast

from pydantic import BaseModel, PlainSerializer
from pydantic_core import PydanticSerializationError, to_jsonable_python

from ..errors import UnreadableValue
from ..instants import unix_milliseconds

Data_co = TypeVar("Data_co", covariant=True)
"""The model of an event's ``data``. Covariant, as events are frozen."""


Timestamp = Annotated[
    datetime, PlainSerializer(unix_milliseconds, return_type=int, when_used="json-unless-none")
]
"""An instant. Clerk sends Unix milliseconds (in its examples also seconds: pydantic tells them
apart by size), which become an aware UTC datetime; ISO text keeps its offset or the lack of one.
It is dumped to JSON as Unix milliseconds."""

Metadata = dict[str, Any]
"""Free-form JSON, mostly data that the application itself stores in Clerk, hence `Any`."""

empty_list: Callable[[], list[Any]] = list
"""Makes an absent list. A factory is much faster than a default of ``[]``, which pydantic copies
deeply each time; unlike plain `list`, it fits the type of a list of models. Lists are read with
`fail_fast`, so that a long list of the wrong shape costs one error and not one per item."""


class Model(
    BaseModel,
    frozen=True,
    extra="allow",
    hide_input_in_errors=True,
    ser_json_inf_nan="constants",
):
    """A tolerant, immutable record: unknown fields are kept, and errors never show the payload.

    A value that could not be read as the type of its field is in `model_extra` only; reading the
    field raises `UnreadableValue`.
    """

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Only the id: tracebacks and error trackers print the `repr` of local variables."""
        if isinstance(found := self.__dict__.get("id"), str):
            yield "id", found

    def __str__(self) -> str:
        return repr(self)

    if not TYPE_CHECKING:  # Type checkers would take any attribute for one that is there.

        def __getattr__(self, name):
            if name in type(self).__pydantic_fields__:
                raise UnreadableValue(
                    f"{type(self).__name__}.{name} could not be read as the type of that field; "
                    "model_extra has the value, if one arrived"
                )
            return super().__getattr__(name)

        def model_copy(self, *, update=None, deep=False):
            """Like pydantic's; a field in `update` replaces a value that could not be read."""
            copied = super().model_copy(update=update, deep=deep)
            for name in update or ():
                if name in type(self).__pydantic_fields__:
                    copied.model_extra.pop(name, None)
            return copied

        def model_dump_json(self, *, indent=None, **options):
            """Like pydantic's; half a surrogate pair, which is in no UTF-8, is escaped."""
            try:
                text = super().model_dump_json(indent=indent, **options)
            except PydanticSerializationError:  # It is in a value.
                text = None
            if text is None or "\ufffd" in text:  # Pydantic puts this in its place in a key.
                options.pop("ensure_ascii", None)
                content = self.model_dump(**options)
                separators = (",", ":") if indent is None else None
                text = json.dumps(content, indent=indent, separators=separators, default=_to_json)
            return text


def _to_json(value: object) -> object:
    """What JSON has for a value that only pydantic knows how to write."""
    return unix_milliseconds(value) if isinstance(value, datetime) else to_jsonable_python(value)


class HttpRequest(Model, frozen=True):
    """The HTTP request to Clerk that caused the event. Each text may be empty."""

    client_ip: str | None = None
    """IPv4 or IPv6 address of the client."""
    user_agent: str | None = None
    """User agent of the client; for changes made in Clerk's dashboard, that of Clerk's server."""


class EventAttributes(Model, frozen=True):
    """Circumstances of an event. Absent in deliveries of 2023 and earlier."""

    http_request: HttpRequest | None = None
    """The request that caused the event."""


class DeletedObject(Model, frozen=True):
    """The rest of a deleted object: its id, and rarely more."""

    id: str
    """Id of the object that was deleted."""
    object: str | None = None
    """Kind of the object: ``user``, ``organization``, ``organization_domain``, ``role``, ..."""
    slug: str | None = None
    """Slug the object had, if its kind has one."""
    deleted: bool | None = None
    """Always true if it is sent."""
    external_id: str | None = None
    """Id that the application gave to the object (users only)."""


class Event(Model, Generic[Data_co], frozen=True):
    """The envelope of every Clerk event; its subclasses fix ``type`` and the model of ``data``."""

    type: str
    """The event type, such as ``user.created``."""
    data: Data_co
    """The object that the event is about."""
    object: str | None = None
    """Always ``event`` if it is sent."""
    timestamp: Timestamp | None = None
    """When the event happened (Unix milliseconds on the wire)."""
    instance_id: str | None = None
    """Id of the Clerk instance (``ins_...``); absent in deliveries of 2024 and earlier."""
    event_attributes: EventAttributes | None = None
    """Circumstances of the event."""

    @property
    def unreadable(self) -> tuple[str, ...]:
        """The fields that could not be read, such as ``("data.locale",)``: usually none, at most
        100. A field with a part that had to be cut is named too.
        """
        private = self.__pydantic_private__
        return () if private is None else tuple(private["unreadable"])

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """The type, and the id of the object that the event is about."""
        if "type" in self.__dict__:  # Else its constructor raised, and somebody shows its frame.
            yield "type", self.type
        data = self.__dict__.get("data")
        members = cast("Any", data if isinstance(data, dict) else getattr(data, "__dict__", {}))
        if isinstance(found := members.get("id"), str):
            yield "id", found


class UnknownEvent(Event[Any], frozen=True):
    """An event of a type that this version of the library does not know, with its raw ``data``."""

    data: Any = None
    """The raw ``data``, whatever it is."""
