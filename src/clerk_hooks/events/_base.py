"""The base of all events and data models: `Model`, `Timestamp`, `Event`, `DeletedObject`.

Only rules for all families belong here; the models of a family are in its module.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar, cast

from pydantic import (
    BaseModel,
    ModelWrapValidatorHandler,
    PlainSerializer,
    ValidationError,
    model_validator,
)
from typing_extensions import Self

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
deeply each time; unlike plain `list`, it fits the type of a list of models."""


class Model(
    BaseModel,
    frozen=True,
    extra="allow",
    hide_input_in_errors=True,
    ser_json_inf_nan="constants",
):
    """A tolerant, immutable record: unknown fields are kept, and errors never show the payload."""


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


class UnknownEvent(Event[Any], frozen=True):
    """An event of a type that this version of the library does not know, with its raw ``data``."""

    data: Any = None
    """The raw ``data``, whatever it is."""

    @model_validator(mode="wrap")
    @classmethod
    def _never_an_error(cls, payload: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        """An envelope that a later Clerk has changed must not lose the event.

        A field that cannot be read is left unset, and what arrived in it goes to `model_extra`.
        """
        try:
            return read(payload)
        except ValidationError as error:
            unreadable = {str(each["loc"][0]) for each in error.errors() if each["loc"]}
            if not unreadable or "type" in unreadable:
                raise
        event = read({name: value for name, value in payload.items() if name not in unreadable})
        extra = cast("dict[str, Any]", event.model_extra)
        extra.update({name: payload[name] for name in unreadable})
        return event
