"""A verified delivery, and the way from its bytes to a typed event.

pydantic and the events are imported inside the functions, when the first payload is read.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from .errors import InputTypeError, PayloadError, caused_by
from .event_types import EVENT_TYPES
from .logs import log
from .parsing import (
    build_event,
    event_class,
    first_event,
    first_type,
    likely_type,
    parse_json,
    second_event,
    type_of,
)

if TYPE_CHECKING:
    from .events import AnyEvent

Body: TypeAlias = bytes | bytearray | memoryview | str
"""A request's raw body. Text stands for its UTF-8 bytes."""

_MAX_SECONDS = 10**11  # The 11 digits that a timestamp may have; a datetime holds more.


class Delivery:
    """One verified delivery of an event: message id, time, bytes, and the ways to read them.

    Immutable. `Verifier.verify` makes them; build one yourself only in tests, or from bytes that
    were verified before they were put into a queue. `attempted_at` is an aware datetime or whole
    Unix seconds. Raises `InputTypeError` for anything else.
    """

    __slots__ = ("_attempted_at", "_event", "_message_id", "_payload", "_type")

    def __init__(self, message_id: str, attempted_at: datetime | int, payload: Body) -> None:
        is_timestamp = type(attempted_at) is int and 0 <= attempted_at < _MAX_SECONDS
        if type(message_id) is not str or not (is_timestamp or _is_aware(attempted_at)):
            del payload
            raise InputTypeError(
                "a Delivery takes a message id (str), a time (an aware datetime or Unix seconds) "
                "and a payload"
            )
        self._message_id = message_id
        self._attempted_at = attempted_at
        body = payload if type(payload) is bytes else to_bytes(payload)
        if not isinstance(body, bytes):
            del payload
            raise body
        self._payload = body
        self._type: str | None = None
        self._event: AnyEvent | None = None

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
        return self._payload

    @property
    def type(self) -> str:
        """The event type, such as ``user.created``, read without building a model.

        Always the top-level ``type`` that `json()` gives. Raises `PayloadError` if the payload is
        not JSON or has no ``type``.
        """
        if self._type is None:
            found = self._read_type() if self._event is None else self._event.type
            if isinstance(found, PayloadError):
                raise found
            self._type = found
        return self._type

    def _read_type(self) -> str | PayloadError:
        found = first_type(self._payload)
        if found is not None:
            return found
        parsed = parse_json(self._payload)
        return parsed if isinstance(parsed, PayloadError) else type_of(parsed.value)

    @property
    def event(self) -> "AnyEvent":
        """The typed event, parsed when it is first asked for, and kept.

        A type that this version of the library does not know gives an `UnknownEvent`. A value that
        does not fit its field is left out: reading it raises `UnreadableValue`, and
        `Event.unreadable` and a warning in the log name it. Raises `PayloadError` if the payload is
        not a JSON object, or lacks its ``type``, its ``data`` or the id of that.
        """
        if self._event is None:
            found = _read_event(self._payload, self._type)
            if isinstance(found, PayloadError):
                raise found
            if found.unreadable:
                self._warn(found)
            self._event = found
        return self._event

    def _warn(self, event: "AnyEvent") -> None:
        fields = {
            "message_id": self._message_id,
            "event_type": event.type,
            "unreadable": ", ".join(event.unreadable),
        }
        log(logging.WARNING, "%(message_id)s %(event_type)s: could not read %(unreadable)s", fields)

    def _is_readable_as(self, event_type: str) -> bool:
        if event_type not in EVENT_TYPES:  # Anything can be read as an unknown event.
            return False
        if self._event is None:
            self._event = first_event(self._payload, event_type)
        return self._event is not None and self._event.type == event_type

    def json(self) -> dict[str, Any]:
        """The payload as a new dict, checked against no model.

        JSON that pydantic's parser refuses is read all the same, but brackets deeper than 190
        levels and integers of over 4,300 digits are `None`. Raises `PayloadError` if the payload is
        not a JSON object.
        """
        parsed = parse_json(self._payload)
        if isinstance(parsed, PayloadError):
            raise parsed
        if not isinstance(parsed.value, dict):
            del parsed
            raise PayloadError("the payload is JSON, but not an object")
        return cast("dict[str, Any]", parsed.value)  # pyright: ignore[reportUnknownMemberType]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Delivery):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __repr__(self) -> str:
        if not hasattr(self, "_payload"):  # The constructor raised, and somebody shows its frame.
            return "<Delivery, not constructed>"
        return f"Delivery(message_id={self._message_id!r}, attempted_at={self.attempted_at!r})"

    def _identity(self) -> tuple[str, datetime, bytes]:
        return self._message_id, self.attempted_at, self._payload


