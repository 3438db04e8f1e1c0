"""A connection to an SQLite file that the threads of a process share."""

import os
import sqlite3
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from threading import Lock

from ..errors import ConfigurationError, StoreUnavailable
from ._fork import keep, leave_when_forked
from ._store import Busy
from ._transaction import Execute


class File:
    """A file, opened at first use. SQLite writes one at a time, so one connection is enough.

    `schema` creates the missing tables. A reader takes no lock that a writer waits for, and creates
    nothing. If the file `is_durable`, its commits wait for the disk in WAL mode too.
    """

    def __init__(
        self, path: str, schema: str, *, is_reader: bool = False, is_durable: bool = False
    ) -> None:
        self.has_tables = False
        self._path = path
        self._schema = schema
        self._is_reader = is_reader
        self._is_durable = is_durable
        self._wait = -1  # How long the connection waits for its turn, in milliseconds.
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        leave_when_forked(self)

    @contextmanager
    def transaction(self, seconds: float) -> Generator[Execute]:
        """A transaction that gets its turn within so many seconds. Raises `StoreUnavailable`."""
        deadline = time.monotonic() + seconds
        if not self._lock.acquire(timeout=seconds):
            raise Busy("SQLite: the threads before this one took too long")
        try:
            connection = self._connection or self._open(deadline)
            self._wait_until(connection, deadline)
            connection.execute("BEGIN" if self._is_reader else "BEGIN IMMEDIATE")
            yield connection.execute
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._drop_connection()
            raise unavailable(error) from error
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
        if not self._is_reader:
            if not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall():
                self._use_wal(connection, deadline)
            if connection.execute("PRAGMA journal_mode").fetchone() == ("wal",):
                level = "FULL" if self._is_durable else "NORMAL"
                connection.execute(f"PRAGMA synchronous = {level}")
                # In pages. A checkpoint waits for the disk, so have fewer than by default (1,000).
                connection.execute("PRAGMA wal_autocheckpoint = 4000")
            connection.executescript(f"BEGIN IMMEDIATE; {self._schema} COMMIT;")
            self.has_tables = True
        return connection

    def _use_wal(self, connection: sqlite3.Connection, deadline: float) -> None:
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                break
            except sqlite3.OperationalError as error:
                # If several processes change a new file's mode, all but one fail without a wait.
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.005)

    def _wait_until(self, connection: sqlite3.Connection, deadline: float) -> None:
        milliseconds = max(0, int(1000 * (deadline - time.monotonic())))
        # Hardly two calls have the same time left, and to wait a moment longer does no harm.
        if not milliseconds <= self._wait <= 1.02 * milliseconds:
            connection.execute(f"PRAGMA busy_timeout = {milliseconds}")
            self._wait = milliseconds

    def _drop_connection(self) -> None:
        """Close the connection, which rolls back; the next call opens a new one."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


def unavailable(error: sqlite3.Error) -> StoreUnavailable:
    """The error in SQLite's own words, which name files and tables but never values."""
    kind = Busy if "locked" in str(error) else StoreUnavailable
    return kind(f"SQLite: {type(error).__name__}: {error}")


def checked_path(path: "str | os.PathLike[str]", hint: str) -> str:
    """The absolute path of a file: the program may change its directory before the first use.

    Raises `ConfigurationError`, with the `hint`, for what names none.
    """
    name = os.fspath(path) if isinstance(path, (str, os.PathLike)) else ""
    if not isinstance(name, str) or name in ("", ":memory:"):
        raise ConfigurationError(f"path must name a file{hint}")
    return os.path.abspath(name)  # noqa: PTH100
