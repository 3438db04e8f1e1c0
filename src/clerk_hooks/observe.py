"""Observers: what surrounds requests, handlers, handoffs and runs, for traces and metrics."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Literal, TypeAlias

from .delivery import Delivery
from .errors import AbortDelivery, ClaimLost, ConfigurationError, InProgress, PayloadError
from .logs import log

if TYPE_CHECKING:
    from .events import AnyEvent
    from .reply import Reply

# A cancellation is not among them: nothing in an observer is awaited, so it would be its own.
_ENDS_THE_PROGRAM = (KeyboardInterrupt, SystemExit)

_NOT_OBSERVED = nullcontext()

_Ended: TypeAlias = Literal[
    "handled", "unhandled", "duplicate", "stale", "queued", "refused", "failed", "aborted"
]


class Seen:
    """A request as an observer sees it. It is complete when the context manager exits."""

    __slots__ = ("_started", "delivery", "duration", "error", "outcome", "reply")

    def __init__(self) -> None:
        self.delivery: Delivery | None = None
        """The delivery, once it is verified."""
        self.outcome: _Ended | None = None
        """As in the log; None if an error left the endpoint instead of a reply."""
        self.reply: Reply | None = None
        """The reply; None if an error left the endpoint instead."""
        self.error: BaseException | None = None
        """The error that the reply answers, or that left the endpoint."""
        self.duration = 0.0
        """Seconds from the start of the request to its reply."""
        self._started = perf_counter()

    @property
    def event_type(self) -> str | None:
        """The event type, such as ``user.created``; None if it is not verified or not readable."""
        return None if self.delivery is None else _readable_type(self.delivery)


class Running:
    """A handler as an observer sees it. It is complete when the context manager exits."""

    __slots__ = ("_started", "delivery", "duration", "error", "event", "handler", "outcome")

    def __init__(self, handler: str, event: "AnyEvent", delivery: Delivery | None) -> None:
        self.handler = handler
        """The name of the handler."""
        self.event = event
        """The event that it handles."""
        self.delivery = delivery
        """The delivery of the event; None if the event was dispatched without one."""
        self.outcome: Literal["succeeded", "failed", "aborted", "late", "interrupted"] | None = None
        """``late``: its lease was over before it could begin. ``interrupted``: by a cancellation,
        or by the end of the program."""
        self.error: BaseException | None = None
        """What the handler raised, or why it did not begin."""
        self.duration = 0.0
        """Seconds, including the time it waited for a thread."""
        self._started = perf_counter()


class Handed:
    """A delivery that is handed over to a queue, as an observer sees it.

    It is complete when the context manager exits.
    """

    __slots__ = ("_started", "carrier", "delivery", "duration", "error", "outcome")

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        """The delivery."""
        self.carrier: dict[str, str] = {}
        """For what is to travel with the delivery through an inbox, such as a trace context: names
        and values, of at most 2,048 bytes in total. `Observer.handoff` fills it in, or the
        context manager as it is entered. A worker's observers find it in `Taken.carrier`."""
        self.outcome: Literal["queued", "duplicate"] | None = None
        """None if the delivery could not be handed over."""
        self.error: BaseException | None = None
        """Why it could not be handed over."""
        self.duration = 0.0
        """Seconds, including the notification of a worker."""
        self._started = perf_counter()

    @property
    def event_type(self) -> str | None:
        """The event type, such as ``user.created``; None if it is not readable."""
        return _readable_type(self.delivery)


class Taken:
    """A delivery that a worker has taken from an inbox, as an observer sees it.

    It is complete when the context manager exits.
    """

    __slots__ = (
        "_started",
        "accepted_at",
        "carrier",
        "delivery",
        "duration",
        "error",
        "step",
        "takes",
    )

    def __init__(
        self, delivery: Delivery, carrier: Mapping[str, str], accepted_at: float, takes: int
    ) -> None:
        self.delivery = delivery
        """The delivery."""
        self.carrier = carrier
        """What the observers of the handoff put into `Handed.carrier`."""
        self.accepted_at = accepted_at
        """Unix seconds, by the inbox's clock: when the inbox accepted it."""
        self.takes = takes
        """How often it was taken, this time included, since a run of it was last settled."""
        self.step: Literal["done", "retry", "dead"] | None = None
        """What follows the run; None if that could not be settled."""
        self.error: BaseException | None = None
        """Why the run did not succeed."""
        self.duration = 0.0
        """Seconds from the start of the run until it was settled."""
        self._started = perf_counter()

    @property
    def event_type(self) -> str | None:
        """The event type, such as ``user.created``; None if it is not readable."""
        return _readable_type(self.delivery)


