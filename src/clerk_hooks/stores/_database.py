"""The differences between PostgreSQL, MySQL, MariaDB and SQLite: SQL, time limits and errors.

Everything here works on a synchronous `Connection`, which async connections wrap.
"""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from math import ceil
from typing import Any, NamedTuple, TypeVar, cast

from sqlalchemy import Engine, TextClause, event, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ..errors import ConfigurationError, StoreUnavailable
from ._sql import Rows, Rules, Spelling, Transaction
from ._tables import create

_Result = TypeVar("_Result")

_POSTGRESQL = Spelling(
    delete_some=Spelling().delete_some.replace(":count)", ":count FOR UPDATE SKIP LOCKED)")
)
_MYSQL = Spelling(
    insert="INSERT IGNORE INTO",
    or_nothing="",
    or_lock="ON DUPLICATE KEY UPDATE object_key = object_key",
    # A plain SELECT shows the rows as they were at the handler's first read.
    read_locked=" FOR UPDATE",
    delete_some="DELETE FROM {table} WHERE forget_at <= :now ORDER BY forget_at LIMIT :count",
)
SPELLINGS = {
    "postgresql": _POSTGRESQL,
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
    "sqlite": Spelling(),
}
"""SQL by SQLAlchemy's name of the dialect."""

# Two transactions deadlocked or could not be serialized: the states of PostgreSQL and standard SQL,
# and the numbers of MySQL and MariaDB. The transaction that failed was rolled back.
_CONFLICTS = frozenset({"40001", "40P01", 1213, 1020})

_MYSQL_LIMIT = (
    "SET @clerk_hooks_rows = @@SESSION.innodb_lock_wait_timeout, "
    "@clerk_hooks_tables = @@SESSION.lock_wait_timeout, "
    "SESSION innodb_lock_wait_timeout = {seconds}, SESSION lock_wait_timeout = {seconds}"
)
_MYSQL_UNDO = (
    "SET SESSION innodb_lock_wait_timeout = @clerk_hooks_rows, "
    "SESSION lock_wait_timeout = @clerk_hooks_tables"
)


class Settings(NamedTuple):
    """The settings of a store."""

    rules: Rules
    timeout: float
    """In seconds."""
    clock: Callable[[], float]
    create_schema: bool


def limit(connection: Connection, seconds: float) -> str | None:
    """Limit each statement's wait for locks; return the statement that removes the limit again."""
    seconds = max(seconds, 0.001)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {ceil(1000 * seconds)}")
        return None
    if connection.dialect.name == "sqlite":
        before = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {ceil(1000 * seconds)}")
        return f"PRAGMA busy_timeout = {before}"
    connection.exec_driver_sql(_MYSQL_LIMIT.format(seconds=ceil(seconds)))
    return _MYSQL_UNDO


def perform(
    connection: Connection,
    settings: Settings,
    work: Callable[[Transaction], _Result],
    undo_limit: str | None,
) -> _Result:
    """Do `work` in the open transaction or a new one, and commit it.

    If `work` raises or returns False, roll back, so that nothing changes.
    """

    def execute(statement: str, parameters: Mapping[str, object]) -> Rows:
        return cast("Rows", connection.execute(_text(statement), parameters))

    try:
        result = work(Transaction(execute, settings.clock()))
        if cast("object", result) is False:
            connection.rollback()
        else:
            if event.contains(connection, "commit", _refuse_commit):
                event.remove(connection, "commit", _refuse_commit)
            connection.commit()
    except BaseException:
        with suppress(SQLAlchemyError):
            connection.rollback()
        raise
    finally:
        if undo_limit is not None and not connection.invalidated:
            _undo(connection, undo_limit)
    return result


def refuse_commits(connection: Connection) -> None:
    """Let only `perform` commit: a session that rolled back before would commit too early."""
    event.listen(connection, "commit", _refuse_commit)


def _refuse_commit(connection: Connection) -> None:
    # After a failed commit SQLAlchemy thinks that the transaction has ended, and leaves it open.
    connection.dialect.do_rollback(connection.connection)
    raise ConfigurationError(
        "a handler must not commit its store's connection: the store commits it once the handler "
        'has succeeded; a Session that rolls back needs join_transaction_mode="create_savepoint"',
        reason="early_commit",
    )


