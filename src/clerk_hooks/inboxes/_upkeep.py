"""What people, and a worker that tidies up, do to an inbox, in SQL: see `_sql`."""

# ruff: noqa: S608 - nothing in the statements is from outside

from ..messages import LivingWorker, Record, Selection, State, Status
from ..stores._transaction import Transaction
from ._rows import RECORD, record_of, shown
from ._statements import BATCH, Statements, in_batches, selected

_DEAD_RETENTION = 30 * 86_400.0  # Seconds.
_ALIVE = 30.0  # Seconds since a worker wrote its row.
_FORGOTTEN = 86_400.0  # Seconds after which the row of a worker that died is deleted.


class Upkeep:
    """The promises of `Inbox` to people. `retention`, of done messages, is in seconds."""

    def __init__(self, retention: float, statements: Statements) -> None:
        self._retention = retention
        self._sql = statements

    def list(self, transaction: Transaction, selection: Selection, limit: int) -> list[Record]:
        """Rows, the newest first."""
        which, parameters = selected(selection)
        rows = self._sql.read(
            transaction,
            f"SELECT {RECORD} FROM {self._sql.messages} WHERE {which} "
            "ORDER BY accepted_at DESC, message_id DESC LIMIT :count",
            {"count": limit, **parameters},
        )
        return [record_of(row) for row in rows]

    def show(self, transaction: Transaction, message_id: str) -> Record | None:
        """The row of a message."""
        query = f"SELECT {RECORD} FROM {self._sql.messages} WHERE message_id = :message_id"
        rows = self._sql.read(transaction, query, {"message_id": message_id})
        return record_of(rows[0]) if rows else None

    def retry_some(
        self, transaction: Transaction, selection: Selection, message_id: str | None, after: str
    ) -> tuple[int, str | None]:
        """Make rows due whose ids come after `after`; returns how many, and the last id.

        The id is None if no rows are left.
        """
        which, parameters = selected(selection)
        if message_id is not None:
            which += " AND message_id = :message_id"
        rows = self._sql.read(
            transaction,
            f"SELECT message_id FROM {self._sql.messages} WHERE {which} AND message_id > :after "
            "AND state IN ('dead', 'waiting', 'unsettled') ORDER BY message_id LIMIT :count",
            {"message_id": message_id, "after": after, "count": BATCH, **parameters},
        )
        count = 0
        for names, parameters in in_batches([row[0] for row in rows]):
            count += self._sql.wake(transaction, f"message_id IN ({names})", parameters)
            count += self._sql.revive(transaction, f"message_id IN ({names})", parameters)
        return count, rows[-1][0] if len(rows) == BATCH else None

    def drop(self, transaction: Transaction, message_id: str) -> bool:
        """Delete a row."""
        query = f"DELETE FROM {self._sql.messages} WHERE message_id = :message_id"
        return self._sql.write(transaction, query, {"message_id": message_id}) == 1

    def purge(self, transaction: Transaction, limit: int) -> int:
        """Delete rows whose time is over, also those of workers; returns the number of messages."""
        gone = f"DELETE FROM {self._sql.workers} WHERE seen_at <= {self._sql.now} - :age"
        self._sql.write(transaction, gone, {"age": _FORGOTTEN})
        count = 0
        for state, age in (("done", self._retention), ("dead", _DEAD_RETENTION)):
            count += self._sql.write(
                transaction,
                self._sql.spelling.delete_some.format(
                    table=self._sql.messages,
                    which=f"state = :state AND due_at <= {self._sql.now} - :age",
                ),
                {"state": state, "age": age, "count": limit - count},
            )
        return count

    def status(self, transaction: Transaction) -> Status:
        """How the inbox fares."""
        counts: dict[State, int] = dict.fromkeys(("waiting", "running", "done", "dead"), 0)
        query = f"SELECT state, COUNT(*) FROM {self._sql.messages} GROUP BY state"
        for state, count in self._sql.read(transaction, query, {}):
            counts[shown(state)] += count
        workers = self._sql.read(
            transaction,
            f"SELECT name, slots, running, seen_at FROM {self._sql.workers} "
            f"WHERE seen_at > {self._sql.now} - :age ORDER BY name",
            {"age": _ALIVE},
        )
        return Status(counts, self._sql.lag(transaction), [LivingWorker(*row) for row in workers])