_Subject: TypeAlias = Seen | Running | Handed | Taken


class Observer:
    """Sees what an `Endpoint`, a `Processor` or a worker does; a base class to override methods of.

    Each method returns a context manager, which is entered before and exited after. It gets an
    object that the library fills in meanwhile. An observer cannot change an outcome: errors that it
    raises are logged and ignored, and so is what ``__exit__`` returns.
    """

    def request(self, seen: Seen) -> AbstractContextManager[object]:  # noqa: ARG002
        """Surround one request, from its bytes to its reply."""
        return nullcontext()

    def handler(self, running: Running) -> AbstractContextManager[object]:  # noqa: ARG002
        """Surround one handler.

        The context manager is entered where the handler is awaited, or before a thread is asked to
        run it. The thread gets a copy of the context variables that are set then.
        """
        return nullcontext()

    def handoff(self, message: Handed) -> AbstractContextManager[object]:  # noqa: ARG002
        """Surround the handing over of one delivery to a queue."""
        return nullcontext()

    def run(self, taken: Taken) -> AbstractContextManager[object]:  # noqa: ARG002
        """Surround one run of a worker, from taking a delivery to settling what follows."""
        return nullcontext()


def checked(observers: Iterable[Observer]) -> tuple[Observer, ...]:
    """`observers`, each once. Raises `ConfigurationError` if one is not an observer."""
    if not isinstance(observers, Iterable):
        kind = type(observers).__name__
        raise ConfigurationError(f"observers must be a list of observers, not of type {kind}")
    once = {id(observer): observer for observer in observers}
    for observer in once.values():
        if not isinstance(observer, Observer):
            kind = type(observer).__name__
            raise ConfigurationError(f"observers must be objects of type Observer, not {kind}")
    return tuple(once.values())


def observed(observers: Sequence[Observer], subject: _Subject) -> AbstractContextManager[None]:
    """A context manager that surrounds `subject` with those of all observers."""
    return _Observed(observers, subject) if observers else _NOT_OBSERVED


class _Observed(AbstractContextManager[None]):
    """Surrounds a subject with the context managers of all observers."""

    __slots__ = ("_entered", "_observers", "_subject")

    def __init__(self, observers: Sequence[Observer], subject: _Subject) -> None:
        self._observers = observers
        self._subject = subject
        self._entered: list[AbstractContextManager[object]] = []

    def __enter__(self) -> None:
        for observer in self._observers:
            try:
                manager = _surrounding(observer, self._subject)
                manager.__enter__()
                self._entered.append(manager)
            except _ENDS_THE_PROGRAM:
                raise
            except BaseException as error:  # noqa: BLE001 - an observer changes nothing
                _ignore(observer, error)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _complete(self._subject, error)
        for manager in reversed(self._entered):
            try:
                manager.__exit__(kind, error, traceback)
            except _ENDS_THE_PROGRAM:
                raise
            except BaseException as raised:  # noqa: BLE001 - the same
                _ignore(manager, raised)


def elapsed(subject: _Subject) -> float:
    """Seconds since the request, the handler, the handoff or the run began."""
    # Functions, and not methods, because users must not see them at the objects they get.
    return perf_counter() - subject._started  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


def _complete(subject: _Subject, error: BaseException | None) -> None:
    """Fill in what is known at the end. `error` is what the subject ended with, if it raised."""
    subject.duration = elapsed(subject)
    subject.error = error or subject.error
    if isinstance(subject, Running):
        subject.outcome = _outcome(error)


def _outcome(
    error: BaseException | None,
) -> Literal["succeeded", "failed", "aborted", "late", "interrupted"]:
    if error is None:
        return "succeeded"
    if isinstance(error, AbortDelivery):
        return "aborted"
    if isinstance(error, InProgress) and not isinstance(error, ClaimLost):
        return "late"
    return "failed" if isinstance(error, Exception) else "interrupted"


def _surrounding(observer: Observer, subject: _Subject) -> AbstractContextManager[object]:
    if isinstance(subject, Seen):
        return observer.request(subject)
    if isinstance(subject, Running):
        return observer.handler(subject)
    if isinstance(subject, Handed):
        return observer.handoff(subject)
    return observer.run(subject)


def _readable_type(delivery: Delivery) -> str | None:
    try:
        return delivery.type
    except PayloadError:
        return None


def _ignore(culprit: object, error: BaseException) -> None:
    kind = type(culprit).__name__
    log(
        logging.ERROR, "ignored an error raised by observer %(observer)s", {"observer": kind}, error
    )
