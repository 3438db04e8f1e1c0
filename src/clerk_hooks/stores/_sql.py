"""The rules of a store in SQL, for anything that can run statements one by one.

Each claimed handler of a message has a row. Its `leased_until` is NULL once the handler is done,
and its `object_key` is set only while a handler that drops stale events is running. Each object has
a row for its mark, which is also the lock for which two messages of one object queue. A row past
its `forget_at` does not count, and is deleted from time to time.

Every transaction locks a mark's row before it locks rows of claims, so that no two wait for each
other. It begins with a statement that writes, so that SQLite never has to upgrade a lock.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple, Protocol, TypeAlias

from ..idempotency import Claim, HandlerRecord, KnownObject, Mark, ObjectVersion, decide

CLAIMS = "clerk_hooks_claims"
MARKS = "clerk_hooks_marks"
KEY_LENGTH = 255
"""Characters in a message id (longer ids are refused), a handler's name or an object's key."""

_SWEEP_EVERY = 100  # Rows written by this process.
_SWEEP = 400  # Rows deleted at most. More than were written meanwhile, so that a backlog shrinks.
_PURGE = 2_000  # Rows deleted in one transaction of `purge`.


class Rows(Protocol):
    """The result of a statement."""

    @property
    def rowcount(self) -> int:
        """The number of rows that it wrote."""
        ...

    def fetchall(self) -> Sequence[Any]:
        """The rows that it read."""
        ...


Execute: TypeAlias = Callable[[str, Mapping[str, object]], Rows]
"""Runs a statement with ``:name`` parameters in the open transaction."""


class Transaction(NamedTuple):
    """An open transaction, and the time that counts as now in it."""

    execute: Execute
    now: float
    """Unix seconds."""


class Spelling(NamedTuple):
    """How a database spells the parts that standard SQL lacks."""

    insert: str = "INSERT INTO"
    or_nothing: str = "ON CONFLICT DO NOTHING"
    or_lock: str = "ON CONFLICT (object_key) DO UPDATE SET object_key = excluded.object_key"
    read_locked: str = ""
    delete_some: str = (
        "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} "
        "WHERE forget_at <= :now ORDER BY forget_at LIMIT :count)"
    )


class Rules:
    """The promises of `IdempotencyStore`, kept in a given transaction.

    `retention` is in seconds. `claims` and `marks` are the names of the tables, quoted if needed.
    """

    def __init__(
        self,
        retention: float,
        spelling: Spelling = Spelling(),  # noqa: B008 - immutable
        claims: str = CLAIMS,
        marks: str = MARKS,
    ) -> None:
        self._retention = retention
        self._spelling = spelling
        self._claims = claims
        self._marks = marks
        self._unswept = 0

    def claim(
        self,
        transaction: Transaction,
        message_id: str,
        handlers: Sequence[str],
        lease: timedelta,
        object: ObjectVersion | None,
    ) -> Claim:
        """Claim handlers. If nothing is known of the message, one INSERT is enough."""
        known = None
        if object is not None:
            mark = self._lock_mark(transaction, object)
            known = KnownObject(object, mark, self._leases(transaction, message_id, object))
        hoped = decide(handlers, {}, transaction.now, lease, known)
        row = {
            "message_id": message_id,
            "token": hoped.token,
            "leased_until": transaction.now + lease.total_seconds(),
            "forget_at": transaction.now + max(self._retention, lease.total_seconds()),
        }
        if hoped.run and self._insert(transaction, row, hoped.run, object) == len(handlers):
            return hoped
        records = self._records(transaction, message_id)
        others = {name: r for name, r in records.items() if r.token != hoped.token}
        claim = decide(handlers, others, transaction.now, lease, known)
        claim = claim._replace(token=hoped.token)
        lost = [
            name
            for name in claim.run
            if name not in records or not self._take_over(transaction, row, records[name], object)
        ]
        run = tuple([name for name in claim.run if name not in lost])
        return claim._replace(run=run, busy=(*claim.busy, *lost))

    def confirm(
        self,
        transaction: Transaction,
        message_id: str,
        handler: str,
        token: str,
        mark: ObjectVersion | None,
    ) -> bool:
        """Confirm a handler. If the result is False, the caller must roll back."""
        ends = transaction.now + self._retention
        known = None if mark is None else self._lock_mark(transaction, mark)
        if mark is not None and known is not None and known.outdates(mark):
            return False
        result = transaction.execute(
            f"UPDATE {self._claims} SET leased_until = NULL, object_key = NULL, "  # noqa: S608
            "forget_at = :forget_at WHERE message_id = :message_id AND handler = :handler "
            "AND token = :token AND leased_until IS NOT NULL",
            {"message_id": message_id, "handler": handler, "token": token, "forget_at": ends},
        )
        if result.rowcount != 1:
            return False
        if mark is not None and known is not None:
            moved = known.moved_by(mark)
            transaction.execute(
                f"UPDATE {self._marks} SET newest_at = :newest_at, is_deleted = :is_deleted, "  # noqa: S608
                "forget_at = :forget_at WHERE object_key = :object_key",
                {
                    "newest_at": moved.time,
                    "is_deleted": moved.is_deleted,
                    "forget_at": ends,
                    "object_key": _object_key(mark),
                },
            )
        return True

    def release(
        self, transaction: Transaction, message_id: str, handlers: Sequence[str], token: str
    ) -> None:
        """Delete the unconfirmed claims that `token` still holds."""
        for handler in handlers:
            transaction.execute(
                f"DELETE FROM {self._claims} WHERE message_id = :message_id "  # noqa: S608
                "AND handler = :handler AND token = :token AND leased_until IS NOT NULL",
                {"message_id": message_id, "handler": handler, "token": token},
            )

    def show(self, transaction: Transaction, message_id: str) -> list[HandlerRecord]:
        """Return the records of a message, ordered by the names of its handlers."""
        records = self._records(transaction, message_id).values()
        return sorted(record for record in records if record.expires_at > transaction.now)

    def forget(self, transaction: Transaction, message_id: str) -> int:
        """Forget a message; return the number of handlers."""
        return transaction.execute(
            f"DELETE FROM {self._claims} WHERE message_id = :message_id",  # noqa: S608
            {"message_id": message_id},
        ).rowcount

    def purge_some(self, transaction: Transaction) -> tuple[int, bool]:
        """Delete expired rows; return the number of handlers, and whether that was all."""
        claims = self._delete_some(transaction, self._claims, "message_id, handler", _PURGE)
        marks = self._delete_some(transaction, self._marks, "object_key", _PURGE)
        return claims, max(claims, marks) < _PURGE

    def is_sweep_due(self, written: int) -> bool:
        """Whether `sweep` is due now that `written` more rows were written."""
        self._unswept += written
        if self._unswept < _SWEEP_EVERY:
            return False
        self._unswept = 0
        return True

    def sweep(self, transaction: Transaction) -> None:
        """Delete some expired rows, so that the tables do not grow forever."""
        self._delete_some(transaction, self._claims, "message_id, handler", _SWEEP)
        self._delete_some(transaction, self._marks, "object_key", _SWEEP)

    def _lock_mark(self, transaction: Transaction, version: ObjectVersion) -> Mark:
        """Lock and return the mark of an object. Until the transaction ends, others wait here."""
        key = _object_key(version)
        transaction.execute(
            f"INSERT INTO {self._marks} (object_key, newest_at, is_deleted, forget_at) "  # noqa: S608
            f"VALUES (:object_key, NULL, FALSE, :forget_at) {self._spelling.or_lock}",
            {"object_key": key, "forget_at": transaction.now + self._retention},
        )
        ((newest_at, is_deleted, forget_at),) = transaction.execute(
            f"SELECT newest_at, is_deleted, forget_at FROM {self._marks} "  # noqa: S608
            f"WHERE object_key = :object_key{self._spelling.read_locked}",
            {"object_key": key},
        ).fetchall()
        return Mark(newest_at, bool(is_deleted)) if forget_at > transaction.now else Mark()

    def _leases(self, transaction: Transaction, message_id: str, version: ObjectVersion) -> Any:
        """The ends of the leases of other messages on the object, and their ids."""
        return transaction.execute(
            f"SELECT leased_until, message_id FROM {self._claims} "  # noqa: S608
            "WHERE object_key = :object_key AND message_id <> :message_id",
            {"object_key": _object_key(version), "message_id": message_id},
        ).fetchall()

    def _insert(
        self,
        transaction: Transaction,
        row: Mapping[str, object],
        handlers: Sequence[str],
        object: ObjectVersion | None,
    ) -> int:
        """Insert a row for each handler that has none; return the number inserted."""
        parameters = dict(row)
        for number, name in enumerate(handlers):
            parameters[f"handler{number}"] = name
            parameters[f"object_key{number}"] = _key_held_by(name, object)
        return transaction.execute(
            f"{self._spelling.insert} {self._claims} {_values(len(handlers))} "
            f"{self._spelling.or_nothing}",
            parameters,
        ).rowcount

    def _take_over(
        self,
        transaction: Transaction,
        row: Mapping[str, object],
        record: HandlerRecord,
        object: ObjectVersion | None,
    ) -> bool:
        """Claim a handler that was claimed before; False if it changed since `record` was read."""
        if record.token == row["token"]:
            return True
        result = transaction.execute(
            f"UPDATE {self._claims} SET token = :token, leased_until = :leased_until, "  # noqa: S608
            "forget_at = :forget_at, object_key = :object_key WHERE message_id = :message_id "
            "AND handler = :handler AND token = :old_token "
            f"AND leased_until IS {'NULL' if record.state == 'done' else 'NOT NULL'}",
            {
                **row,
                "handler": record.handler,
                "old_token": record.token,
                "object_key": _key_held_by(record.handler, object),
            },
        )
        return result.rowcount == 1

    def _records(self, transaction: Transaction, message_id: str) -> dict[str, HandlerRecord]:
        rows = transaction.execute(
            f"SELECT handler, token, leased_until, forget_at FROM {self._claims} "  # noqa: S608
            "WHERE message_id = :message_id",
            {"message_id": message_id},
        ).fetchall()
        return {
            name: HandlerRecord(name, "done", forget_at, token)
            if leased_until is None
            else HandlerRecord(name, "running", leased_until, token)
            for name, token, leased_until, forget_at in rows
        }

    def _delete_some(self, transaction: Transaction, table: str, key: str, count: int) -> int:
        statement = self._spelling.delete_some.format(table=table, key=key)
        return transaction.execute(statement, {"now": transaction.now, "count": count}).rowcount


def _object_key(version: ObjectVersion) -> str:
    """One text for an object: readable, unless a column could not keep it unchanged."""
    text = " ".join(version.key)
    if len(text) <= KEY_LENGTH and text.isprintable() and text == text.strip():
        return text
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _key_held_by(handler: str, version: ObjectVersion | None) -> str | None:
    return _object_key(version) if version is not None and handler in version.handlers else None


@lru_cache(maxsize=64)
def _values(count: int) -> str:
    rows = [
        f"(:message_id, :handler{n}, :token, :leased_until, :forget_at, :object_key{n})"
        for n in range(count)
    ]
    columns = "(message_id, handler, token, leased_until, forget_at, object_key)"
    return f"{columns} VALUES {', '.join(rows)}"
