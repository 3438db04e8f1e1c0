"""Waiting on an event loop: through cancellations, and for calls in threads.

asyncio is imported inside the functions, because most synchronous programs never need it.
"""

import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from threading import Lock
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, TypeAlias, cast

from .errors import ConfigurationError
from .one_thread import OneThread

if TYPE_CHECKING:
    from asyncio import CancelledError, Future

RunSync: TypeAlias = Callable[[Callable[[], object]], Awaitable[object]]
"""Runs a synchronous call in another thread than the event loop's, as `asyncio.to_thread` does."""


async def wait(future: "Future[object]") -> "CancelledError | None":
    """Wait for the end of `future`, through cancellations of the caller; returns the last one."""
    import asyncio

    cancellation = None
    while not future.done():
        # A cancellation ends a future that is awaited. `asyncio.wait` costs half as much again.
        waiter = asyncio.get_running_loop().create_future()
        future.add_done_callback(partial(_wake, waiter))
        try:
            await waiter
        except asyncio.CancelledError as error:
            cancellation = error
    return cancellation


def _wake(waiter: "Future[None]", _: object = None) -> None:
    if not waiter.done():
        waiter.set_result(None)


class ThreadCall:
    """A synchronous call that `run_sync` makes in a thread, and that is always waited for.

    A future cannot carry everything that a call may raise: a StopIteration leaves it pending
    forever, and a SystemExit stops the loop before anybody learns of it. It is also cancelled with
    all other tasks when a loop shuts down, while the thread runs on. So the outcome is kept here.
    """

    def __init__(self, call: Callable[[], object]) -> None:
        import asyncio

        # Not every `run_sync` copies the context variables of the request.
        self._context = copy_context()
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._is_over = False  # Both belong to the loop.
        self._ended: Future[None] | None = None
        self._lock = Lock()  # Guards the two below: a call is called off or begun, never both.
        self._is_called_off = False
        self._has_begun = False
        self._result: object = None
        self._error: BaseException | None = None

    def __call__(self) -> None:
        """Make the call, unless it was called off; for `run_sync`."""
        with self._lock:
            if self._is_called_off:
                return
            self._has_begun = True
        try:
            self._result = self._context.run(self._call)
        except BaseException as error:  # noqa: BLE001 - raised again by `result`
            self._error = error
        with suppress(RuntimeError):  # The loop is closed, so nobody is waiting.
            self._loop.call_soon_threadsafe(self._end)

    async def run(self, run_sync: RunSync) -> "CancelledError | None":
        """Run to the end, through cancellations of the caller; returns the last one.

        Raises what `run_sync` raises if it did not make the call.
        """
        import asyncio

        future = asyncio.ensure_future(run_sync(self))
        cancellation = await wait(future)
        with self._lock:
            self._is_called_off = not self._has_begun
        if self._is_called_off:
            if cancellation is not None:
                raise cancellation
            future.result()
            raise RuntimeError("run_sync did not make the call that it was given")
        return await self._wait() or cancellation

    async def run_in(self, thread: OneThread) -> "CancelledError | None":
        """Like `run`, in this `thread`; `result` raises `TimeoutError` if it could not begin."""
        thread.submit(self)
        timer = self._loop.call_later(thread.seconds, self._call_off)
        cancellation = await self._wait()
        timer.cancel()
        return cancellation

    def result(self) -> object:
        """What the call returned, or raised."""
        if self._error is not None:
            raise failure(self._error)
        return self._result

    def _call_off(self) -> None:
        """Let it be over, unless it has begun."""
        with self._lock:
            if self._has_begun:
                return
            self._is_called_off = True
        self._error = TimeoutError("the calls before this one took too long")
        self._end()

    def _end(self) -> None:
        self._is_over = True
        if self._ended is not None:
            _wake(self._ended)

    async def _wait(self) -> "CancelledError | None":
        """Wait until it is over, through cancellations of the caller; returns the last one."""
        import asyncio

        cancellation = None
        while not self._is_over:
            # A cancellation ends a future that is awaited. So each wait has one of its own.
            self._ended = self._loop.create_future()
            try:
                await self._ended
            except asyncio.CancelledError as error:
                cancellation = error
        return cancellation


def failure(error: BaseException) -> BaseException:
    """`error`, which a handler raised; for a cancellation that nobody requested, a RuntimeError."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or not isinstance(error, asyncio.CancelledError):
        return error
    unasked = RuntimeError("the handler was cancelled by what it called or awaited")
    unasked.__cause__ = error
    return unasked


def check_has_run(result: object, kind: str = "handler") -> None:
    """Check that what a handler returned is not a generator: calling its function runs nothing.

    `kind` is what has returned it, for the error. Raises `ConfigurationError`.
    """
    if type(result).__module__ == "contextlib":  # What `contextmanager` makes of a generator.
        result = getattr(result, "gen", None)
    if type(result) in (GeneratorType, AsyncGeneratorType):
        raise ConfigurationError(f"the {kind} returned a generator, of which nothing has run")


async def finished(result: object, kind: str = "handler") -> object:
    """The result of a handler, awaited until nothing is left to await: it may forget an `await`.

    Raises `ConfigurationError` for a generator.
    """
    while isinstance(result, Awaitable):
        result = await cast("Awaitable[object]", result)
    check_has_run(result, kind)
    return result


async def awaited(awaitable: Awaitable[object]) -> object:
    """Like `finished`; a cancellation that comes from what is awaited, and nobody requested, is a
    failure.
    """
    import asyncio

    try:
        return await finished(awaitable)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        # Before Python 3.11 a task cannot tell, so the cancellation stands.
        if sys.version_info < (3, 11) or task is None or task.cancelling():
            raise
        raise failure(error) from error


def discard(awaitable: object) -> None:
    """Close a coroutine that will never be awaited, so that Python does not warn."""
    if isinstance(awaitable, Coroutine):
        awaitable.close()
