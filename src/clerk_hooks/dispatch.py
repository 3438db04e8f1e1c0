"""Running the handlers of one event, for synchronous and for asynchronous callers.

All of them run, in the order given; what they raise is logged, kept, and raised as one
`HandlerError` at the end. Where they were claimed in a store, each claim is settled as soon as its
handler has ended. asyncio is imported only where something has to be awaited.
"""

import logging
from collections.abc import Awaitable, Sequence
from functools import partial
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, cast

from .claims import Claims
from .delivery import Delivery
from .errors import AbortDelivery, HandlerError, InputTypeError
from .eventloop import OwnLoop, RunSync, ThreadCall, awaited, discard, failure
from .handler import RegisteredHandler
from .idempotency import RunningHandler, running_handler

if TYPE_CHECKING:
    from typing_extensions import Self

    from .events import AnyEvent

_logger = logging.getLogger("clerk_hooks")


def run_handlers(
    handlers: Sequence[RegisteredHandler],
    event: "AnyEvent",
    delivery: Delivery | None,
    claims: Claims | None = None,
) -> None:
    """Run `handlers` for a synchronous caller; async ones on one event loop, made for this call.

    `claims` are the claims on these handlers; once their lease is over, no more are begun.

    Raises `HandlerError`; `ConfigurationError` before any handler has run where there are async
    ones and an event loop is running already; `StoreUnavailable` as soon as a claim cannot be
    settled.
    """
    run = _Run(handlers, event, delivery, claims, can_be_cancelled=False)
    loop = OwnLoop()
    for handler in handlers:
        if handler.is_async:
            loop.open()
    try:
        for handler in claims.due() if claims is not None else handlers:
            with run.attempt(handler) as attempt:
                result = handler.call(event, delivery)
                if result is not None and isinstance(result, Awaitable):
                    loop.run(cast("Awaitable[object]", result))
            if claims is not None:
                claims.settle(handler, succeeded=attempt.succeeded)
    finally:
        loop.close()
    run.finish()


async def arun_handlers(
    handlers: Sequence[RegisteredHandler],
    event: "AnyEvent",
    delivery: Delivery | None,
    run_sync: RunSync | None,
    claims: Claims | None = None,
) -> None:
    """Run `handlers` on the running event loop; sync ones through `run_sync`, else in a thread.

    `claims` are as for `run_handlers`. A cancellation waits for the end of a sync handler, which
    nothing can interrupt, and for its claim to be settled. Raises `HandlerError` and
    `StoreUnavailable`.
    """
    import asyncio

    run_sync = run_sync or asyncio.to_thread
    run = _Run(handlers, event, delivery, claims, can_be_cancelled=True)
    for handler in claims.due() if claims is not None else handlers:
        cancellation = None
        with run.attempt(handler) as attempt:
            if handler.is_async:
                result = handler.call(event, delivery)
            else:
                call = ThreadCall(partial(handler.call, event, delivery))
                cancellation = await call.run(run_sync)
                result = call.result()
            if result is not None and isinstance(result, Awaitable):
                if cancellation is not None:
                    discard(cast("object", result))
                    raise cancellation
                await awaited(cast("Awaitable[object]", result))
        if claims is not None:
            await claims.asettle(handler, succeeded=attempt.succeeded)
        if cancellation is not None:
            raise cancellation
    run.finish()


def _refuse_lacking(handlers: Sequence[RegisteredHandler]) -> None:
    """Refuse to run a handler without the delivery that it demands."""
    for handler in handlers:
        if handler.needs_delivery:
            raise InputTypeError(
                f"the handler {handler.name} takes (event, delivery): dispatch a Delivery, not an "
                "event alone",
                reason="no_delivery",
            )


class _Run:
    """What the handlers of one event have raised so far."""

    def __init__(
        self,
        handlers: Sequence[RegisteredHandler],
        event: "AnyEvent",
        delivery: Delivery | None,
        claims: Claims | None,
        *,
        can_be_cancelled: bool,
    ) -> None:
        if delivery is None:
            _refuse_lacking(handlers)
        self.can_be_cancelled = can_be_cancelled
        self._handlers = handlers
        self._event = event
        self._delivery = delivery
        self._claims = claims
        self._failures: list[tuple[RegisteredHandler, Exception]] = []

    def attempt(self, handler: RegisteredHandler) -> "_Attempt":
        """A context for running `handler`: an exception in it is logged and kept, not raised."""
        running = self._claims.running(handler) if self._claims is not None else None
        return _Attempt(self, handler, running)

    def fail(self, handler: RegisteredHandler, error: Exception, seconds: float) -> None:
        """Log what `handler` raised, and keep it."""
        message_id = self._delivery.message_id if self._delivery is not None else None
        outcome = "aborted" if isinstance(error, AbortDelivery) else "failed"
        _logger.error(
            "%s: handler %s %s after %.3f s",
            " ".join(filter(None, (message_id, self._event.type))),
            handler.name,
            outcome,
            seconds,
            exc_info=error,
            extra={
                "message_id": message_id,
                "event_type": self._event.type,
                "handler": handler.name,
                "outcome": outcome,
                "duration": seconds,
            },
        )
        self._failures.append((handler, error))

    def finish(self) -> None:
        """Raise what was kept, if anything."""
        if self._failures:
            names = [
                f"{handler.name} ({type(error).__name__})" for handler, error in self._failures
            ]
            raise HandlerError(
                f"{len(names)} of {len(self._handlers)} handlers failed: {', '.join(names)}",
                [error for _, error in self._failures],
            )


class _Attempt:
    """One handler being run."""

    __slots__ = ("_handler", "_run", "_running", "_started", "_token", "succeeded")

    def __init__(
        self, run: _Run, handler: RegisteredHandler, running: RunningHandler | None
    ) -> None:
        self._run = run
        self._handler = handler
        self._running = running
        self.succeeded = False

    def __enter__(self) -> "Self":
        self._token = running_handler.set(self._running)
        self._started = perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        running_handler.reset(self._token)
        if error is not None and not self._run.can_be_cancelled:
            error = failure(error)
        self.succeeded = error is None
        if not isinstance(error, Exception):
            return False
        self._run.fail(self._handler, error, perf_counter() - self._started)
        return True
