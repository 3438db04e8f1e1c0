"""One database of Django's settings, as `DjangoStore` uses it: transactions, limits, errors.

The connection is Django's own, of the current thread. Django itself looks for broken connections
only between requests, and only in the threads that serve them. So this looks again before it
begins.
"""

import re
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from math import ceil
from typing import Any, NamedTuple, cast

from django.core.exceptions import SynchronousOnlyOperation
from django.db import DataError, Error, IntegrityError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ...errors import ConfigurationError, StoreUnavailable
from ...stores._store import Busy, Kind, Result, Work
from ...stores._transaction import Rows, Transaction

_RELEASE_WAIT = 0.1
"""Seconds. A release waits for writes that take a moment, but not for the handler's own."""

_MYSQL_LIMIT = (
    "SET @clerk_hooks_rows = @@SESSION.innodb_lock_wait_timeout, "
    "@clerk_hooks_tables = @@SESSION.lock_wait_timeout, "
    "SESSION innodb_lock_wait_timeout = {seconds}, SESSION lock_wait_timeout = {seconds}"
)
_MYSQL_UNDO = (
    "SET SESSION innodb_lock_wait_timeout = @clerk_hooks_rows, "
    "SESSION lock_wait_timeout = @clerk_hooks_tables"
)

# By the states of PostgreSQL, and the numbers of MySQL and MariaDB.
# Two transactions deadlocked or could not be serialized, and this one was rolled back.
_CONFLICTS = frozenset({"40001", "40P01", 1213, 1020})
_NO_TABLE = frozenset({"42P01", 1146})


class _Fetched(NamedTuple):
    rowcount: int
    rows: Sequence[object]

    def fetchall(self) -> Sequence[object]:
        return self.rows


class Database:
    """The database `using` of the settings. A wait for a lock ends after `timeout` seconds."""

    def __init__(self, using: str, timeout: float, clock: Callable[[], float]) -> None:
        self.using = using
        self._timeout = timeout
        self._clock = clock

    @property
    def connection(self) -> BaseDatabaseWrapper:
        """The connection of the current thread."""
        return connections[self.using]

    def is_open(self) -> bool:
        """Whether a transaction is open, other than the one that `TestCase` has around a test."""
        blocks = self.connection.atomic_blocks
        return not _is_of_test(blocks[-1]) if blocks else not self.connection.get_autocommit()

    def is_test(self) -> bool:
        """Whether `TestCase` has a transaction around all this."""
        return any(map(_is_of_test, self.connection.atomic_blocks))

    def check_none_open(self, method: str) -> None:
        """Raise `ConfigurationError` if what begins here could not be committed at its end."""
        with self.failures():
            self._renew()
            if not self.is_open():
                return
        raise ConfigurationError(
            f"{method}: a transaction on the database {self.using!r} is open already, so nothing "
            "can be committed here: call the endpoint outside of transaction.atomic() and of "
            "ATOMIC_REQUESTS, with autocommit on",
            reason="outer_transaction",
        )

    def run(self, work: Work[Result], kind: Kind) -> Result:
        """Do `work` in a transaction, which is rolled back if it raises.

        After a conflict it is repeated while there is time. Raises `StoreUnavailable`.
        """
        connection, deadline = self.connection, time.monotonic() + self._timeout
        with self.failures():
            self._renew()
            while True:
                try:
                    if kind == "read":  # A transaction would only cost time.
                        with self._committed() as committed:
                            return work(self.transaction(committed))
                    return self._attempt(connection, work, kind)
                except Error as error:
                    is_conflict = code_of(error) in _CONFLICTS and not connection.in_atomic_block
                    if not is_conflict or time.monotonic() > deadline:
                        raise

    @contextmanager
    def _committed(self) -> Generator[BaseDatabaseWrapper]:
        """A connection that sees what is committed, and nothing of a transaction that is open."""
        if self.is_test() or not self.is_open():
            yield self.connection
            return
        theirs: Any = self.connection  # The stubs do not say what it returns.
        other: BaseDatabaseWrapper = theirs.copy()
        try:
            yield other
        finally:
            other.close()

    def _renew(self) -> None:
        """Close the connection if it is broken: the next statement opens another one."""
        connection = self.connection
        if connection.errors_occurred and not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()

    def execute(self, statement: str) -> None:
        """Run a statement without parameters."""
        with (cursor := self.connection.cursor()):
            cursor.execute(statement)

    def transaction(self, other: BaseDatabaseWrapper | None = None) -> Transaction:
        """The open transaction of this thread, or of `other`, as the rules see it."""
        connection = other or self.connection

        def execute(statement: str, parameters: Mapping[str, object]) -> Rows:
            # SQLite cannot end a connection whose cursors are still there.
            with (cursor := connection.cursor()):
                cursor.execute(_in_pyformat(statement), cast("Mapping[str, str]", parameters))
                rows = cursor.fetchall() if cursor.description else ()
                return _Fetched(cursor.rowcount, rows)

        return Transaction(execute, self._clock())

    @contextmanager
    def failures(self) -> Generator[None]:
        """Turn errors of the database into `StoreUnavailable`, but not those of values."""
        try:
            yield
        except SynchronousOnlyOperation as error:
            raise ConfigurationError(
                "DjangoStore was called on an event loop: put this code into a function behind "
                "sync_to_async",
                reason="running_loop",
            ) from error
        except (IntegrityError, DataError):  # Of the app's rows, when it commits.
            raise
        except Error as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: Error) -> StoreUnavailable:
        code = code_of(error)
        # Its own words may have values in them.
        words = f"{self.connection.display_name}: {type(error).__name__}"
        words += "" if code is None else f" ({code})"
        if code in _NO_TABLE or "no such table" in str(error):
            words += f": run manage.py migrate --database={self.using}"
        is_busy = self.connection.vendor == "sqlite" and "locked" in str(error)
        return Busy(f"{words}: locked") if is_busy else StoreUnavailable(words)

    def _attempt(self, connection: BaseDatabaseWrapper, work: Work[Result], kind: Kind) -> Result:
        seconds = min(self._timeout, _RELEASE_WAIT) if kind == "release" else self._timeout
        with (
            transaction.atomic(self.using),
            _limited(connection, seconds, is_claim=kind == "claim"),
        ):
            return work(self.transaction())


