"""A claim on the handlers of one delivery, from the store's answer until each of them is settled.

A handler is settled as soon as it has ended: confirmed if it succeeded, released if not. Whatever
ends a run early, what was claimed and not run is released, so that no retry waits for the lease.
"""

import logging
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from .errors import ClerkHooksError, ConfigurationError, StoreUnavailable
from .eventloop import ThreadCall, wait
from .handler import RegisteredHandler
from .idempotency import Claim, IdempotencyStore, ObjectVersion, RunningHandler
from .instants import unix_milliseconds

if TYPE_CHECKING:
    from asyncio import CancelledError

    from typing_extensions import Self

    from .events import AnyEvent

_Answer = TypeVar("_Answer")

_logger = logging.getLogger("clerk_hooks")


class Claims:
    """The claimed handlers of one message; ``with`` or ``async with`` claims and releases them.

    With ``with`` the store is called in this thread; with ``async with`` in another one, or it is
    awaited where it has `aclaim` and its like. What a store raises becomes `StoreUnavailable`,
    unless it is a `ConfigurationError`.
    """

    def __init__(
        self,
        store: IdempotencyStore,
        lease: timedelta,
        message_id: str,
        event: "AnyEvent",
        handlers: Sequence[RegisteredHandler],
    ) -> None:
        self._store = store
        self._lease = lease
        self._message_id = message_id
        self._handlers = handlers
        self._version = object_version(event, handlers)
        self._claim = Claim("", ())
        self._unsettled: set[str] = set()
        self._confirmed: list[str] = []
        self._has_lost = False
        self._started = perf_counter()

    def __enter__(self) -> "Self":
        self._take(self._answer(self._store.claim, *self._question()))
        return self

    def __exit__(self, *raised: object) -> None:
        if self._unsettled:
            # The lease releases them too, later; what ended the run matters more than that.
            with suppress(StoreUnavailable):
                self._release(self._unsettled)

    async def __aenter__(self) -> "Self":
        claim, cancellation = await self._ask("claim", *self._question())
        self._take(claim)
        if cancellation is not None:
            await self.__aexit__()
            raise cancellation
        return self

    async def __aexit__(self, *raised: object) -> None:
        if self._unsettled:
            with suppress(StoreUnavailable):
                await self._arelease(self._unsettled)

    @property
    def to_run(self) -> tuple[RegisteredHandler, ...]:
        """The handlers that were claimed."""
        return tuple([handler for handler in self._handlers if handler.name in self._claim.run])

    @property
    def is_waiting(self) -> bool:
        """Whether some handler is being run elsewhere, or is left to a later attempt."""
        return bool(self._claim.busy or self._unsettled or self._has_lost)

    @property
    def done(self) -> tuple[str, ...]:
        """The names of the handlers that are confirmed, by now or by earlier runs."""
        return (*self._claim.done, *self._confirmed)

    @property
    def outcome(self) -> Literal["handled", "duplicate", "stale"]:
        """How the message stands where nothing failed and nothing is waited for."""
        if self._claim.run:
            return "handled"
        return "stale" if self._claim.stale else "duplicate"

    def due(self) -> Iterator[RegisteredHandler]:
        """What to run, in order, until the lease is over.

        From then on others may claim the rest, and no handler shall run twice at a time.
        """
        for handler in self.to_run:
            if perf_counter() - self._started >= self._lease.total_seconds():
                return
            yield handler

    def running(self, handler: RegisteredHandler) -> RunningHandler:
        """What `running_handler` is to say while `handler` is run."""
        return RunningHandler(self._message_id, handler.name, self._claim.token, handler.is_async)

    def settle(self, handler: RegisteredHandler, *, succeeded: bool) -> None:
        """Confirm or release `handler`, which has ended. Raises `StoreUnavailable`."""
        self._unsettled.discard(handler.name)
        if succeeded:
            confirmed = self._answer(self._store.confirm, *self._success(handler.name))
            self._note(handler.name, confirmed=confirmed)
        else:
            self._release([handler.name])

    async def asettle(self, handler: RegisteredHandler, *, succeeded: bool) -> None:
        """Like `settle`; a cancellation waits for the end of it."""
        self._unsettled.discard(handler.name)
        if not succeeded:
            await self._arelease([handler.name])
            return
        confirmed, cancellation = await self._ask("confirm", *self._success(handler.name))
        self._note(handler.name, confirmed=confirmed)
        if cancellation is not None:
            raise cancellation

    def _question(self) -> tuple[str, tuple[str, ...], timedelta, ObjectVersion | None]:
        names = tuple([handler.name for handler in self._handlers])
        return self._message_id, names, self._lease, self._version

    def _take(self, claim: Claim) -> None:
        self._claim = claim
        self._unsettled = set(claim.run)

    def _success(self, name: str) -> tuple[str, str, str, ObjectVersion | None]:
        version = self._version
        mark = version if version is not None and name in version.handlers else None
        return self._message_id, name, self._claim.token, mark

    def _note(self, name: str, *, confirmed: bool) -> None:
        if confirmed:
            self._confirmed.append(name)
        else:
            self._has_lost = True
            _logger.warning(
                "%s: handler %s ran longer than its lease, and another attempt came before it",
                self._message_id,
                name,
                extra={"message_id": self._message_id, "handler": name, "outcome": "lost"},
            )

    def _release(self, names: Iterable[str]) -> None:
        self._answer(self._store.release, self._message_id, tuple(names), self._claim.token)

    async def _arelease(self, names: Iterable[str]) -> None:
        arguments = self._message_id, tuple(names), self._claim.token
        _, cancellation = await self._ask("release", *arguments)
        if cancellation is not None:
            raise cancellation

    def _answer(self, call: Callable[..., _Answer], *arguments: object) -> _Answer:
        with _errors_of_the_store():
            return call(*arguments)

    async def _ask(self, name: str, *arguments: object) -> "tuple[Any, CancelledError | None]":
        """What the store's method answers; and the cancellation that came meanwhile, if any.

        It is waited for all the same, as what is half claimed or half confirmed is neither.
        """
        import asyncio

        method: Callable[..., Awaitable[object]] | None = getattr(self._store, "a" + name, None)
        cancellation = None
        try:
            with _errors_of_the_store():
                if method is None:
                    call = ThreadCall(partial(getattr(self._store, name), *arguments))
                    cancellation = await call.run(asyncio.to_thread)
                    return call.result(), cancellation
                future = asyncio.ensure_future(method(*arguments))
                cancellation = await wait(future)
                if future.cancelled() and cancellation is None:
                    raise RuntimeError("the store was cancelled by what it awaits")
                return future.result(), cancellation
        except ClerkHooksError as error:
            if cancellation is not None:
                raise cancellation from error
            raise


@contextmanager
def _errors_of_the_store() -> Generator[None]:
    """Make everything that a store raises a `StoreUnavailable`, but for a `ConfigurationError`."""
    try:
        yield
    except (ConfigurationError, StoreUnavailable):
        raise
    except Exception as error:
        raise _unavailable(error) from error


def object_version(
    event: "AnyEvent", handlers: Sequence[RegisteredHandler]
) -> ObjectVersion | None:
    """What `event` is about, if some of `handlers` drop stale events and its data has an id."""
    names = frozenset([handler.name for handler in handlers if handler.drop_stale])
    object_id = getattr(event.data, "id", None) if names else None
    if not isinstance(object_id, str):
        return None
    family, _, verb = event.type.partition(".")
    instant = getattr(event.data, "updated_at", None) or event.timestamp
    time = unix_milliseconds(instant) if isinstance(instant, datetime) else None
    return ObjectVersion(family, object_id, time, verb == "deleted", names)


def _unavailable(error: BaseException) -> StoreUnavailable:
    return StoreUnavailable(f"the store failed with {type(error).__name__}")
