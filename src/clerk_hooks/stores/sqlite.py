"""A store in an SQLite file, for the processes of one machine. Needs nothing but Python.

A file that the store makes is in WAL mode, with `synchronous` set to NORMAL on its own connections.
A file that has something in it keeps the journal mode that its owner chose. Every commit survives
the death of a process. A power loss or a crash of the kernel can undo the last commits (each as a
whole), and then those handlers run again. SQLite does not work on network drives.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta

from ..delivery import Delivery
from ..errors import ClerkHooksError, ConfigurationError
from ..idempotency import (
    DEFAULT_RETENTION,
    DEFAULT_TIMEOUT,
    checked_clock,
    checked_retention,
    checked_timeout,
)
from ..one_thread import OneThread, left
from ..running_handler import RunningHandler, claimed_by
from ._own import Absent, Block, confirm, ended_inside, find, why_absent
from ._spelling import CLAIMS, MARKS, STATEMENT_BEFORE, TAKE_LOCK
from ._sql import Rules
from ._sqlite_file import File, checked_path, unavailable
from ._store import Kind, Result, SQLStore, Work
from ._transaction import Rows, Transaction

_RELEASE_WAIT = 0.1
"""Seconds. A release waits for writes that take a moment, but not for a handler's transaction."""


_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS {CLAIMS} (
    message_id TEXT NOT NULL,
    handler TEXT NOT NULL,
    token TEXT NOT NULL,
    leased_until REAL,
    forget_at REAL NOT NULL,
    object_key TEXT,
    PRIMARY KEY (message_id, handler)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS {CLAIMS}_forget_at ON {CLAIMS} (forget_at);
CREATE INDEX IF NOT EXISTS {CLAIMS}_object_key ON {CLAIMS} (object_key)
    WHERE object_key IS NOT NULL;
CREATE TABLE IF NOT EXISTS {MARKS} (
    object_key TEXT NOT NULL PRIMARY KEY,
    newest_at INTEGER,
    is_deleted INTEGER NOT NULL,
    forget_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS {MARKS}_forget_at ON {MARKS} (forget_at);
"""


class SQLiteStore(SQLStore):
    """An `IdempotencyStore` in the SQLite file at `path`, which is created at first use.

    Confirmed handlers are remembered for `retention`. A call raises `StoreUnavailable` if it does
    not get its turn to write within `timeout`, or if it fails (the disk is full, the file is
    read-only or not a database). `clock` returns the Unix time in seconds. Raises
    `ConfigurationError`.

    Any number of threads and processes can use it, before and after a fork.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        retention: timedelta = DEFAULT_RETENTION,
        timeout: timedelta = DEFAULT_TIMEOUT,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = checked_path(path, "; for a store in memory, use MemoryStore")
        super().__init__(Rules(checked_retention(retention)))
        self._clock = checked_clock(clock)
        self._timeout = checked_timeout(timeout)
        self.one_thread = OneThread(self._timeout)
        # Two, so that nobody who waits to write keeps anybody from reading.
        self._writer = File(self._path, _SCHEMA)
        self._reader = File(self._path, _SCHEMA, is_reader=True)

    def transaction(
        self, delivery: Delivery, connection: sqlite3.Connection
    ) -> AbstractContextManager[None]:
        """A transaction on the app's `connection`, for the ``with`` block that has the effect.

        It begins with ``BEGIN IMMEDIATE``. At the end, the handler is confirmed and everything is
        committed; on an error, everything is rolled back. The connection must be open on the
        store's own file, and not be in a transaction.

        Raises `ConfigurationError` for what cannot work, `ClaimLost` if another attempt has taken
        the handler over, and `StoreUnavailable`.
        """
        running = claimed_by(self, delivery, "transaction")
        return Block(running, self._steps(running, connection))

    def confirm_in(self, delivery: Delivery, connection: sqlite3.Connection) -> None:
        """Confirm the handler in the open transaction of `connection`, which the app commits.

        The handler fails if it returns before that. A second call does nothing. Raises what
        `transaction` does.
        """
        running = claimed_by(self, delivery, "confirm_in")
        self._refuse(connection)
        with self._failures(running):
            if not connection.in_transaction:
                if connection.isolation_level is None:
                    raise ConfigurationError(
                        "connection: it commits each statement by itself, as no transaction is "
                        "open: begin one before confirm_in",
                        reason="autocommit",
                    )
                connection.execute("BEGIN IMMEDIATE")
            confirm(self._rules, running, self._open(connection))
        running.to_check = True

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        self._writer.close()
        self._reader.close()

    def _run(self, work: Work[Result], kind: Kind = "write") -> Result:
        seconds = min(self._timeout, _RELEASE_WAIT) if kind == "release" else self._timeout
        seconds = left(seconds)
        is_read = kind == "read" and self._writer.has_tables
        with (self._reader if is_read else self._writer).transaction(seconds) as execute:
            return work(Transaction(execute, self._clock()))

    @contextmanager
    def _steps(self, running: RunningHandler, connection: sqlite3.Connection) -> Generator[None]:
        self._refuse(connection)
        has_begun = getattr(connection, "autocommit", None) is False  # This kind always has.
        if connection.in_transaction and not has_begun:
            raise ConfigurationError(STATEMENT_BEFORE, reason="statement_before")
        try:
            with self._failures(running):
                connection.execute(TAKE_LOCK if has_begun else "BEGIN IMMEDIATE")
                connection.execute("SAVEPOINT clerk_hooks")  # Gone once the transaction has ended.
                transaction = self._open(connection)
                find(self._rules, running, transaction)
            yield
            with self._failures(running):
                try:
                    connection.execute("RELEASE clerk_hooks")
                except sqlite3.OperationalError:
                    raise ended_inside() from None
                confirm(self._rules, running, transaction)
                connection.commit()
            running.confirmed = True
        except BaseException:
            with suppress(sqlite3.Error):
                connection.rollback()
            raise

    @contextmanager
    def _failures(self, running: RunningHandler) -> Generator[None]:
        """Turn errors of SQLite into ours, except those that the app's rows cause in a commit."""
        try:
            yield
        except Absent:
            raise self._explained(running) from None
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            raise unavailable(error) from error

    def _explained(self, running: RunningHandler) -> ClerkHooksError:
        return why_absent(running, self.show(running.message_id))

    def _open(self, connection: sqlite3.Connection) -> Transaction:
        cursor = connection.cursor()
        cursor.row_factory = None  # The app's may return anything.

        def execute(statement: str, parameters: Mapping[str, object]) -> Rows:
            return cursor.execute(statement, parameters)

        return Transaction(execute, self._clock())

    def _refuse(self, connection: sqlite3.Connection) -> None:
        """Refuse what is no connection to the store's own file, or has no transactions."""
        if not isinstance(connection, sqlite3.Connection):
            raise ConfigurationError(
                f"connection must be a sqlite3.Connection, not {type(connection).__name__}",
                reason="wrong_session",
            )
        if getattr(connection, "autocommit", None) is True:
            raise ConfigurationError(
                "connection: with autocommit=True it has no transactions", reason="autocommit"
            )
        rows = self._open(connection).execute("PRAGMA database_list", {}).fetchall()
        file = next((os.fsdecode(row[2]) for row in rows if row[0] == 0), "")
        if not (os.path.exists(file) and os.path.samefile(file, self._path)):  # noqa: PTH110, PTH121
            raise ConfigurationError(
                "connection: it is open on another file than the store's",
                reason="another_database",
            )
