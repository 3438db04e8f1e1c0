"""Transactions of `SQLAlchemyStore`: on an `Engine`, and awaited on an `AsyncEngine`.

Both run pieces of work, each in its own transaction or at the end of the transaction that a handler
asked for. The handlers' transactions are kept by claim: its token and the handler's name.
"""

import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from sqlalchemy import Engine
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..errors import ConfigurationError, StoreUnavailable
from ._database import (
    Settings,
    failures,
    is_worth_another,
    limit,
    perform,
    prepare,
    refuse_commits,
    remaining,
)
from ._fork import keep, leave_when_forked
from ._sql import Transaction
from ._watchdog import watched

if TYPE_CHECKING:
    from asyncio import Task

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_Result = TypeVar("_Result")
Work: TypeAlias = Callable[[Transaction], _Result]
ClaimKey: TypeAlias = tuple[str, str]
"""Token of a claim and name of the handler."""


class SyncTransactions:
    """Runs work on an `Engine`, in the calling thread."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings
        self._is_prepared = False
        self._claimed: dict[ClaimKey, Connection | None] = {}
        leave_when_forked(self)

    def run(self, work: Work[_Result]) -> _Result:
        """Do `work` in a transaction. After a conflict, repeat it while there is time."""
        deadline = time.monotonic() + self._settings.timeout
        with failures():
            self._prepare()
            while True:
                with self._engine.connect() as connection:
                    try:
                        return _attempt(connection, self._settings, work, remaining(deadline))
                    except DBAPIError as error:
                        if not is_worth_another(error):
                            raise
                remaining(deadline)

    def expect(self, keys: Iterable[ClaimKey]) -> None:
        """Let these claims ask for connections from now on."""
        for key in keys:
            self._claimed[key] = None

    def open(self, key: ClaimKey, *, is_async: bool) -> Connection:
        """The connection of a claim. Raises `ConfigurationError` if the claim is not ours.

        `is_async` says whether the handler that asks is async.
        """
        if is_async:
            raise ConfigurationError(
                "connection: an async handler needs a store with an AsyncEngine",
                reason="wrong_engine",
            )
        if key not in self._claimed:
            raise _not_claimed()
        connection = self._claimed[key]
        if connection is None:
            with failures():
                connection = self._claimed[key] = self._engine.connect()
                _begin(connection)
        return connection

    def finish(self, key: ClaimKey, work: Work[bool], release: Work[None]) -> bool:
        """Do `work` at the end of the claim's transaction, and close that.

        If it fails, release the claim at once if the connection still works.
        """
        connection = self._claimed.pop(key, None)
        if connection is None:
            return self.run(work)
        with failures(), connection:
            return _finish(connection, self._settings, work, release)

    def drop(self, keys: Iterable[ClaimKey]) -> None:
        """Roll back and close the transactions of claims."""
        for key in keys:
            connection = self._claimed.pop(key, None)
            if connection is not None:
                with (
                    suppress(SQLAlchemyError, OSError),
                    watched(connection, self._settings.timeout),
                ):
                    connection.close()

    def leave_to_parent(self) -> None:
        """In a forked process: connections cannot be shared with the parent."""
        keep(self._engine.pool, self._claimed)
        self._engine.dispose(close=False)
        self._claimed = {}

    def _prepare(self) -> None:
        if not self._is_prepared:
            seconds = self._settings.timeout
            with self._engine.connect() as connection, watched(connection, seconds):
                prepare(connection, self._settings)
            self._is_prepared = True


class AsyncTransactions:
    """Runs work on an `AsyncEngine`. Work that takes longer than the timeout is abandoned."""

    def __init__(self, engine: "AsyncEngine", settings: Settings) -> None:
        self._engine = engine
        self._settings = settings
        self._is_prepared = False
        self._claimed: dict[ClaimKey, Task[AsyncConnection] | None] = {}

    async def run(self, work: Work[_Result]) -> _Result:
        """Like `SyncTransactions.run`."""
        return await self._in_time(self._run(work))

    def expect(self, keys: Iterable[ClaimKey]) -> None:
        """Like `SyncTransactions.expect`."""
        for key in keys:
            self._claimed[key] = None

    def open(self, key: ClaimKey, *, is_async: bool) -> "Awaitable[AsyncConnection]":
        """Like `SyncTransactions.open`, but the result must be awaited."""
        from asyncio import ensure_future, shield

        # A plain function may return an awaitable that asks for the connection.
        if not is_async and not _is_in_loop():
            raise ConfigurationError(
                "connection: a handler that is not async needs a store with an Engine",
                reason="wrong_engine",
            )
        if key not in self._claimed:
            raise _not_claimed()
        connecting = self._claimed[key]
        if connecting is None:
            connecting = self._claimed[key] = ensure_future(self._in_time(self._connect()))
        return shield(connecting)

    async def finish(self, key: ClaimKey, work: Work[bool], release: Work[None]) -> bool:
        """Like `SyncTransactions.finish`."""
        connection = await self._pop(key)
        if connection is None:
            return await self.run(work)
        return await self._in_time(self._finish(connection, work, release))

    async def drop(self, keys: Iterable[ClaimKey]) -> None:
        """Like `SyncTransactions.drop`."""
        for key in keys:
            connection = await self._pop(key)
            if connection is not None:
                with suppress(StoreUnavailable):
                    await self._in_time(connection.close())

    async def _run(self, work: Work[_Result]) -> _Result:
        deadline = time.monotonic() + self._settings.timeout
        with failures():
            if not self._is_prepared:
                async with self._engine.connect() as connection:
                    await connection.run_sync(prepare, self._settings)
                self._is_prepared = True
            while True:
                async with self._engine.connect() as connection:
                    seconds = remaining(deadline)
                    try:
                        return await connection.run_sync(_attempt, self._settings, work, seconds)
                    except DBAPIError as error:
                        if not is_worth_another(error):
                            raise
                remaining(deadline)

    async def _connect(self) -> "AsyncConnection":
        with failures():
            connection = await self._engine.connect()
            try:
                await connection.run_sync(_begin)
            except BaseException:
                await connection.close()
                raise
            return connection

    async def _finish(
        self, connection: "AsyncConnection", work: Work[bool], release: Work[None]
    ) -> bool:
        with failures():
            async with aclosing(connection):
                return await connection.run_sync(_finish, self._settings, work, release)

    async def _pop(self, key: ClaimKey) -> "AsyncConnection | None":
        """The connection of a claim; None if it asked for none, or could not get one."""
        connecting = self._claimed.pop(key, None)
        if connecting is None:
            return None
        with suppress(StoreUnavailable):
            return await connecting
        return None

    async def _in_time(self, coroutine: Coroutine[Any, Any, _Result]) -> _Result:
        """Await `coroutine` until the timeout; do not wait for it to be cancelled."""
        from asyncio import create_task, wait

        task = create_task(coroutine)
        try:
            await wait([task], timeout=self._settings.timeout)
        finally:
            if not task.done():
                task.add_done_callback(_ignore)
                task.cancel()
        if not task.done():
            raise StoreUnavailable("the database: timed out")
        return task.result()


def _begin(connection: Connection) -> None:
    """Begin the handler's transaction, which only the store commits.

    An ORM session joins an open transaction, and what it commits then waits for the store. Python's
    SQLite driver begins none before the first write, so a savepoint would stand alone.
    """
    connection.begin()
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite" and not driver.in_transaction:
        connection.exec_driver_sql("BEGIN")
    refuse_commits(connection)


def _attempt(
    connection: Connection, settings: Settings, work: Work[_Result], seconds: float
) -> _Result:
    with watched(connection, seconds):
        # Two statements of a transaction may have to wait: for a mark, and for a claim.
        return perform(connection, settings, work, limit(connection, seconds / 2))


def _finish(
    connection: Connection, settings: Settings, work: Work[bool], release: Work[None]
) -> bool:
    try:
        return _attempt(connection, settings, work, settings.timeout)
    except SQLAlchemyError:
        if not connection.invalidated:
            with suppress(SQLAlchemyError):
                connection.rollback()  # An aborted transaction accepts no more statements.
                _attempt(connection, settings, release, settings.timeout)
        raise


def _is_in_loop() -> bool:
    from asyncio import get_running_loop

    try:
        get_running_loop()
    except RuntimeError:
        return False
    return True


def _not_claimed() -> ConfigurationError:
    return ConfigurationError(
        "connection: only a handler that an Endpoint with this same store is running has one",
        reason="not_claimed",
    )


def _ignore(task: "Task[Any]") -> None:
    """Retrieve an abandoned task's error: asyncio complains about errors never retrieved."""
    if not task.cancelled():
        task.exception()
