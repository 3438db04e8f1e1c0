"""`AsyncSQLAlchemyStore`: the synchronous store, run in greenlets."""

import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL

from ...delivery import Delivery
from ...errors import ConfigurationError
from ...idempotency import DEFAULT_RETENTION, DEFAULT_TIMEOUT
from ...running_handler import RunningHandler, claimed_by
from ...store_methods import AsyncStoreMethods, Result
from .._own import Block
from ._greenlets import in_time, synchronous
from ._sync import SQLAlchemyStore

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import (
        AsyncConnection,
        AsyncEngine,
        AsyncSession,
        async_scoped_session,
    )


class AsyncSQLAlchemyStore(AsyncStoreMethods):
    """An `AsyncIdempotencyStore` in the database of `engine`: an `AsyncEngine` or a URL.

    The options and what it raises are those of `SQLAlchemyStore`. A call that takes longer than
    `timeout` is abandoned.
    """

    # SQLAlchemy's async API is its synchronous one in greenlets, and so is this store: rules and
    # transactions are the same code.

    def __init__(
        self,
        engine: "AsyncEngine | AsyncConnection | URL | str",
        *,
        retention: timedelta = DEFAULT_RETENTION,
        timeout: timedelta = DEFAULT_TIMEOUT,
        create_schema: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = _InGreenlets(
            synchronous(engine),
            retention=retention,
            timeout=timeout,
            create_schema=create_schema,
            clock=clock,
        )
        self._seconds = timeout.total_seconds()

    async def apurge(self) -> int:
        """Forget everything older than the retention; returns how many handlers that were."""
        return await self._in_time(self._store.purge, seconds=3600)

    async def aclose(self) -> None:
        """Close the connections of the engine that the store has made of a URL."""
        await self._in_time(self._store.close)

    def transaction(
        self,
        delivery: Delivery,
        session: "AsyncSession | async_scoped_session[Any] | AsyncConnection",
    ) -> AbstractAsyncContextManager[None]:
        """The app's own transaction, for the ``async with`` block that has the handler's effect.

        Does and raises what `SQLAlchemyStore.transaction` does.
        """
        running = claimed_by(self, delivery, "transaction")
        steps = self._store.steps(running, _target(session))
        return _AsyncBlock(running, Block(running, steps), self._in_time)

    def confirm_in(
        self,
        delivery: Delivery,
        session: "AsyncSession | async_scoped_session[Any] | AsyncConnection",
    ) -> Awaitable[None]:
        """Confirm the handler in the open transaction of `session`: await this, then commit.

        Does and raises what `SQLAlchemyStore.confirm_in` does.
        """
        running = claimed_by(self, delivery, "confirm_in")
        join = partial(self._store.join, running, _target(session))
        return _Confirmation(running, partial(self._in_time, join, grace=1))

    async def _ado(self, method: Callable[..., Result], *arguments: Any) -> Result:
        return await self._in_time(getattr(self._store, method.__name__), *arguments)

    async def _in_time(
        self, call: Callable[..., Result], *arguments: Any, seconds: float = 0, grace: float = 0
    ) -> Result:
        """Make a synchronous call in a greenlet, at most for `seconds` or the timeout."""
        return await in_time(call, *arguments, seconds=max(seconds, self._seconds), grace=grace)


class _AsyncBlock(AbstractAsyncContextManager[None]):
    """A `Block` whose steps run in greenlets.

    A step that is cancelled must not go on while the app closes its session: it gets a second.
    """

    def __init__(
        self, running: RunningHandler, block: Block, in_time: Callable[..., Awaitable[None]]
    ) -> None:
        self._running, self._block, self._in_time = running, block, in_time

    async def __aenter__(self) -> None:
        await self._in_time(self._block.__enter__, grace=1)

    async def __aexit__(self, *error: object) -> None:
        # The app's flush is among the steps. It may take as long as the lease lasts.
        seconds = self._running.remaining()
        await self._in_time(self._block.__exit__, *error, seconds=seconds, grace=1)


class _Confirmation:
    """What does nothing until it is awaited, which the running handler is told."""

    def __init__(
        self, running: RunningHandler, confirm: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        self._running, self._confirm = running, confirm
        running.unawaited.add(self)

    def __await__(self) -> Generator[Any, None, None]:
        self._running.unawaited.discard(self)
        return self._confirm().__await__()


class _InGreenlets(SQLAlchemyStore):
    """The store behind an async one."""

    _is_async = True

    def steps(self, running: RunningHandler, target: object) -> AbstractContextManager[None]:
        """The steps of `transaction`."""
        return self._steps(running, target)

    def join(self, running: RunningHandler, target: object) -> None:
        """The step of `confirm_in`."""
        self._join(running, target)


def _target(session: object) -> object:
    """What an async session or connection wraps. Raises `ConfigurationError` for another one."""
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_scoped_session

    if isinstance(session, async_scoped_session):
        session = session()  # pyright: ignore[reportUnknownVariableType] - of any session class
    if isinstance(session, AsyncSession):
        return session.sync_session
    if isinstance(session, AsyncConnection):
        return session.sync_connection
    raise ConfigurationError(
        "session must be an AsyncSession, an async_scoped_session or an AsyncConnection, not "
        f"{type(session).__name__}",  # pyright: ignore[reportUnknownArgumentType]
        reason="wrong_session",
    )
