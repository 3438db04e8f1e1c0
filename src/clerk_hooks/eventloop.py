"""Event loops: one of a synchronous call's own, and waiting through cancellations.

asyncio is imported inside the functions, as most programs that are synchronous never need it.
"""

import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from contextvars import copy_context
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

from .errors import ConfigurationError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, CancelledError, Future

RunSync: TypeAlias = Callable[[Callable[[], object]], Awaitable[object]]
"""Runs a synchronous call away from the event loop, as `asyncio.to_thread` does."""


async def wait(future: "Future[object]") -> "CancelledError | None":
    """Wait for the end of `future`, through cancellations of the caller; returns the last one."""
    import asyncio

    cancellation = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancellation = error
    return cancellation


class ThreadCall:
    """A synchronous call that `run_sync` takes to a thread, and that is waited for in any case.

    A future cannot carry all that a call may raise (a StopIteration leaves it pending for ever, a
    SystemExit stops the loop before anybody is told), and it is cancelled with all other tasks when
    a loop is shut down, while the thread runs on. So what became of the call is kept here.
    """

    def __init__(self, call: Callable[[], object]) -> None:
        import asyncio

        # Not every `run_sync` takes the context variables of the request along.
        self._context = copy_context()
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        self._lock = Lock()  # Over the two that follow: called off or begun, never both.
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
        with suppress(RuntimeError):  # The loop is closed, so nobody waits any more.
            self._loop.call_soon_threadsafe(self._ended.set_result, None)

    async def run(self, run_sync: RunSync) -> "CancelledError | None":
        """Run to the end, through cancellations of the caller; returns the last one.

        Raises what `run_sync` raises where it has not made the call.
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
            raise RuntimeError("run_sync has not made the call that it was given")
        return await wait(self._ended) or cancellation

    def result(self) -> object:
        """What the call returned, or raised."""
        if self._error is not None:
            raise failure(self._error)
        return self._result


def failure(error: BaseException) -> BaseException:
    """`error`, which a handler raised; but a cancellation that nobody asked for is an error too."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or not isinstance(error, asyncio.CancelledError):
        return error
    unasked = RuntimeError("the handler was cancelled by what it called or awaited")
    unasked.__cause__ = error
    return unasked


async def awaited(awaitable: Awaitable[object]) -> object:
    """What `awaitable` gives; a cancellation out of it that nobody asked for is a failure."""
    import asyncio

    try:
        return await awaitable
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        # Before Python 3.11 a task cannot tell, and the cancellation stands.
        if sys.version_info < (3, 11) or task is None or task.cancelling():
            raise
        raise failure(error) from error


def discard(awaitable: object) -> None:
    """Drop what will never be awaited; of a coroutine Python would warn."""
    if isinstance(awaitable, Coroutine):
        awaitable.close()


class OwnLoop:
    """The event loop of one synchronous call, made when something has to be awaited."""

    __slots__ = ("_loop",)

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
        try:
            loop = self.open()
        except ConfigurationError:
            discard(awaitable)
            raise
        loop.run_until_complete(_as_coroutine(awaitable))

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
