"""Running the handlers of one event, for synchronous and for asynchronous callers.

All of them run, in the order given; what they raise is logged, kept, and raised as one
`HandlerError` at the end. asyncio is imported only where something has to be awaited.
"""

import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, TypeAlias, cast

from .delivery import Delivery
from .errors import AbortDelivery, ConfigurationError, HandlerError, InputTypeError
from .handler import RegisteredHandler

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, CancelledError, Future

    from .events import AnyEvent

RunSync: TypeAlias = Callable[[Callable[[], object]], Awaitable[object]]
"""Runs a synchronous call away from the event loop, as `asyncio.to_thread` does."""

_logger = logging.getLogger("clerk_hooks")


def run_handlers(
    handlers: Sequence[RegisteredHandler], event: "AnyEvent", delivery: Delivery | None
) -> None:
    """Run `handlers` for a synchronous caller; async ones on one event loop, made for this call.

    Raises `HandlerError`, and `ConfigurationError` before any handler has run where there are async
    ones and an event loop is running already.
    """
    run = _Run(handlers, event, delivery)
    loop = _Loop()
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
    run = _Run(handlers, event, delivery)
    for handler in handlers:
        cancellation = None
        with run.attempt(handler):
            if handler.is_async:
                result = handler.call(event, delivery)
            else:
                errors: list[BaseException] = []
                call = partial(_call, handler, event, delivery, errors)
                thread = asyncio.ensure_future(run_sync(call))
                cancellation = await _wait(thread)
                result = thread.result()
                if errors:
                    raise errors[0]
            if cancellation is not None:
                _discard(result)
            elif result is not None and isinstance(result, Awaitable):
                await result
        if cancellation is not None:
            raise cancellation
    run.finish()


def _call(
    handler: RegisteredHandler,
    event: "AnyEvent",
    delivery: Delivery | None,
    errors: list[BaseException],
) -> object:
    """Call `handler` in a thread; what it raises goes to `errors`.

    A future cannot carry all exceptions: a StopIteration leaves it pending for ever, one kind of
    CancelledError becomes the other, and a SystemExit stops the loop before anybody is told.
    """
    try:
        return handler.call(event, delivery)
    except BaseException as error:  # noqa: BLE001 - raised again by the caller
        errors.append(error)
        return None


def _discard(awaitable: object) -> None:
    """Drop what will never be awaited; of a coroutine Python would warn."""
    if isinstance(awaitable, Coroutine):
        awaitable.close()


async def _wait(future: "Future[object]") -> "CancelledError | None":
    """Wait for the end of `future`, through cancellations of the caller; returns the last one."""
    import asyncio

    cancellation = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancellation = error
    return cancellation


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
    ) -> None:
        if delivery is None:
            _refuse_lacking(handlers)
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
        if not isinstance(error, Exception):
            return False
        self._run.fail(self._handler, error, perf_counter() - self._started)
        return True


class _Loop:
    """The event loop of one synchronous run, made when something has to be awaited."""

    def __init__(self) -> None:
        self._loop: AbstractEventLoop | None = None

    def open(self) -> "AbstractEventLoop":
        """The loop. Raises `ConfigurationError` inside another loop that is running."""
        import asyncio

        if self._loop is None:
            try:
                asyncio.get_running_loop()
            except RuntimeError:  # None is running, as it should be.
                self._loop = asyncio.new_event_loop()
            else:
                raise ConfigurationError(
                    "an async handler cannot be run by a synchronous call inside a running event "
                    "loop: await adispatch (or areceive) there",
                    reason="running_loop",
                )
        return self._loop

    def run(self, awaitable: Awaitable[object]) -> None:
        """Await `awaitable` to its end."""
        from asyncio import CancelledError

        try:
            loop = self.open()
        except ConfigurationError:
            _discard(awaitable)
            raise
        try:
            loop.run_until_complete(_as_coroutine(awaitable))
        except CancelledError as error:  # Nobody cancels this run, so it is a failure like others.
            raise RuntimeError("the handler was cancelled by what it awaited") from error

    def close(self) -> None:
        """End what the handlers have left running, and the loop; as `asyncio.run` does."""
        loop = self._loop
        if loop is None:
            return
        import asyncio

        try:
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            if tasks:
                loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            for task in tasks:
                if not task.cancelled() and (error := task.exception()) is not None:
                    message = "a task that a handler left running failed when it was cancelled"
                    loop.call_exception_handler(
                        {"message": message, "exception": error, "task": task}
                    )
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            loop.close()


async def _as_coroutine(awaitable: Awaitable[object]) -> object:
    return await awaitable
