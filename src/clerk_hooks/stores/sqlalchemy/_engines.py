"""The store's own transactions: on an `Engine`, or on the one connection of a test."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from math import ceil
from typing import Any, cast

from sqlalchemy import URL, Engine, MetaData, create_engine, make_url
from sqlalchemy.engine import Connection
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InvalidRequestError,
    NoSuchModuleError,
    SQLAlchemyError,
)

from ...errors import ConfigurationError
from .._fork import keep, leave_when_forked
from .._store import Kind, Result, Work
from .._transaction import Rows, Transaction
from ._dialects import DIALECTS, driver_of, is_autocommit, text_of
from ._errors import failures, is_worth_another, remaining
from ._tables import create
from ._watchdog import watched

_PROJECTS = {"MySQLdb": "mysqlclient", "mysql": "mysql-connector-python"}
"""What to install for a driver whose module has another name."""


class Transactions:
    """Runs pieces of work, each within `timeout` (seconds) in a transaction of its own.

    On a Connection (`home`), each has a savepoint of its own instead. `tables` are created at first
    use. If it `isolates`, each transaction is READ COMMITTED, whatever the engine's isolation.
    """

    def __init__(
        self,
        engine: Engine | Connection,
        timeout: float,
        clock: Callable[[], float],
        *,
        tables: MetaData | None,
        isolates: bool = False,
    ) -> None:
        self.home = engine if isinstance(engine, Connection) else None
        self.engine = engine.engine
        self.dialect = DIALECTS[self.engine.dialect.name]
        self.timeout = timeout
        self._clock = clock
        self._tables = tables
        self._isolates = isolates
        self._is_prepared = False
        leave_when_forked(self)

    def run(self, work: Work[Result], kind: Kind) -> Result:
        """Do `work`. After a conflict, repeat it while there is time."""
        deadline = time.monotonic() + self.timeout
        with failures():
            if self.home is not None:
                return self._run_at(self.home, work)
            while True:
                left = remaining(deadline)
                with self.engine.connect() as connection:
                    try:
                        return self._attempt(connection, work, kind, left)
                    except DBAPIError as error:
                        if not is_worth_another(error):
                            raise

    def open_on(self, connection: Connection) -> Transaction:
        """The transaction that is open on `connection`."""

        def execute(statement: str, parameters: Mapping[str, object]) -> Rows:
            return cast("Rows", connection.execute(text_of(statement), parameters))

        return Transaction(execute, self._clock())

    def leave_to_parent(self) -> None:
        """In a forked process: connections cannot be shared with the parent."""
        keep(self.engine.pool)
        self.engine.dispose(close=False)

    def _attempt(
        self, connection: Connection, work: Work[Result], kind: Kind, seconds: float
    ) -> Result:
        undo = ""
        with watched(connection, seconds):
            try:
                if not self._is_prepared:
                    self._prepare(connection, seconds)
                if self._isolates:
                    self.dialect.isolate(connection)
                # Two statements of a transaction may have to wait: for a mark, and for a claim.
                undo = self.dialect.limit(connection, kind, seconds / 2)
                if kind != "read":
                    self.dialect.lock(connection)
                result = work(self.open_on(connection))
                connection.commit()
            except BaseException:
                with suppress(SQLAlchemyError):
                    connection.rollback()
                raise
            finally:
                undo_limit(connection, undo)
        return result

    def _run_at(self, home: Connection, work: Work[Result]) -> Result:
        if self.engine.dialect.name == "sqlite" and not driver_of(home).in_transaction:
            home.exec_driver_sql("BEGIN")  # Else the end of the savepoint would be a commit.
        with home.begin_nested():
            if self._tables is not None and not self._is_prepared:
                self._tables.create_all(home)
            self._is_prepared = True
            return work(self.open_on(home))

    def _prepare(self, connection: Connection, seconds: float) -> None:
        """Create the tables; needed once, at first use."""
        if is_autocommit(connection):
            raise ConfigurationError(
                "engine: it uses AUTOCOMMIT, so it has no transactions, which are needed here",
                reason="autocommit",
            )
        if self._tables is not None:
            undo = self.dialect.limit(connection, "write", seconds)
            try:
                create(connection, self._tables, self.dialect.reserve)
            finally:
                undo_limit(connection, undo)
        self._is_prepared = True


def undo_limit(connection: Connection, statement: str) -> None:
    """Undo a limit. If that fails, the pool's next user must not get the connection."""
    if statement and not connection.invalidated:
        try:
            connection.exec_driver_sql(statement)
        except SQLAlchemyError:
            connection.invalidate()


