"""The readings of one payload: each is made at most once, whoever asks and however often."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .body import Body, to_bytes
from .errors import InputTypeError, PayloadError, caused_by
from .event_types import EVENT_TYPES
from .json_text import CUT, copy_of, on_fresh_stack
from .parsing import (
    build_event,
    event_class,
    first_event,
    first_json,
    first_type,
    likely_type,
    second_json,
    type_of,
)

if TYPE_CHECKING:
    from .events import AnyEvent


class Reading:
    """What has been read of a payload. All copies of a delivery share it.

    `parsing` says what the first and the second reading are. The type and the event are kept, and
    so is the JSON of the second reading, which is slow. Threads may read at the same time, because
    all of them find the same. What cannot be read is returned as a `PayloadError`, which the
    `Delivery` raises.
    """

    __slots__ = ("_problem", "_second", "_tried", "event", "payload", "type")

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self.type: str | None = None
        """The event type, once it has been read."""
        self.event: AnyEvent | None = None
        """The event, once it has been read."""
        self._tried: str | None = None  # The first reading failed as an event of this type.
        self._second: object = None  # The JSON of the second reading, which is never null.
        self._problem: str | None = None  # Why both readings failed.

    def read_type(self) -> str | PayloadError:
        """Read the ``type``, and keep it."""
        found: str | PayloadError | None
        found = first_type(self.payload) if self.event is None else self.event.type
        if found is None:
            value = self.json()
            found = value if isinstance(value, PayloadError) else type_of(value)
        if isinstance(found, str):
            self.type = found
        return found

    def read_event(self) -> "AnyEvent | PayloadError":
        """Read the event, and keep it."""
        found = self._first_event() or self._second_event()
        if not isinstance(found, PayloadError):
            self.event = found
        return found

    def fits(self, event_type: str) -> bool:
        """Whether the first reading finds an event of this type, which must be a known one."""
        if event_type not in EVENT_TYPES:  # Anything can be read as an unknown event.
            return False
        event = self.event
        if event is None:
            self.event = event = self._first_event_as(event_type)
        return event is not None and event.type == event_type

    def json(self, cut_as: object = None) -> object:
        """The JSON as a new value, with `cut_as` in the place of what the second reading cut."""
        if self._second is None and self._problem is None:
            value = first_json(self.payload)
            if not isinstance(value, PayloadError):
                return value
            self._read_again(str(value))
        if self._problem is not None:
            return PayloadError(self._problem, reason="not_json")
        return on_fresh_stack(lambda: copy_of(self._second, cut_as))

    def _read_again(self, problem: str) -> None:
        """The second reading of the JSON. `problem` is why the first one failed."""
        try:
            self._second = second_json(self.payload)
        except (ValueError, RecursionError):  # The latter if the limit of the interpreter is low.
            self._problem = problem

    def _first_event(self) -> "AnyEvent | None":
        """The event, by one pass over a usual payload: its type is guessed if it is not known.

        Every model of a known type requires exactly that type, so a wrong guess costs only time.
        """
        if self.type is None:
            guess = likely_type(self.payload)
            event = None if guess is None else self._first_event_as(guess)
            if event is not None:
                return event
            self.type = first_type(self.payload)
        return None if self.type is None else self._first_event_as(self.type)

    def _first_event_as(self, event_type: str) -> "AnyEvent | None":
        if event_type == self._tried:
            return None
        event = first_event(self.payload, event_type)
        if event is None:
            self._tried = event_type
        return event

    def _second_event(self) -> "AnyEvent | PayloadError":
        value = self.json(CUT)
        if isinstance(value, PayloadError):
            return value
        return on_fresh_stack(lambda: build_event(value, may_be_cut=self._second is not None))


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
    return body if isinstance(body, InputTypeError) else Reading(body).read_event()


def _event_in(members: dict[str, Any]) -> "AnyEvent | PayloadError":
    event_type = type_of(members)
    if isinstance(event_type, PayloadError):
        return event_type
    try:
        return event_class(event_type).model_validate(members)
    except ValueError:
        return build_event(members)
