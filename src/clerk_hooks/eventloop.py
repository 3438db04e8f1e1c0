"""Event loops: one of a synchronous call's own, and waiting through cancellations.

asyncio is imported inside the functions, as most programs that are synchronous never need it.
"""

from collections.abc import Awaitable, Coroutine
from typing import TYPE_CHECKING

from .errors import ConfigurationError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, CancelledError, Future


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


def discard(awaitable: object) -> None:
    """Drop what will never be awaited; of a coroutine Python would warn."""
    if isinstance(awaitable, Coroutine):
        awaitable.close()


class OwnLoop:
    """The event loop of one synchronous call, made when something has to be awaited."""

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
            discard(awaitable)
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
