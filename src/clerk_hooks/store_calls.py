"""Calling a store: in this thread, in another one, or awaited.

asyncio is imported inside the functions, because most synchronous programs never need it.
"""

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from .errors import ClerkHooksError, ConfigurationError, StoreUnavailable
from .memory import MemoryStore
from .waiting import ThreadCall, wait

if TYPE_CHECKING:
    from asyncio import CancelledError


def ask(store: object, name: str, *arguments: object) -> Any:
    """The answer of the store's method. Raises `StoreUnavailable` and `ConfigurationError`."""
    with _errors_of_the_store():
        return getattr(store, name)(*arguments)


async def aask(
    cancelled: "list[CancelledError]", store: object, name: str, *arguments: object
) -> Any:
    """Like `ask`: awaits the store's method for event loops, else calls the other in a thread.

    The call is waited for through every cancellation, because a claim that is half made is neither
    there nor gone. `cancelled` gets the cancellation, which the caller raises when it has noted the
    answer. If the store fails, this raises it.
    """
    import asyncio

    method: Callable[..., Awaitable[object]] | None = getattr(store, "a" + name, None)
    cancellation = None
    try:
        with _errors_of_the_store():
            if method is None:
                call = ThreadCall(partial(getattr(store, name), *arguments))
                cancellation = await call.run(asyncio.to_thread)
                return call.result()
            if type(store) is MemoryStore:  # It never waits, so nothing can cancel it.
                return await method(*arguments)
            future = asyncio.ensure_future(method(*arguments))
            cancellation = await wait(future)
            if future.cancelled() and cancellation is None:
                raise RuntimeError("the store was cancelled by what it awaits")
            return future.result()
    except ClerkHooksError as error:
        if cancellation is not None:
            raise cancellation from error
        raise
    finally:
        if cancellation is not None:
            cancelled.append(cancellation)


@contextmanager
def _errors_of_the_store() -> Generator[None]:
    """Turn everything that a store raises, except `ConfigurationError`, into `StoreUnavailable`."""
    try:
        yield
    except (ConfigurationError, StoreUnavailable):
        raise
    except Exception as error:
        raise StoreUnavailable(f"the store failed with {type(error).__name__}") from error
