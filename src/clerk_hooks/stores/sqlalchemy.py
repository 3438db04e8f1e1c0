"""A store in the app's own PostgreSQL, MySQL, MariaDB or SQLite. Needs the extra ``sqlalchemy``.

Handlers can write to the database in the same transaction that confirms them:

    store = SQLAlchemyStore(engine)

    @router.on("user.created")
    def welcome(event: UserCreated, delivery: Delivery) -> None:
        connection = store.connection(delivery)
        connection.execute(insert(users).values(id=event.data.id))

The lease is committed before the handler runs. Afterwards, what the handler wrote and its
confirmation are committed together or not at all. So the handler takes effect on this database
exactly once, whenever a process dies.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Generic, TypeVar, cast, overload

from ..delivery import Delivery, claim_of
from ..errors import ConfigurationError, StoreUnavailable
from ..idempotency import (
    DEFAULT_RETENTION,
    DEFAULT_TIMEOUT,
    Claim,
    HandlerRecord,
    ObjectVersion,
    checked_retention,
    checked_timeout,
)
from ._sql import Rules

try:
    from sqlalchemy import URL, Engine, create_engine, make_url
    from sqlalchemy.engine import Connection
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError
except ImportError as error:
    raise ImportError(
        "clerk_hooks.stores.sqlalchemy needs SQLAlchemy 2: pip install 'clerk-hooks[sqlalchemy]'"
    ) from error

from ._awaited import AwaitedStore
from ._database import SPELLINGS, Settings, check_dialect, driver_limits
from ._engines import AsyncTransactions, SyncTransactions
from ._tables import ddl, metadata

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

__all__ = ["SQLAlchemyStore", "ddl", "metadata"]

_Connection_co = TypeVar("_Connection_co", covariant=True)


class SQLAlchemyStore(Generic[_Connection_co]):
    """An `IdempotencyStore` in the database of `engine`: an `Engine`, an `AsyncEngine` or a URL.

    Confirmed handlers are remembered for `retention`. A call that fails, or takes longer than
    `timeout`, raises `StoreUnavailable`. How long your own engine tries to connect, or waits for a
    free connection or the reply to a ping (``pool_pre_ping``), depends on its ``connect_args`` and
    ``pool_timeout``. `clock` returns the Unix time in seconds. The clocks of all machines must
    agree to well within a lease. The tables are created at first use unless `create_schema` is
    False; `metadata` and `ddl` are for migrations.

    With an `AsyncEngine`, the store is for `Endpoint.areceive`, which awaits `aclaim`, `aconfirm`
    and `arelease`. Its methods that are not async raise `ConfigurationError`; `ashow`, `aforget`
    and `apurge` replace the others. Without an `AsyncEngine`, the async methods do not exist.

    Raises `ConfigurationError`.
    """

    aclaim: Callable[[str, Sequence[str], timedelta, ObjectVersion | None], Awaitable[Claim]]
    """`claim`, awaited."""
    aconfirm: Callable[[str, str, str, ObjectVersion | None], Awaitable[bool]]
    """`confirm`, awaited."""
    arelease: Callable[[str, Sequence[str], str], Awaitable[None]]
    """`release`, awaited."""
    ashow: Callable[[str], Awaitable[list[HandlerRecord]]]
    """`show`, awaited."""
    aforget: Callable[[str], Awaitable[int]]
    """`forget`, awaited."""
    apurge: Callable[[], Awaitable[int]]
    """`purge`, awaited."""

    @overload
    def __init__(
        self: "SQLAlchemyStore[Connection]",
        engine: Engine | URL | str,
        *,
        retention: timedelta = ...,
        timeout: timedelta = ...,
        create_schema: bool = ...,
        clock: Callable[[], float] = ...,
    ) -> None: ...
    @overload
    def __init__(
        self: "SQLAlchemyStore[Awaitable[AsyncConnection]]",
        engine: "AsyncEngine",
        *,
        retention: timedelta = ...,
        timeout: timedelta = ...,
        create_schema: bool = ...,
        clock: Callable[[], float] = ...,
    ) -> None: ...
    def __init__(
        self,
        engine: "Engine | AsyncEngine | URL | str",
        *,
        retention: timedelta = DEFAULT_RETENTION,
        timeout: timedelta = DEFAULT_TIMEOUT,
        create_schema: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        kept, seconds = checked_retention(retention), checked_timeout(timeout)
        if isinstance(engine, (str, URL)):
            engine = _engine(engine, seconds)
        # An AsyncEngine shows the Engine that it wraps, so there is no need to import its module.
        sync_engine = getattr(engine, "sync_engine", engine)
        if not isinstance(sync_engine, Engine):
            raise ConfigurationError("engine: not an Engine, an AsyncEngine or a database URL")
        check_dialect(sync_engine)
        self._rules = Rules(kept, SPELLINGS[sync_engine.dialect.name])
        settings = Settings(self._rules, seconds, clock, create_schema)
        self._transactions: SyncTransactions | AsyncTransactions
        if isinstance(engine, Engine):
            self._transactions = SyncTransactions(engine, settings)
        else:
            self._transactions = AsyncTransactions(engine, settings)
            awaited = AwaitedStore(self._rules, self._transactions)
            self.aclaim, self.aconfirm = awaited.claim, awaited.confirm
            self.arelease, self.ashow = awaited.release, awaited.show
            self.aforget, self.apurge = awaited.forget, awaited.purge

    def claim(
        self,
        message_id: str,
        handlers: Sequence[str],
        lease: timedelta,
        object: ObjectVersion | None = None,
    ) -> Claim:
        """Claim handlers of a message, as `IdempotencyStore.claim` says."""
        transactions = self._sync()
        claim = transactions.run(
            lambda transaction: self._rules.claim(transaction, message_id, handlers, lease, object)
        )
        transactions.expect((claim.token, name) for name in claim.run)
        if self._rules.is_sweep_due(len(claim.run)):
            with suppress(StoreUnavailable):  # The claim stands; a later one will sweep.
                transactions.run(self._rules.sweep)
        return claim

    def confirm(
        self, message_id: str, handler: str, token: str, mark: ObjectVersion | None = None
    ) -> bool:
        """Record that a handler succeeded, as `IdempotencyStore.confirm` says.

        What it wrote to `connection` is committed with that, or rolled back if this returns False
        or raises.
        """
        return self._sync().finish(
            (token, handler),
            lambda transaction: self._rules.confirm(transaction, message_id, handler, token, mark),
            lambda transaction: self._rules.release(transaction, message_id, [handler], token),
        )

    def release(self, message_id: str, handlers: Sequence[str], token: str) -> None:
        """Give up claims, as `IdempotencyStore.release` says, and roll back what was written."""
        transactions = self._sync()
        transactions.drop((token, name) for name in handlers)
        transactions.run(
            lambda transaction: self._rules.release(transaction, message_id, handlers, token)
        )

    def show(self, message_id: str) -> list[HandlerRecord]:
        """Return the records of a message, ordered by the names of its handlers."""
        return self._sync().run(lambda transaction: self._rules.show(transaction, message_id))

    def forget(self, message_id: str) -> int:
        """Forget a message, as `IdempotencyStore.forget` says."""
        return self._sync().run(lambda transaction: self._rules.forget(transaction, message_id))

    def purge(self) -> int:
        """Forget everything older than the retention; return the number of handlers."""
        transactions = self._sync()
        total, is_all = 0, False
        while not is_all:
            count, is_all = transactions.run(self._rules.purge_some)
            total += count
        return total

    def connection(self, delivery: Delivery) -> _Connection_co:
        """Return the connection in whose transaction the calling handler will be confirmed.

        A handler gets the same connection each time. The store ends the transaction: to commit it
        raises `ConfigurationError`, and do not close it. You can use ``begin_nested``. With an
        AsyncEngine, await the result to get an `AsyncConnection`.

        Raises `ConfigurationError` outside a handler of `delivery` that an `Endpoint` with this
        store is running, in an async handler without an AsyncEngine, and in any other handler with
        one. Raises `StoreUnavailable` if the database cannot be reached.
        """
        running = claim_of(delivery)
        if running is None or running.has_ended:
            raise ConfigurationError(
                "connection: call this only in a handler that an Endpoint with this store is "
                "running, with the delivery that the handler was given",
                reason="not_claimed",
            )
        connection = self._transactions.open(
            (running.token, running.handler), is_async=running.is_async
        )
        return cast("_Connection_co", connection)

    def _sync(self) -> SyncTransactions:
        if isinstance(self._transactions, SyncTransactions):
            return self._transactions
        raise ConfigurationError(
            "a store with an AsyncEngine is for areceive, which awaits it: for receive, use one "
            "with an Engine",
            reason="wrong_engine",
        )


def _engine(url: URL | str, timeout: float) -> Engine:
    """The store's own engine, which keeps to the timeout in everything it does."""
    try:
        url = make_url(url)
        driver = url.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError):  # Their messages may contain the URL.
        raise ConfigurationError(
            "engine: not the URL of a database that SQLAlchemy supports"
        ) from None
    if driver.is_async:
        raise ConfigurationError(
            f"engine: the driver {driver.driver} is async: pass create_async_engine(url)"
        )
    try:
        # Half of the time is for getting a connection, half for the work on it.
        return create_engine(
            url,
            connect_args=driver_limits(driver.driver, timeout / 2),
            hide_parameters=True,
            **({} if url.get_backend_name() == "sqlite" else {"pool_timeout": timeout / 2}),
        )
    except TypeError:
        raise ConfigurationError("engine: its driver does not know an option in the URL") from None
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"engine: {url.drivername} needs the driver {error.name}: pip install {error.name}"
        ) from error