def checked_engine(
    engine: object, timeout: float, *, is_async: bool, kind: str = "Store"
) -> Engine | Connection:
    """The engine or connection to use. Raises `ConfigurationError`.

    `kind` is that of the object which uses it, for the errors.
    """
    if isinstance(engine, (str, URL)):
        engine = _own_engine(engine, timeout, is_async=is_async, kind=kind)
    if not isinstance(engine, (Engine, Connection)) or engine.dialect.is_async is not is_async:
        a = "an Async" if is_async else "an "
        raise ConfigurationError(
            f"engine: {type(engine).__name__} is not {a}Engine or a URL; AsyncSQLAlchemy{kind} is "
            f"for async ones, SQLAlchemy{kind} for the others"
        )
    name, file = engine.dialect.name, engine.engine.url.database
    if name not in DIALECTS:
        raise ConfigurationError(
            f"engine: the {kind.lower()} supports PostgreSQL, MySQL, MariaDB and SQLite, not {name}"
        )
    if name == "sqlite" and isinstance(engine, Engine) and file in (None, "", ":memory:"):
        hint = "; in memory, use MemoryStore" if kind == "Store" else ""
        raise ConfigurationError(f"engine: SQLite must use a file{hint}")
    return engine


def _own_engine(url: URL | str, timeout: float, *, is_async: bool, kind: str) -> Engine:
    """An engine of its own, which keeps to the timeout in everything it does."""
    options: dict[str, Any] = {"hide_parameters": True}
    try:
        url = make_url(url)
        if url.get_backend_name() != "sqlite":
            options["pool_timeout"] = timeout / 2
        if is_async:
            from sqlalchemy.ext.asyncio import create_async_engine

            return create_async_engine(url, **options).sync_engine
        # Half of the time is for getting a connection, half for the work on it.
        limits = _driver_limits(url.get_dialect().driver, timeout / 2)
        return create_engine(url, connect_args=limits, **options)
    except InvalidRequestError:
        raise ConfigurationError(f"engine: its driver is not async: use SQLAlchemy{kind}") from None
    except TypeError:
        raise ConfigurationError("engine: its driver does not know an option in the URL") from None
    except ModuleNotFoundError as error:
        driver = str(error.name).partition(".")[0]
        project = _PROJECTS.get(driver, driver)
        raise ConfigurationError(
            f"engine: its URL needs the driver {driver}: pip install {project}"
        ) from error
    except (ArgumentError, NoSuchModuleError, ValueError):  # Their messages may contain the URL.
        raise ConfigurationError(
            "engine: not the URL of a database that SQLAlchemy supports"
        ) from None


def _driver_limits(driver: str, seconds: float) -> dict[str, Any]:
    """Arguments for a driver's connect, so that the network cannot delay it for longer either."""
    whole = ceil(seconds)
    if driver in ("psycopg", "psycopg2"):
        return {"connect_timeout": whole, "tcp_user_timeout": ceil(1000 * seconds)}
    if driver in ("pymysql", "mysqldb"):
        return {"connect_timeout": whole, "read_timeout": whole, "write_timeout": whole}
    if driver in ("pg8000", "pysqlite"):
        return {"timeout": seconds}
    return {}
