"""The rules of a store in SQL, for anything that can run statements one by one."""

# Theory of operation
#
# `idempotency.py` says which states a store keeps, and what may follow what. Here they are rows:
#
#   claims   one for each handler of a message     marks   one for each object
#     absent    no row, or past `forget_at`          the newest event handled: `newest_at`,
#     running   `leased_until` is set                `is_deleted`; past `forget_at`, nothing is
#     done      `leased_until` is NULL               known of the object
#
# `object_key` of a claim is set only while a handler that drops stale events is running. Rows past
# `forget_at` are deleted some at a time.
#
# Each piece of work is one transaction. Its order of locks is the same everywhere, so that no two
# wait for each other: first the object's mark, for which messages of one object queue; then claims.
#
# - claim: with an object, lock its mark (insert it if it is absent, then read it locked). Insert a
#   row for each handler; those that have a row already are left alone, which is one atomic step.
#   If all were inserted, that is all. Else read the rows, decide, and take over what is expired by
#   an UPDATE that names the old token: of two that try, one changes the row.
# - confirm: one UPDATE that names the token and the running state; with an object, the mark is
#   locked and compared before, and moved after. This happens in a transaction of the store, or in
#   the app's own (`_own.py`), together with what the handler wrote.
# - release: deletes running rows that hold the token, except those that somebody has locked. That
#   can be the app's transaction, which this same handler has left open and which confirms the row:
#   to wait for it would be to wait for ourselves.
# - show: one SELECT without locks, so that it never waits for an open transaction.
#
# A crash rolls back the open transaction. So it leaves rows as they were before the piece of work,
# or after it.
#
# A transaction may be repeatable read or serializable. Then a mark or a claim that changed after
# its snapshot makes the database refuse the statement, and nothing has changed.

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from ..idempotency import Claim, HandlerRecord, KnownObject, ObjectVersion, decide
from ._marks import Marks, object_key
from ._spelling import CLAIMS, MARKS, Spelling
from ._transaction import Transaction

_SWEEP_EVERY = 100  # Rows written by this process.
_SWEEP = 400  # Rows deleted at most. More than were written meanwhile, so that a backlog shrinks.
_PURGE = 2_000  # Rows deleted in one transaction of `purge`.


NOTHING: Mapping[str, object] = {}

