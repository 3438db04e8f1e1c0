"""An inbox in an SQLite file, for the processes of one machine. Needs nothing but Python.

A message that was accepted survives a power loss: `put` waits for the disk. Other commits survive
the death of a process, but a power loss can undo the last of them: then those handlers run again.
SQLite does not work on network drives.
"""

import os
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

from ..delivery import Delivery
from ..idempotency import (
    DEFAULT_RETENTION,
    DEFAULT_TIMEOUT,
    checked_clock,
    checked_retention,
    checked_timeout,
)
from ..stores._sqlite_file import File, checked_path
from ..stores._store import Kind, Result, Work
from ..stores._transaction import Transaction
from ._inbox import SQLInbox, queue_failures
from ._rows import row_of
from ._spelling import INDEX, MESSAGES, WORKERS
from ._statements import Statements

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS {MESSAGES} (
    message_id TEXT NOT NULL PRIMARY KEY,
    attempted_at REAL NOT NULL,
    event_type TEXT,
    payload BLOB,
    carrier TEXT NOT NULL,
    accepted_at REAL NOT NULL,
    state TEXT NOT NULL,
    due_at REAL NOT NULL,
    takes INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    put_backs INTEGER NOT NULL,
    done TEXT NOT NULL,
    reason TEXT NOT NULL,
    token TEXT
);
CREATE INDEX IF NOT EXISTS {INDEX} ON {MESSAGES} (state, due_at);
CREATE TABLE IF NOT EXISTS {WORKERS} (
    name TEXT NOT NULL PRIMARY KEY,
    slots INTEGER NOT NULL,
    running INTEGER NOT NULL,
    seen_at REAL NOT NULL
) WITHOUT ROWID;
"""


class SQLiteInbox(SQLInbox):
    """An `Inbox` in the SQLite file at `path`, which is created at first use.

    Done messages are remembered for `retention`, dead ones for 30 days. A call raises
    `QueueUnavailable` if it does not get its turn to write within `timeout`, or if it fails (the
    disk is full, the file is read-only or not a database). `clock` returns the Unix time in
    seconds. Raises `ConfigurationError`.

    Any number of threads and processes can use it, before and after a fork. The file may be that of
    an `SQLiteStore`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        retention: timedelta = DEFAULT_RETENTION,
        timeout: timedelta = DEFAULT_TIMEOUT,
        clock: Callable[[], float] = time.time,
    ) -> None:
        name = checked_path(path, "")
        super().__init__(checked_retention(retention), Statements())
        self._clock = checked_clock(clock)
        self._timeout = checked_timeout(timeout)
        # Two that write, so that only what must survive a power loss waits for the disk; one that
        # reads, so that nobody who waits to write keeps anybody from reading.
        self._acceptor = File(name, _SCHEMA, is_durable=True)
        self._writer = File(name, _SCHEMA)
        self._reader = File(name, _SCHEMA, is_reader=True)

    def put(self, delivery: Delivery, carrier: Mapping[str, str] = {}) -> bool:
        """Keep `delivery` durably, as `Inbox.put` says.

        Raises `ConfigurationError` if its id or its payload (16 MiB) is too long to be kept.
        """
        row = row_of(delivery, carrier)
        with queue_failures():
            return self._do(lambda transaction: self._rules.put(transaction, row), self._acceptor)

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        for file in (self._acceptor, self._writer, self._reader):
            file.close()

    def _run(self, work: Work[Result], kind: Kind) -> Result:
        is_read = kind == "read" and self._writer.has_tables
        return self._do(work, self._reader if is_read else self._writer)

    def _do(self, work: Work[Result], file: File) -> Result:
        with file.transaction(self._timeout) as execute:
            return work(Transaction(execute, self._clock()))
