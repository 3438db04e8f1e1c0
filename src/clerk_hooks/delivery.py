"""A verified delivery, and the way from its bytes to a typed event.

pydantic and the events are imported inside the functions, when the first payload is read.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from functools import cache, lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from .errors import InputTypeError, PayloadError, caused_by
from .event_types import EVENT_TYPES

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import SchemaValidator

    from .events import AnyEvent

Body: TypeAlias = bytes | bytearray | memoryview | str
"""A request's raw body. Text stands for its UTF-8 bytes."""

_TYPES_AS_BYTES = {event_type.encode(): event_type for event_type in EVENT_TYPES}

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
        if isinstance(body, InputTypeError):
            del payload
            raise body
        self._payload = body
        self._type: str | None = None
        self._event: AnyEvent | None = None

    @property
    def message_id(self) -> str:
        """The ``svix-id`` header: the same on every retry, so what duplicates are told by."""
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

        Always the top-level ``type`` that `json()` gives. Raises `PayloadError` where the payload
        is not JSON or has no ``type``.
        """
        if self._type is None:
            event = self._event
            self._type = _read_type(self._payload) if event is None else event.type
        return self._type

    @property
    def event(self) -> "AnyEvent":
        """The typed event, parsed once, when first asked for.

        A type that this version of the library does not know gives an `UnknownEvent`. Raises
        `PayloadError` where the payload is not JSON, has no ``type`` or not the shape of its type.
        """
        if self._event is None:
            if self._type is None:
                self._event = _parse_unread(self._payload)
            else:
                self._event = _parse_json(self._type, self._payload)
        return self._event

    def _is_readable_as(self, event_type: str) -> bool:
        if event_type not in EVENT_TYPES:  # Anything can be read as an unknown event.
            return False
        if self._event is None:
            try:
                self._event = _json_reader(event_type)(self._payload)
            except ValueError:  # Another type, or unreadable; nobody asks here which it is.
                return False
        return self._event.type == event_type

    def json(self) -> dict[str, Any]:
        """The payload as a new dict, checked against no model.

        Raises `PayloadError` where the payload is not a JSON object.
        """
        from pydantic_core import from_json

        try:
            value = from_json(self._payload)
        except ValueError as error:
            raise PayloadError(f"the payload is not JSON: {error}", reason="not_json") from error
        if not isinstance(value, dict):
            raise PayloadError("the payload is JSON, but not an object")
        return cast("dict[str, Any]", value)

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
    type that this version of the library does not know gives an `UnknownEvent`.

    Raises `PayloadError` where it is not JSON, has no ``type`` or not the shape of its type, and
    `InputTypeError` where it is neither text nor a mapping.
    """
    try:
        fields = dict(payload) if isinstance(payload, Mapping) else None
        event_type = None if fields is None else _text_or_none(fields.get("type"))
    except Exception as error:  # An object of the caller's own may raise anything when read.
        raise InputTypeError(
            f"the payload of type {type(payload).__name__} cannot be read", reason="bad_body"
        ) from error
    if fields is None:
        body = to_bytes(payload)
        if isinstance(body, InputTypeError):
            raise body
        return _parse_unread(body)
    if event_type is None:
        raise PayloadError("the payload has no textual `type`", reason="no_type")
    try:
        return _event_class(event_type).model_validate(fields)
    except ValueError as error:
        raise _payload_error(error) from error


def likely_type(payload: bytes) -> str | None:
    """The known type that `payload` seems to be of, by a look at its beginning and its end.

    A guess, for what comes out the same when it is wrong: `Delivery.type` knows.
    """
    # Clerk's payloads begin or end with their type, according to the age of the sender.
    first = payload[:64].split(b'"', 4)
    if len(first) == 5 and first[1] == b"type":
        return _TYPES_AS_BYTES.get(first[3])
    last = payload[-64:].rsplit(b'"', 4)
    if len(last) == 5 and last[1] == b"type":
        return _TYPES_AS_BYTES.get(last[3])
    return None


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


def _read_type(payload: bytes) -> str:
    try:
        return cast("str", _type_reader().validate_json(payload)["type"])
    except ValueError as error:
        raise _payload_error(error) from error


@cache
def _type_reader() -> "SchemaValidator":
    """Reads all of the JSON, as `json()` and the models do, but builds nothing but ``type``."""
    from pydantic_core import SchemaValidator, core_schema

    return SchemaValidator(
        core_schema.typed_dict_schema(
            {"type": core_schema.typed_dict_field(core_schema.str_schema(strict=True))}
        ),
        # Here, and not in the schema, where pydantic does not look for it.
        core_schema.CoreConfig(hide_input_in_errors=True),
    )


@lru_cache(maxsize=2 * len(EVENT_TYPES))
def _json_reader(event_type: str) -> "Callable[[bytes], AnyEvent]":
    """Parses events of a type: what `model_validate_json` calls, without the cost of that call."""
    validator = _event_class(event_type).__pydantic_validator__
    return cast("Callable[[bytes], AnyEvent]", validator.validate_json)


@lru_cache(maxsize=2 * len(EVENT_TYPES))
def _event_class(event_type: str) -> "type[AnyEvent]":
    module, name = EVENT_TYPES.get(event_type, ("_base", "UnknownEvent"))
    return cast("type[AnyEvent]", getattr(import_module(f".events.{module}", __package__), name))


def _parse_unread(payload: bytes) -> "AnyEvent":
    """Parse a payload whose type has not been read, by one pass over it where the guess is right.

    Every model of a known type demands that very `type`, so a wrong guess costs nothing but time.
    """
    event_type = likely_type(payload)
    if event_type is not None:
        try:
            return _json_reader(event_type)(payload)
        except ValueError:  # Another type, or no such event: the second reading tells.
            pass
    return _parse_json(_read_type(payload), payload)


def _parse_json(event_type: str, payload: bytes) -> "AnyEvent":
    try:
        return _json_reader(event_type)(payload)
    except ValueError as error:
        raise _payload_error(error) from error


def _text_or_none(value: object) -> str | None:
    return str.__str__(value) if isinstance(value, str) else None


def _payload_error(error: ValueError) -> PayloadError:
    """What pydantic's `ValidationError` says, without a word of the payload."""
    first, *others = cast("ValidationError", error).errors(
        include_url=False, include_context=False, include_input=False
    )
    if first["type"] == "json_invalid":
        return PayloadError(f"the payload is not JSON: {first['msg']}", reason="not_json")
    place = ".".join(map(str, first["loc"]))
    if place in ("", "type"):
        return PayloadError("the payload has no textual `type`", reason="no_type")
    more = f" (and {len(others)} more)" if others else ""
    return PayloadError(f"the payload is not of its type's shape: {place}: {first['msg']}{more}")