State: TypeAlias = Literal["running", "done", "lost"]
"""Of a claim, for its owner: ``lost`` once another token holds it."""


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
        self._marks = Marks(retention, spelling, marks)
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
            mark = self._marks.lock(transaction, object)
            known = KnownObject(object, mark, self._leases(transaction, message_id, object))
        hoped = decide(handlers, {}, transaction.now, lease, known)
        row = {
            "message_id": message_id,
            "token": hoped.token,
            "leased_until": transaction.now + lease.total_seconds(),
            "forget_at": transaction.now + max(self._retention, lease.total_seconds()),
        }
        self._unswept += len(hoped.run)
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

    def confirm(  # noqa: PLR0913, PLR0917 - those of `IdempotencyStore.confirm`, and the condition
        self,
        transaction: Transaction,
        message_id: str,
        handler: str,
        token: str,
        mark: ObjectVersion | None,
        condition: tuple[str, Mapping[str, object]] = ("", NOTHING),
    ) -> bool:
        """Confirm a handler. If the result is False, nothing has changed.

        `condition` is one more, with its parameters, of the UPDATE.
        """
        ends = transaction.now + self._retention
        known = None if mark is None else self._marks.lock(transaction, mark)
        if mark is not None and known is not None and known.outdates(mark):
            return False
        result = transaction.execute(
            f"UPDATE {self._claims} SET leased_until = NULL, object_key = NULL, "  # noqa: S608
            "forget_at = :forget_at WHERE message_id = :message_id AND handler = :handler "
            f"AND token = :token AND leased_until IS NOT NULL{condition[0]}",
            {
                "message_id": message_id,
                "handler": handler,
                "token": token,
                "forget_at": ends,
                **condition[1],
            },
        )
        if result.rowcount != 1:
            return False
        if mark is not None and known is not None:
            self._marks.move(transaction, mark, known.moved_by(mark))
        return True

    def state(
        self,
        transaction: Transaction,
        claim: tuple[str, str, str],
        also: str = "",
        parameters: Mapping[str, object] = NOTHING,
    ) -> State | None:
        """The state of a claim for its owner; None if its row is not to be seen.

        `claim` has its message id, handler and token. `also` names more columns, with their
        parameters: a database may set limits by them.
        """
        # A number, because an app's connection may return text in any form.
        query = (
            "SELECT CASE WHEN token <> :token THEN 2 WHEN leased_until IS NULL THEN 1 ELSE 0 END"  # noqa: S608
            f"{also} FROM {self._claims} WHERE message_id = :message_id AND handler = :handler"
        )
        named = dict(zip(("message_id", "handler", "token"), claim, strict=True))
        parameters = {**named, **parameters}
        rows: Sequence[Any] = transaction.execute(query, parameters).fetchall()
        if not rows and self._spelling.read_newest is not None:
            rows = transaction.execute(query + self._spelling.read_newest, parameters).fetchall()
        states: tuple[State, ...] = ("running", "done", "lost")
        return states[int(rows[0][0])] if rows else None

    def release(
        self, transaction: Transaction, message_id: str, handlers: Sequence[str], token: str
    ) -> None:
        """Delete the unconfirmed claims that `token` holds and no open transaction has locked."""
        which = (
            f"FROM {self._claims} WHERE message_id = :message_id AND handler = :handler "
            "AND token = :token AND leased_until IS NOT NULL"
        )
        unlocked = self._spelling.read_unlocked
        for handler in handlers:
            parameters = {"message_id": message_id, "handler": handler, "token": token}
            if (
                unlocked is None
                or transaction.execute(f"SELECT 1 {which}{unlocked}", parameters).fetchall()
            ):
                transaction.execute(f"DELETE {which}", parameters)

    def show(self, transaction: Transaction, message_id: str) -> list[HandlerRecord]:
        """Return the records of a message, sorted by the names of its handlers."""
        records = self._records(transaction, message_id).values()
        return sorted(record for record in records if record.expires_at > transaction.now)

    def forget(self, transaction: Transaction, message_id: str) -> int:
        """Forget a message; return the number of handlers."""
        return transaction.execute(
            f"DELETE FROM {self._claims} WHERE message_id = :message_id",  # noqa: S608
            {"message_id": message_id},
        ).rowcount

    def purge_some(self, transaction: Transaction, count: int = _PURGE) -> tuple[int, bool]:
        """Delete expired rows; return the number of handlers, and whether that was all."""
        claims = self._delete_some(transaction, self._claims, "message_id, handler", count)
        marks = self._delete_some(transaction, self._marks.table, "object_key", count)
        return claims, max(claims, marks) < count

    def is_sweep_due(self) -> bool:
        """Whether so many rows were written that `sweep` is due. If so, the count begins again."""
        if self._unswept < _SWEEP_EVERY:
            return False
        self._unswept = 0
        return True

    def sweep(self, transaction: Transaction) -> None:
        """Delete some expired rows, so that the tables do not grow forever."""
        self.purge_some(transaction, _SWEEP)

    def _leases(self, transaction: Transaction, message_id: str, version: ObjectVersion) -> Any:
        """The ends of the leases of other messages on the object, and their ids."""
        return transaction.execute(
            f"SELECT leased_until, message_id FROM {self._claims} "  # noqa: S608
            "WHERE object_key = :object_key AND message_id <> :message_id",
            {"object_key": object_key(version), "message_id": message_id},
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


def _key_held_by(handler: str, version: ObjectVersion | None) -> str | None:
    return object_key(version) if version is not None and handler in version.handlers else None


@lru_cache(maxsize=64)
def _values(count: int) -> str:
    rows = [
        f"(:message_id, :handler{n}, :token, :leased_until, :forget_at, :object_key{n})"
        for n in range(count)
    ]
    columns = "(message_id, handler, token, leased_until, forget_at, object_key)"
    return f"{columns} VALUES {', '.join(rows)}"
