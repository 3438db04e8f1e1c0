"""A store in an SQLite file, for the processes of one machine. Needs nothing but Python.

The file is in WAL mode with `synchronous` set to NORMAL. Every commit survives the death of a
process. A power loss or a crash of the kernel can undo the last commits (each as a whole), and then
those handlers run again. SQLite does not work on network drives.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from threading import Lock

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
from ._fork import keep, leave_when_forked
from ._sql import CLAIMS, MARKS, Rules, Transaction

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


class SQLiteStore:
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
        name = os.fspath(path) if isinstance(path, (str, os.PathLike)) else ""
        if not isinstance(name, str) or name in ("", ":memory:"):
            raise ConfigurationError(
                "path must name a file; for a store in memory, use MemoryStore"
            )
        # The program may change its directory before the first use.
        self._file = _File(os.path.abspath(name), checked_timeout(timeout), clock)  # noqa: PTH100
        self._rules = Rules(checked_retention(retention))

    def claim(
        self,
        message_id: str,
        handlers: Sequence[str],
        lease: timedelta,
        object: ObjectVersion | None = None,
    ) -> Claim:
        """Claim handlers of a message, as `IdempotencyStore.claim` says."""
        with self._file.transaction() as transaction:
            claim = self._rules.claim(transaction, message_id, handlers, lease, object)
            if self._rules.is_sweep_due(len(claim.run)):
                self._rules.sweep(transaction)
        return claim

    def confirm(
        self, message_id: str, handler: str, token: str, mark: ObjectVersion | None = None
    ) -> bool:
        """Record that a handler succeeded, as `IdempotencyStore.confirm` says."""
        with self._file.transaction() as transaction:
            return self._rules.confirm(transaction, message_id, handler, token, mark)

    def release(self, message_id: str, handlers: Sequence[str], token: str) -> None:
        """Give up claims, as `IdempotencyStore.release` says."""
        with self._file.transaction() as transaction:
            self._rules.release(transaction, message_id, handlers, token)

    def show(self, message_id: str) -> list[HandlerRecord]:
        """Return the records of a message, ordered by the names of its handlers."""
        with self._file.transaction() as transaction:
            return self._rules.show(transaction, message_id)

    def forget(self, message_id: str) -> int:
        """Forget a message, as `IdempotencyStore.forget` says."""
        with self._file.transaction() as transaction:
            return self._rules.forget(transaction, message_id)

    def purge(self) -> int:
        """Forget everything older than the retention; return the number of handlers."""
        total, is_all = 0, False
        while not is_all:
            with self._file.transaction() as transaction:
                count, is_all = self._rules.purge_some(transaction)
            total += count
        return total

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        self._file.close()


class _File:
    """The connection to a file that the threads of a process share: SQLite writes one at a time."""

    def __init__(self, path: str, timeout: float, clock: Callable[[], float]) -> None:
        self._path = path
        self._timeout = timeout
        self._clock = clock
        self._wait = -1  # How long the connection waits for its turn, in milliseconds.
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        leave_when_forked(self)

    @contextmanager
    def transaction(self) -> Generator[Transaction]:
        """A transaction that holds the write lock from the start, within the timeout."""
        deadline = time.monotonic() + self._timeout
        if not self._lock.acquire(timeout=self._timeout):
            raise StoreUnavailable("SQLite: the threads before this one took too long")
        try:
            connection = self._connection or self._open(deadline)
            self._wait_until(connection, deadline)
            connection.execute("BEGIN IMMEDIATE")
            yield Transaction(connection.execute, self._clock())
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._drop_connection()
            raise _unavailable(error) from error
        except BaseException:
            self._drop_connection()
            raise
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._drop_connection()

    def leave_to_parent(self) -> None:
        """In a forked process: never use or close what the parent has open."""
        keep(self._connection)
        self._connection = None
        self._lock = Lock()

    def _open(self, deadline: float) -> sqlite3.Connection:
        # The lock keeps two threads from using it at the same time.
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        self._connection = connection
        self._wait = -1
        self._wait_until(connection, deadline)
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                break
            except sqlite3.OperationalError as error:
                # If several processes change a new file's mode, all but one fail without a wait.
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.005)
        connection.execute("PRAGMA synchronous = NORMAL")
        # In pages. A checkpoint waits for the disk, so have fewer than with the default of 1,000.
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        return connection

    def _wait_until(self, connection: sqlite3.Connection, deadline: float) -> None:
        milliseconds = max(0, int(1000 * (deadline - time.monotonic())))
        if milliseconds != self._wait:
            connection.execute(f"PRAGMA busy_timeout = {milliseconds}")
            self._wait = milliseconds

    def _drop_connection(self) -> None:
        """Close the connection, which rolls back; the next call opens a new one."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


def _unavailable(error: sqlite3.Error) -> StoreUnavailable:
    """The error in SQLite's own words, which name files and tables but never values."""
    return StoreUnavailable(f"SQLite: {type(error).__name__}: {error}")
