"""A verified delivery: what arrived, the ways to read it, and what surrounds its handler."""

import builtins
import logging
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeVar, cast

from .body import Body, to_bytes
from .delivery_json import Parts, parts_in, written
from .errors import ConfigurationError, InputTypeError, PayloadError
from .logs import log
from .reading import Reading

if TYPE_CHECKING:
    from typing_extensions import Self

    from .events import AnyEvent
    from .running_handler import RunningHandler

_Context = TypeVar("_Context")

_MAX_SECONDS = 10**11  # The 11 digits that a timestamp may have; a datetime holds more.


class Delivery:
    """One verified delivery of an event: message id, time, bytes, and the ways to read them.

    Immutable. `Verifier.verify` makes them; build one yourself only in tests, or from bytes that
    were verified before they were put into a queue. `attempted_at` is an aware datetime or whole
    Unix seconds. `context` is any object for the handlers. Raises `InputTypeError` for anything
    else.

    Two deliveries are equal if the same arrived, whatever their contexts. A handler gets a copy of
    its own, which the store knows it by; pickling and copying leave that and the context out.
    """

    __slots__ = ("_attempted_at", "_context", "_message_id", "_reading", "_running")

    def __init__(
        self,
        message_id: str,
        attempted_at: datetime | int,
        payload: Body,
        *,
        context: object = None,
    ) -> None:
        is_timestamp = type(attempted_at) is int and 0 <= attempted_at < _MAX_SECONDS
        if type(message_id) is not str or not (is_timestamp or _is_aware(attempted_at)):
            del payload
            raise InputTypeError(
                "a Delivery takes a message id (str), a time (an aware datetime or Unix seconds) "
                "and a payload"
            )
        body = payload if type(payload) is bytes else to_bytes(payload)
        if not isinstance(body, bytes):
            del payload
            raise body
        self._message_id = message_id
        self._attempted_at = attempted_at
        self._context = context
        self._reading = Reading(body)
        self._running: RunningHandler | None = None

    @property
    def message_id(self) -> str:
        """The ``svix-id`` header: the same on every retry, so duplicates are recognised by it."""
        return self._message_id

    @property
    def attempted_at(self) -> datetime:
        """The ``svix-timestamp`` header: when this attempt was signed (aware, whole seconds)."""
        if isinstance(self._attempted_at, datetime):
            return self._attempted_at
        return datetime.fromtimestamp(self._attempted_at, timezone.utc)

    @property
    def payload(self) -> bytes:
        """The verified body, byte for byte as it came."""
        return self._reading.payload

    @property
    def type(self) -> str:
        """The event type, such as ``user.created``, read without building a model.

        Always the top-level ``type`` that `json()` gives. Raises `PayloadError` if the payload is
        not JSON or has no ``type``.
        """
        if (known := self._reading.type) is not None:
            return known
        found = self._reading.read_type()
        if isinstance(found, PayloadError):
            raise found
        return found

    @property
    def event(self) -> "AnyEvent":
        """The typed event, parsed when it is first asked for, and kept.

        A type that this version of the library does not know gives an `UnknownEvent`. A value that
        does not fit its field is left out: reading it raises `UnreadableValue`, and
        `Event.unreadable` and a warning in the log name it. Raises `PayloadError` if the payload is
        not a JSON object, or lacks its ``type``, its ``data`` or the id of that.
        """
        if (known := self._reading.event) is not None:
            return known
        found = self._reading.read_event()
        if isinstance(found, PayloadError):
            raise found
        if found.unreadable:
            self._warn(found)
        return found

    def _warn(self, event: "AnyEvent") -> None:
        fields = {
            "message_id": self._message_id,
            "event_type": event.type,
            "unreadable": ", ".join(event.unreadable),
        }
        log(logging.WARNING, "%(message_id)s %(event_type)s: could not read %(unreadable)s", fields)

    def json(self) -> dict[str, Any]:
        """The payload as a new dict, checked against no model.

        JSON that pydantic's parser refuses is read all the same, but brackets deeper than 190
        levels and integers of over 4,300 digits are `None`. Raises `PayloadError` if the payload is
        not a JSON object.
        """
        value = self._reading.json()
        if isinstance(value, PayloadError):
            raise value
        if not isinstance(value, dict):
            del value
            raise PayloadError("the payload is JSON, but not an object")
        return cast("dict[str, Any]", value)

    def to_json(self) -> str:
        """The delivery as text (ASCII), for a queue of your own; `from_json` reads it.

        It is a JSON object: ``v`` (1), ``message_id``, ``attempted_at``, ``type`` (null if it
        cannot be read), and ``payload``, or ``payload_base64`` if the payload is not UTF-8. The
        context is left out.
        """
        try:
            event_type = self.type
        except PayloadError:
            event_type = None
        return written(Parts(*self._identity()), event_type)

    @classmethod
    def from_json(cls, text: Body) -> "Self":
        """The delivery that `to_json` has written as `text`, with the same bytes of the payload.

        Nothing is verified: whoever can write into the queue is trusted.

        Raises `PayloadError` with the reason `unknown_version` if a newer version of this library
        has written it, and `not_a_delivery` if it is anything else; and `InputTypeError` if it is
        neither text nor bytes.
        """
        parts = parts_in(text)
        if not isinstance(parts, Parts):
            del text
            raise parts
        return cls(*parts)

    @property
    def context(self) -> object:
        """What the caller of `Endpoint.receive` passed along for the handlers; by default, None."""
        return self._context

    def context_as(self, kind: builtins.type[_Context]) -> _Context:
        """The context, which must be an instance of `kind`.

        Raises `ConfigurationError` if it is not.
        """
        if not isinstance(self._context, kind):
            # With their modules: SQLAlchemy has a Session, and so has clerk_hooks.events.
            found = "None" if self._context is None else f"of {type(self._context)}"
            raise ConfigurationError(
                f"the context of the delivery is {found}, not of {kind}: whoever calls the "
                "endpoint passes it as context=",
                reason="wrong_context",
            )
        return self._context

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Delivery):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __repr__(self) -> str:
        if not hasattr(self, "_running"):  # The constructor raised, and somebody shows its frame.
            return "<Delivery, not constructed>"
        return f"Delivery(message_id={self._message_id!r}, attempted_at={self.attempted_at!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self._message_id, self._attempted_at, self._reading.payload)

    def _identity(self) -> tuple[str, datetime, bytes]:
        return self._message_id, self.attempted_at, self._reading.payload

    def _copy(self, context: object, running: "RunningHandler | None") -> "Self":
        copy = object.__new__(type(self))
        copy._message_id = self._message_id
        copy._attempted_at = self._attempted_at
        copy._reading = self._reading
        copy._context = context
        copy._running = running
        return copy


# The functions below are for the library itself: users must not see them among the methods of a
# delivery.
# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false


def is_readable_as(delivery: Delivery, event_type: str) -> bool:
    """Whether a delivery is a readable event of a known type.

    For callers that have guessed the type: this takes one pass over the payload, where reading
    `type` and then `event` takes two.
    """
    return delivery._reading.fits(event_type)


def for_handler(delivery: Delivery, running: "RunningHandler") -> Delivery:
    """The copy of `delivery` that one handler gets, with its claim."""
    return delivery._copy(delivery._context, running)


def claim_of(delivery: Delivery) -> "RunningHandler | None":
    """The claim of the handler that was given this copy of a delivery."""
    return delivery._running


def without_claim(delivery: Delivery) -> Delivery:
    """`delivery` for handlers that run under other claims, or under none."""
    return delivery if delivery._running is None else delivery._copy(delivery._context, None)


def with_context(delivery: Delivery, context: object) -> Delivery:
    """`delivery` with another context."""
    return delivery._copy(context, delivery._running)


def _is_aware(value: object) -> bool:
    return isinstance(value, datetime) and value.utcoffset() is not None