# Private to the package: users must not see it among the methods of a delivery.
is_readable_as = Delivery._is_readable_as  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
"""Whether a delivery is a readable event of a known type.

For callers that have guessed the type: this takes one pass over the payload, where reading `type`
and then `event` takes two.
"""


def parse_event(payload: Body | Mapping[str, Any]) -> "AnyEvent":
    """Parse an event without verifying anything: for workers and tests, never for requests.

    `payload` is the JSON of a Clerk event (bytes or text), or the mapping that it decodes to. A
    type that this version of the library does not know gives an `UnknownEvent`, and a value that
    does not fit is left out, as in `Delivery.event`.

    Raises `PayloadError` as `Delivery.event` does, and `InputTypeError` if it is neither text nor a
    mapping.
    """
    found = _read_any(payload)
    if isinstance(found, (PayloadError, InputTypeError)):
        del payload
        raise found
    return found


def _read_any(payload: Body | Mapping[str, Any]) -> "AnyEvent | PayloadError | InputTypeError":
    try:
        members: dict[str, Any] | None = None
        if isinstance(payload, Mapping):
            members = dict(payload)
            if isinstance(event_type := members.get("type"), str):
                members["type"] = str.__str__(event_type)
    except Exception as error:  # noqa: BLE001 - the caller's object may raise anything
        problem = f"the payload of type {type(payload).__name__} cannot be read"
        return caused_by(InputTypeError(problem, reason="bad_body"), error)
    if members is not None:
        return _event_in(members)
    body = to_bytes(payload)
    return body if isinstance(body, InputTypeError) else _read_event(body, None)


def _event_in(members: dict[str, Any]) -> "AnyEvent | PayloadError":
    event_type = type_of(members)
    if isinstance(event_type, PayloadError):
        return event_type
    try:
        return event_class(event_type).model_validate(members)
    except ValueError:
        return build_event(members)


def _read_event(payload: bytes, event_type: str | None) -> "AnyEvent | PayloadError":
    """The event, by one pass over a usual payload: its type is guessed if it has not been read.

    Every model of a known type requires exactly that ``type``, so a wrong guess costs only time.
    """
    guess = event_type or likely_type(payload)
    event = None if guess is None else first_event(payload, guess)
    if event is None and event_type is None:
        found = first_type(payload)
        if found is not None and found != guess:
            event = first_event(payload, found)
    return event or second_event(payload)


def to_bytes(body: object) -> bytes | InputTypeError:
    """The bytes of a request's raw body, which may be any bytes-like object or text.

    If it is neither, returns the error, which says what to pass instead.
    """
    try:
        if type(body) is bytes:
            return body
        if isinstance(body, str):
            # A lone surrogate is in no UTF-8, so no signature fits it: no crash, but refused later.
            return str.encode(body, "utf-8", "surrogatepass")
        return bytes(memoryview(cast("bytes", body)))
    except Exception as error:  # noqa: BLE001 - A proxy object may raise anything, even when asked for its class.
        hint = "await it first" if hasattr(type(body), "__await__") else "not parsed JSON or a form"
        problem = InputTypeError(
            f"the body is of type {type(body).__name__}: pass the raw request body (bytes), {hint}",
            reason="bad_body",
        )
        return caused_by(problem, error)


def _is_aware(value: object) -> bool:
    return isinstance(value, datetime) and value.utcoffset() is not None
