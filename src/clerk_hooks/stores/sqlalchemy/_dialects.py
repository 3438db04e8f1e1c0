"""What PostgreSQL, MySQL (with MariaDB) and SQLite do differently about transactions.

Everything here works on a synchronous `Connection`, which async ones wrap.
"""
# ruff: noqa: ARG002, S608 - what one database needs, another does without; nothing is from outside

from collections.abc import Mapping
from functools import lru_cache
from math import ceil
from typing import Any, NamedTuple

from sqlalchemy import TextClause, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from ...errors import ConfigurationError
from .._own import ended_inside
from .._spelling import CLAIMS, STATEMENT_BEFORE, TAKE_LOCK
from .._store import Kind

FIRST_STATEMENTS = (
    *("SELECT set_config(", "SET @clerk_hooks", "PRAGMA busy_timeout", "SET TRANSACTION"),
)
"""How the first statement of each transaction of the store begins."""


class Bound(NamedTuple):
    """What sets limits on the way: columns of `Rules.state`, or a condition of `Rules.confirm`."""

    sql: str = ""
    parameters: Mapping[str, str] = {}


class Dialect:
    """MySQL and MariaDB, whose settings are those of the session: they must be set back.

    A savepoint marks a transaction of the app: it is gone once that has ended.
    """

    place = ""
    """A query: whether the transaction's snapshot may be older than the claim, and where it is."""

    def limit(self, connection: Connection, kind: Kind, seconds: float) -> str:
        """Begin, and limit how long a statement waits; returns the statement that undoes it."""
        connection.exec_driver_sql(
            "SET @clerk_hooks_rows = @@SESSION.innodb_lock_wait_timeout, "
            "@clerk_hooks_tables = @@SESSION.lock_wait_timeout, "
            f"SESSION innodb_lock_wait_timeout = {ceil(max(seconds, 0.001))}, "
            f"SESSION lock_wait_timeout = {ceil(max(seconds, 0.001))}"
        )
        if kind == "read":  # One that is serializable would wait for the app's open transaction.
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        return (
            "SET SESSION innodb_lock_wait_timeout = @clerk_hooks_rows, "
            "SESSION lock_wait_timeout = @clerk_hooks_tables"
        )

    def isolate(self, connection: Connection) -> None:
        """Have the transaction that begins be READ COMMITTED, whatever the engine's isolation."""
        asked = (
            connection.get_execution_options().get("isolation_level")
            or getattr(connection.dialect, "_on_connect_isolation_level", None)
            or connection.default_isolation_level
        )
        if asked != "READ COMMITTED":
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")

    def reserve(self, connection: Connection) -> None:
        """Have the tables created by one at a time, if the database can do that."""

    def lock(self, connection: Connection) -> None:
        """Make a transaction that is to write one that may, if that needs a lock."""

    def enter(self, connection: Connection, idle: float) -> Bound:
        """Mark a transaction of the app, and bound how long it may stand still (in seconds)."""
        connection.exec_driver_sql("SAVEPOINT clerk_hooks")
        return Bound()

    def leave(self, connection: Connection, seconds: float) -> str:
        """Limit waiting from here on; returns the undoing.

        Raises `ConfigurationError` if the mark is gone.
        """
        try:
            connection.exec_driver_sql("RELEASE SAVEPOINT clerk_hooks")
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            raise ended_inside() from None
        return self.limit(connection, "write", seconds)

    def last(self, seconds: float) -> Bound:
        """What can be left to the confirmation, if it is a single statement, in place of `leave`.

        Nothing can where this is empty.
        """
        return Bound()

    def join(self, connection: Connection, idle: float, seconds: float) -> str:
        """Bound and limit a transaction that the app has begun and ends; returns the undoing."""
        return self.limit(connection, "write", seconds)


class SQLite(Dialect):
    """Locks the whole file, and gives the lock to write only to whoever begins with it."""

    def limit(self, connection: Connection, kind: Kind, seconds: float) -> str:
        before = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
        wait = 100 if kind == "release" else _milliseconds(seconds)
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {wait}")
        return f"PRAGMA busy_timeout = {before}"

    def isolate(self, connection: Connection) -> None:
        """Nothing: whoever writes is alone."""

    def reserve(self, connection: Connection) -> None:
        if not driver_of(connection).in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    def lock(self, connection: Connection) -> None:
        driver = driver_of(connection)
        if not driver.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        elif driver.isolation_level is None or getattr(driver, "autocommit", None) is False:
            connection.exec_driver_sql(TAKE_LOCK)  # Begun by the driver, or by a listener for that.
        else:
            raise ConfigurationError(STATEMENT_BEFORE, reason="statement_before")

    def join(self, connection: Connection, idle: float, seconds: float) -> str:
        self.reserve(connection)
        return ""


