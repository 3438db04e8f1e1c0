"""Calling a store: in this thread, in another one, or awaited.

asyncio is imported inside the functions, because most synchronous programs never need it.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from .errors import ConfigurationError, StoreUnavailable
from .memory import MemoryStore
from .one_thread import OneThread
from .waiting import ThreadCall, wait

if TYPE_CHECKING:
    from asyncio import CancelledError

_WRITES = ("claim", "confirm")
"""What a store with a thread of its own does there. The others do not wait for those that write."""


def ask(store: object, name: str, *arguments: object) -> Any:
    """The answer of the store's method.

    Raises `ConfigurationError`, and `StoreUnavailable` for everything else that the store raises.
    """
    try:
        return getattr(store, name)(*arguments)
    except (ConfigurationError, StoreUnavailable):
        raise
    except Exception as error:
        raise _unavailable(error) from error


async def aask(
    cancelled: "list[CancelledError]", store: object, name: str, *arguments: object
) -> Any:
    """Like `ask`: awaits the store's method for event loops, else calls the other in a thread.

    The call is waited for through every cancellation, because a claim that is half made is neither
    there nor gone. `cancelled` gets the cancellation, which the caller raises when it has noted the
    answer; if there is none because the store failed, this raises it.
    """
    if type(store) is MemoryStore:  # It never waits, so it needs neither a thread nor a task.
        return ask(store, name, *arguments)
    import asyncio

    method: Callable[..., Awaitable[object]] | None = getattr(store, "a" + name, None)
    cancellation = None
    try:
        if method is None:
            call = ThreadCall(partial(getattr(store, name), *arguments))
            thread = getattr(store, "one_thread", None) if name in _WRITES else None
            if isinstance(thread, OneThread):
                cancellation = await call.run_in(thread)
            else:
                cancellation = await call.run(asyncio.to_thread)
            answer = call.result()
        else:
            future = asyncio.ensure_future(method(*arguments))
            cancellation = await wait(future)
            if future.cancelled() and cancellation is None:
                raise RuntimeError("the store was cancelled by what it awaits")
            answer = future.result()
    except Exception as error:
        if cancellation is not None:
            raise cancellation from error
        if isinstance(error, (ConfigurationError, StoreUnavailable)):
            raise
        raise _unavailable(error) from error
    if cancellation is not None:
        cancelled.append(cancellation)
    return answer


def _unavailable(error: Exception) -> StoreUnavailable:
    return StoreUnavailable(f"the store failed with {type(error).__name__}")
