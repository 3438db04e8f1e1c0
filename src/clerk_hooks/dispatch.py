"""Running the handlers of one event, for synchronous and for asynchronous callers.

All of them run, in the order given; what they raise is logged, kept, and raised as one
`HandlerError` at the end. asyncio is imported only where something has to be awaited.
"""

import logging
from collections.abc import Awaitable, Sequence
from functools import partial
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, cast

from .delivery import Delivery
from .errors import AbortDelivery, HandlerError, InputTypeError
from .eventloop import OwnLoop, RunSync, ThreadCall, awaited, discard, failure
from .handler import RegisteredHandler

if TYPE_CHECKING:
    from .events import AnyEvent

_logger = logging.getLogger("clerk_hooks")


def run_handlers(
    handlers: Sequence[RegisteredHandler], event: "AnyEvent", delivery: Delivery | None
) -> None:
    """Run `handlers` for a synchronous caller; async ones on one event loop, made for this call.

    Raises `HandlerError`, and `ConfigurationError` before any handler has run where there are async
    ones and an event loop is running already.
    """
    run = _Run(handlers, event, delivery, can_be_cancelled=False)
    loop = OwnLoop()
    for handler in handlers:
        if handler.is_async:
            loop.open()
    try:
        for handler in handlers:
            with run.attempt(handler):
                result = handler.call(event, delivery)
                if result is not None and isinstance(result, Awaitable):
                    loop.run(cast("Awaitable[object]", result))
    finally:
        loop.close()
    run.finish()


async def arun_handlers(
    handlers: Sequence[RegisteredHandler],
    event: "AnyEvent",
    delivery: Delivery | None,
    run_sync: RunSync | None,
) -> None:
    """Run `handlers` on the running event loop; sync ones through `run_sync`, else in a thread.

    A cancellation waits for the end of a sync handler, which nothing can interrupt. Raises
    `HandlerError`.
    """
    import asyncio

    run_sync = run_sync or asyncio.to_thread
    run = _Run(handlers, event, delivery, can_be_cancelled=True)
    for handler in handlers:
        cancellation = None
        with run.attempt(handler):
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
        *,
        can_be_cancelled: bool,
    ) -> None:
        if delivery is None:
            _refuse_lacking(handlers)
        self.can_be_cancelled = can_be_cancelled
        self._handlers = handlers
        self._event = event
        self._delivery = delivery
        self._failures: list[tuple[RegisteredHandler, Exception]] = []

    def attempt(self, handler: RegisteredHandler) -> "_Attempt":
        """A context for running `handler`: an exception in it is logged and kept, not raised."""
        return _Attempt(self, handler)

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
    __slots__ = ("_handler", "_run", "_started")

    def __init__(self, run: _Run, handler: RegisteredHandler) -> None:
        self._run = run
        self._handler = handler

    def __enter__(self) -> None:
        self._started = perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if error is not None and not self._run.can_be_cancelled:
            error = failure(error)
        if not isinstance(error, Exception):
            return False
        self._run.fail(self._handler, error, perf_counter() - self._started)
        return True