class PostgreSQL(Dialect):
    """Its settings can last until the end of the transaction, so one is the mark."""

    place = (
        "SELECT current_setting('transaction_isolation') LIKE 'read%' IS FALSE, "
        "concat_ws(' ', current_database(), extract(epoch FROM pg_postmaster_start_time()), "
        f"CAST(to_regclass('{CLAIMS}') AS oid))"
    )
    _idle = "current_setting('idle_in_transaction_session_timeout')"
    _bound = (  # Unless the app's own is smaller; 0 stands for none.
        f"set_config('idle_in_transaction_session_timeout', CASE WHEN CAST({_idle} AS interval) "
        "BETWEEN interval '1 ms' AND CAST(CAST(:idle AS text) AS interval) "
        f"THEN {_idle} ELSE CAST(:idle AS text) END, true)"
    )
    _limit = "set_config('statement_timeout', CAST(:limit AS text), true)"

    def limit(self, connection: Connection, kind: Kind, seconds: float) -> str:
        limits = f"SELECT set_config('statement_timeout', '{_milliseconds(seconds)}', true)"
        if kind == "claim":  # A claim that a crash of the server forgets is made again.
            limits += ", set_config('synchronous_commit', 'off', true)"
        connection.exec_driver_sql(limits)
        return ""

    def enter(self, connection: Connection, idle: float) -> Bound:
        mark = ", set_config('clerk_hooks.token', CAST(:token AS text), true), "
        return Bound(mark + self._bound, {"idle": f"{ceil(1000 * idle)}ms"})

    def leave(self, connection: Connection, seconds: float) -> str:
        query = text_of(f"SELECT current_setting('clerk_hooks.token', true), {self._limit}")
        mark = connection.execute(query, {"limit": str(_milliseconds(seconds))}).scalar_one()
        if not mark:
            raise ended_inside()
        return ""

    def last(self, seconds: float) -> Bound:
        # A round trip less. The lock is waited for after the conditions have been evaluated.
        return Bound(
            " AND current_setting('clerk_hooks.token', true) = CAST(:token AS text) "
            "AND set_config('lock_timeout', CAST(:limit AS text), true) IS NOT NULL",
            {"limit": str(_milliseconds(seconds))},
        )

    def join(self, connection: Connection, idle: float, seconds: float) -> str:
        query = f"SELECT current_setting('statement_timeout'), {self._limit}, {self._bound}"
        parameters = {"idle": f"{ceil(1000 * idle)}ms", "limit": str(_milliseconds(seconds))}
        before = connection.execute(text_of(query), parameters).scalar_one()
        return f"SELECT set_config('statement_timeout', '{before}', true)"


DIALECTS = {
    "postgresql": PostgreSQL(),
    "mysql": Dialect(),
    "mariadb": Dialect(),
    "sqlite": SQLite(),
}
"""By SQLAlchemy's name of the dialect."""


def driver_of(connection: Connection) -> Any:
    """The driver's own connection; for aiosqlite, the one that it wraps."""
    driver = connection.connection.driver_connection
    return getattr(driver, "_conn", driver)


def is_autocommit(connection: Connection) -> bool:
    """Whether the app, its engine or its driver commits each statement by itself."""
    at_connect = getattr(connection.dialect, "_on_connect_isolation_level", None)
    if "AUTOCOMMIT" in (connection.get_execution_options().get("isolation_level"), at_connect):
        return True
    if connection.dialect.name == "sqlite":
        return getattr(driver_of(connection), "autocommit", None) is True
    driver = connection.connection.dbapi_connection
    tell = getattr(driver, "get_autocommit", None)  # MySQL's drivers: `autocommit` is a setter.
    return (getattr(driver, "autocommit", None) if tell is None else tell()) is True


@lru_cache(maxsize=256)
def text_of(statement: str) -> TextClause:
    """A statement with ``:name`` parameters."""
    return text(statement)


def _milliseconds(seconds: float) -> int:
    """In steps of 100, so that statements recur, and their preparation with them."""
    return 100 * ceil(10 * max(seconds, 0.001))
