"""What PostgreSQL, MySQL, MariaDB and SQLite each need: words, limits of time, and kinds of errors.

All of it is for a synchronous `Connection`, which SQLAlchemy lends to asynchronous ones too.
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
    # A plain SELECT tells what there was when the handler's transaction began to read.
    read_locked=" FOR UPDATE",
    delete_some="DELETE FROM {table} WHERE forget_at <= :now ORDER BY forget_at LIMIT :count",
)
SPELLINGS = {
    "postgresql": _POSTGRESQL,
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
    "sqlite": Spelling(),
}
"""By the names of SQLAlchemy's dialects."""

# Two transactions that waited for each other, or that saw each other's work too late: PostgreSQL's
# and standard SQL's states, and the numbers of MySQL and MariaDB. The one that failed was undone.
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
    """How a store was set up."""

    rules: Rules
    timeout: float
    """Seconds."""
    clock: Callable[[], float]
    create_schema: bool


def limit(connection: Connection, seconds: float) -> str | None:
    """Let no statement wait for locks longer; returns what undoes that after the transaction."""
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
    """Do `work` in the transaction that is open, or a new one, and commit it.

    It is rolled back where `work` fails or answers that it was False: nothing shall have changed.
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
    """Let nobody but `perform` commit: a session that has rolled back would, before the confirm."""
    event.listen(connection, "commit", _refuse_commit)


def _refuse_commit(connection: Connection) -> None:
    # SQLAlchemy takes a transaction whose commit failed for one that has ended, and leaves it open.
    connection.dialect.do_rollback(connection.connection)
    raise ConfigurationError(
        "a handler does not commit the connection of its store, which does, once the handler has "
        'succeeded; a Session that rolls back takes join_transaction_mode="create_savepoint"',
        reason="early_commit",
    )


def prepare(connection: Connection, settings: Settings) -> None:
    """What is to be done once, at first use: create the tables.

    Raises `ConfigurationError` where the engine commits each statement by itself.
    """
    if _is_autocommit(connection):
        raise ConfigurationError(
            "engine: one of AUTOCOMMIT has no transactions, which the store needs",
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
    # Of SQLite's driver, which has no transactions of its own in a usual set-up, it tells nothing.
    driver = connection.connection.dbapi_connection
    tell = getattr(driver, "get_autocommit", None)  # With those of MySQL, `autocommit` sets it.
    is_autocommit = getattr(driver, "autocommit", None) if tell is None else tell()
    return connection.dialect.name != "sqlite" and is_autocommit is True


def is_worth_another(error: DBAPIError) -> bool:
    """Whether nothing was done: undone for another's sake, or dead in the pool before it began."""
    was_dead = error.connection_invalidated and (error.statement or "").startswith("SET ")
    return was_dead or _code(error.orig) in _CONFLICTS


def check_dialect(engine: Engine) -> None:
    """Raises `ConfigurationError` for a database that this is not made for."""
    name = engine.dialect.name
    if name not in SPELLINGS:
        raise ConfigurationError(
            f"engine: of {name}; SQLAlchemyStore knows PostgreSQL, MySQL, MariaDB and SQLite"
        )
    if name == "sqlite" and engine.url.database in (None, "", ":memory:"):
        raise ConfigurationError("engine: an SQLite file; to keep it in memory, use MemoryStore")


def driver_limits(driver: str, seconds: float) -> dict[str, Any]:
    """Arguments with which a driver connects, so that the network cannot keep it longer either."""
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
    """Turns what SQLAlchemy and drivers raise into `StoreUnavailable`, without SQL or values."""
    try:
        yield
    except DBAPIError as error:
        raise StoreUnavailable(f"the database: {_kind(error.orig)}") from error.orig
    except PoolTimeout as error:
        raise StoreUnavailable("the database: no connection of the pool is free") from error
    except (SQLAlchemyError, OSError) as error:
        raise StoreUnavailable(f"the database: {type(error).__name__}") from error


def remaining(deadline: float) -> float:
    """Seconds until `deadline` of the monotonic clock. Raises `StoreUnavailable` after it."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise StoreUnavailable("the database: timed out")
    return seconds


def _undo(connection: Connection, statement: str) -> None:
    try:
        connection.exec_driver_sql(statement)
        connection.rollback()
    except SQLAlchemyError:
        connection.invalidate()  # Nobody shall have to live with our limits.


def _kind(error: BaseException | None) -> str:
    kind, code = type(error).__name__, _code(error)
    return kind if code is None else f"{kind} ({code})"


def _code(error: BaseException | None) -> "str | int | None":
    """The state that PostgreSQL's drivers tell, or the number that those of MySQL do."""
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    if isinstance(state, str):
        return state
    number = error.args[0] if error is not None and error.args else None
    return number if isinstance(number, int) else None


@lru_cache(maxsize=256)
def _text(statement: str) -> TextClause:
    return text(statement)