def _is_of_test(block: transaction.Atomic) -> bool:
    """Django's own mark, by which it lets `durable` blocks be. pytest-django sets it, too."""
    return bool(getattr(block, "_from_testcase"))  # noqa: B009 - the stubs lack it


def code_of(error: Error) -> str | int | None:
    """The SQLSTATE of an error of PostgreSQL, or the number of one of MySQL."""
    if error.args and isinstance(error.args[0], int):
        return error.args[0]
    cause = error.__cause__  # Of psycopg 3, or of psycopg2.
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)


@contextmanager
def _limited(connection: BaseDatabaseWrapper, seconds: float, *, is_claim: bool) -> Generator[None]:
    """Limit each statement's wait for locks in the block that has just begun."""
    undo = None
    with (cursor := connection.cursor()):
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA busy_timeout")
            undo = f"PRAGMA busy_timeout = {cursor.fetchone()[0]}"
            cursor.execute(f"PRAGMA busy_timeout = {ceil(1000 * seconds)}")
        elif connection.vendor == "mysql":
            undo = _MYSQL_UNDO
            cursor.execute(_MYSQL_LIMIT.format(seconds=ceil(seconds)))
        elif len(connection.atomic_blocks) == 1:  # Around a test it would outlast the block.
            limit = f"SET LOCAL statement_timeout = {ceil(1000 * seconds)}"
            cursor.execute(limit + ("; SET LOCAL synchronous_commit = off" if is_claim else ""))
        try:
            yield
        finally:
            if undo is not None:
                with suppress(Error):  # The connection is broken.
                    cursor.execute(undo)


@lru_cache(maxsize=64)
def _in_pyformat(statement: str) -> str:
    return re.sub(r":(\w+)", r"%(\1)s", statement)