def prepare(connection: Connection, settings: Settings) -> None:
    """Create the tables; needed once, at first use.

    Raises `ConfigurationError` if the engine commits each statement by itself.
    """
    if _is_autocommit(connection):
        raise ConfigurationError(
            "engine: it uses AUTOCOMMIT, so it has no transactions, which the store needs",
            reason="wrong_engine",
        )
    if settings.create_schema:
        undo_limit = limit(connection, settings.timeout)
        try:
            create(connection)
        finally:
            if undo_limit is not None and not connection.invalidated:
                _undo(connection, undo_limit)


def _is_autocommit(connection: Connection) -> bool:
    options = connection.get_execution_options()
    at_connect = getattr(connection.dialect, "_on_connect_isolation_level", None)
    if "AUTOCOMMIT" in (options.get("isolation_level"), at_connect):
        return True
    # For SQLite's driver, which usually begins no transactions itself, the attribute says nothing.
    driver = connection.connection.dbapi_connection
    tell = getattr(driver, "get_autocommit", None)  # MySQL's drivers: `autocommit` is a setter.
    is_autocommit = getattr(driver, "autocommit", None) if tell is None else tell()
    return connection.dialect.name != "sqlite" and is_autocommit is True


def is_worth_another(error: DBAPIError) -> bool:
    """Whether nothing was done: a conflict rolled it back, or the pooled connection was dead."""
    was_dead = error.connection_invalidated and (error.statement or "").startswith("SET ")
    return was_dead or _code(error.orig) in _CONFLICTS


def check_dialect(engine: Engine) -> None:
    """Raises `ConfigurationError` for a database that the store does not support."""
    name = engine.dialect.name
    if name not in SPELLINGS:
        raise ConfigurationError(
            f"engine: SQLAlchemyStore supports PostgreSQL, MySQL, MariaDB and SQLite, not {name}"
        )
    if name == "sqlite" and engine.url.database in (None, "", ":memory:"):
        raise ConfigurationError("engine: SQLite must use a file; in memory, use MemoryStore")


def driver_limits(driver: str, seconds: float) -> dict[str, Any]:
    """Arguments for a driver's connect, so that the network cannot delay it for longer either."""
    whole = ceil(seconds)
    if driver in ("psycopg", "psycopg2"):
        return {"connect_timeout": whole, "tcp_user_timeout": ceil(1000 * seconds)}
    if driver in ("pymysql", "mysqldb"):
        return {"connect_timeout": whole, "read_timeout": whole, "write_timeout": whole}
    if driver in ("pg8000", "pysqlite"):
        return {"timeout": seconds}
    return {}


@contextmanager
def failures() -> Generator[None]:
    """Turn errors of SQLAlchemy and the drivers into `StoreUnavailable`, without SQL or values."""
    try:
        yield
    except DBAPIError as error:
        raise StoreUnavailable(f"the database: {_kind(error.orig)}") from error.orig
    except PoolTimeout as error:
        raise StoreUnavailable("the database: the pool has no free connection") from error
    except (SQLAlchemyError, OSError) as error:
        raise StoreUnavailable(f"the database: {type(error).__name__}") from error


def remaining(deadline: float) -> float:
    """Seconds until `deadline` (monotonic clock). Raises `StoreUnavailable` after it."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise StoreUnavailable("the database: timed out")
    return seconds


def _undo(connection: Connection, statement: str) -> None:
    try:
        connection.exec_driver_sql(statement)
        connection.rollback()
    except SQLAlchemyError:
        connection.invalidate()  # The pool's next user must not get our limits.


def _kind(error: BaseException | None) -> str:
    kind, code = type(error).__name__, _code(error)
    return kind if code is None else f"{kind} ({code})"


def _code(error: BaseException | None) -> "str | int | None":
    """The state from PostgreSQL's drivers, or the number from those of MySQL."""
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    if isinstance(state, str):
        return state
    number = error.args[0] if error is not None and error.args else None
    return number if isinstance(number, int) else None


@lru_cache(maxsize=256)
def _text(statement: str) -> TextClause:
    return text(statement)
