"""A small store in SQLite whose handlers confirm themselves in their own transactions."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from clerk_hooks import ClaimLost, Delivery
from clerk_hooks.idempotency import Claim, HandlerRecord, ObjectVersion, decide
from clerk_hooks.running_handler import claimed_by

FOREVER = 1e12  # Unix seconds.
UPDATE = (
    "UPDATE claims SET state = 'done', expires_at = ? "
    "WHERE message_id = ? AND handler = ? AND token = ? AND state = 'running'"
)


class ConfirmingStore:
    """Keeps claims in an SQLite file, beside the table `effects` that handlers write to.

    `now` is its clock, in Unix seconds. `calls` are the methods that were called.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = 1_000.0
        self.calls: list[str] = []
        with self._transaction() as connection:
            connection.execute("CREATE TABLE effects (name)")
            connection.execute(
                "CREATE TABLE claims (message_id, handler, token, state, expires_at, "
                "PRIMARY KEY (message_id, handler))"
            )

    def connect(self) -> sqlite3.Connection:
        """A connection of the app's own, for any thread."""
        return sqlite3.connect(self.path, timeout=0, check_same_thread=False)

    def effects(self) -> list[str]:
        """What handlers have committed."""
        with self._transaction() as connection:
            return [name for (name,) in connection.execute("SELECT name FROM effects")]

    @contextmanager
    def transaction(self, delivery: Delivery, connection: sqlite3.Connection) -> Generator[None]:
        """Commit the block and the confirmation together."""
        running = claimed_by(self, delivery, "transaction")
        with connection:
            yield
            self._confirm_in(running, connection)
        running.confirmed = True

    def confirm_in(self, delivery: Delivery, connection: sqlite3.Connection) -> None:
        """Confirm in the transaction that is open, which the app commits."""
        running = claimed_by(self, delivery, "confirm_in")
        self._confirm_in(running, connection)
        running.to_check = True

    def aconfirm_in(self, delivery: Delivery, connection: sqlite3.Connection) -> _Confirmation:
        """Like `confirm_in`, to be awaited."""
        return _Confirmation(self, delivery, connection)

    def _confirm_in(self, running: Any, connection: sqlite3.Connection) -> None:
        key = (running.message_id, running.handler, running.token)
        if connection.execute(UPDATE, (FOREVER, *key)).rowcount == 0:
            running.is_lost = True
            raise ClaimLost

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self.connect()
        try:
            with connection:
                yield connection
        finally:
            connection.close()

    def claim(
        self,
        message_id: str,
        handlers: Sequence[str],
        lease: timedelta,
        object: ObjectVersion | None = None,
    ) -> Claim:
        self.calls.append("claim")
        with self._transaction() as connection:
            connection.execute("BEGIN IMMEDIATE")
            records = {record.handler: record for record in self._records(connection, message_id)}
            claim = decide(handlers, records, self.now, lease)
            ends = self.now + lease.total_seconds()
            connection.executemany(
                "INSERT OR REPLACE INTO claims VALUES (?, ?, ?, 'running', ?)",
                [(message_id, name, claim.token, ends) for name in claim.run],
            )
        return claim

    def confirm(
        self, message_id: str, handler: str, token: str, mark: ObjectVersion | None = None
    ) -> bool:
        self.calls.append("confirm")
        with self._transaction() as connection:
            key = (message_id, handler, token)
            return connection.execute(UPDATE, (FOREVER, *key)).rowcount == 1

    def release(self, message_id: str, handlers: Sequence[str], token: str) -> None:
        self.calls.append("release")
        # It does not wait for the lock of an open transaction: the lease releases the handler.
        with suppress(sqlite3.OperationalError), self._transaction() as connection:
            connection.executemany(
                "DELETE FROM claims "
                "WHERE message_id = ? AND handler = ? AND token = ? AND state = 'running'",
                [(message_id, name, token) for name in handlers],
            )

    def show(self, message_id: str) -> list[HandlerRecord]:
        self.calls.append("show")
        with self._transaction() as connection:
            return self._records(connection, message_id)

    def forget(self, message_id: str) -> int:
        with self._transaction() as connection:
            key = (message_id,)
            return connection.execute("DELETE FROM claims WHERE message_id = ?", key).rowcount

    def purge(self) -> int:
        return 0

    def _records(self, connection: sqlite3.Connection, message_id: str) -> list[HandlerRecord]:
        query = "SELECT handler, state, expires_at, token FROM claims WHERE message_id = ?"
        return [HandlerRecord(*row) for row in connection.execute(query, (message_id,))]


class AwaitedConfirmingStore(ConfirmingStore):
    """The same for event loops."""

    async def aclaim(self, *arguments: Any) -> Claim:
        await asyncio.sleep(0)
        return self.claim(*arguments)

    async def aconfirm(self, *arguments: Any) -> bool:
        await asyncio.sleep(0)
        return self.confirm(*arguments)

    async def arelease(self, *arguments: Any) -> None:
        await asyncio.sleep(0)
        self.release(*arguments)

    async def ashow(self, message_id: str) -> list[HandlerRecord]:
        await asyncio.sleep(0)
        return self.show(message_id)

    async def aforget(self, message_id: str) -> int:
        return self.forget(message_id)

    async def apurge(self) -> int:
        return self.purge()


class _Confirmation:
    """A confirmation that does nothing until it is awaited."""

    def __init__(
        self, store: ConfirmingStore, delivery: Delivery, connection: sqlite3.Connection
    ) -> None:
        self._confirm = lambda: store.confirm_in(delivery, connection)
        self._running = claimed_by(store, delivery, "aconfirm_in")
        self._running.unawaited.add(self)

    def __await__(self) -> Generator[None, None, None]:
        self._running.unawaited.discard(self)
        yield from asyncio.sleep(0).__await__()
        self._confirm()
