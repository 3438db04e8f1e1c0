"""The rules of an inbox in SQL, for anything that can run statements one by one."""

# Theory of operation
#
# `inbox.py` says which states a message has, and what may follow what. Here they are rows:
#
#   messages  one for each message, with an index on (state, due_at). A waiting message is
#             ``unsettled`` in its row if its last take was never settled, so that the two kinds,
#             which are taken apart, are found apart. `token` is set only while it is running.
#   workers   one for each living worker, with the time at which it was last written.
#
# Each piece of work is one short transaction. Its times are those of the database's own clock (with
# SQLite, of the machine's), so that machines whose clocks differ agree on what is due.
#
# - put: one INSERT, which leaves a row that is there alone: that is the atomic step by which one of
#   two simultaneous attempts accepts the message. If there was a row, it is read locked, and made
#   due or made to wait again as its state says. A row that vanishes between the two was purged or
#   dropped: then the message is new.
# - take: SELECT ... FOR UPDATE SKIP LOCKED, then one UPDATE of those rows, which gives them a new
#   token. Takers pass over what others have locked, so no two wait for each other or get the same
#   row. Each SELECT is for one state, because only then an index gives the rows in their order, and
#   MySQL locks no others. The isolation is READ COMMITTED: a locking SELECT that is repeatable has
#   MySQL lock the gaps between rows as well, and then an INSERT waits for the taker.
# - settle: one UPDATE that names the token. Of a worker that was taken over, it finds no row.
# - renew: the rows are read locked, in the order of their ids, so that no two callers wait for each
#   other; then one UPDATE of those that still have their tokens.
# - retry: some rows at a time, so that no transaction is long; in the order of their ids, so that
#   it ends although rows may come back meanwhile.
# - purge: one DELETE of at most so many rows, those first whose time was over first.
# - lag, due, list, show, status: SELECTs without locks.
#
# A crash rolls back the open transaction. So it leaves rows as they were before the piece of work,
# or after it.

# ruff: noqa: S608 - nothing in the statements is from outside

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from ..idempotency import new_token
from ..messages import Message, Step
from ..stores._transaction import Transaction
from ._rows import MESSAGE, Stored, as_text, message_of, names_as_json
from ._statements import DUE, UNSETTLED, Statements, in_batches


class Rules:
    """The promises of `Inbox` to web processes and workers, kept in a given transaction."""

    def __init__(self, statements: Statements) -> None:
        self._sql = statements

    def put(self, transaction: Transaction, row: Mapping[str, object]) -> bool:
        """Accept a message; False if it is done."""
        now = self._sql.now
        while True:  # Until nobody has deleted the row between the two statements.
            inserted = self._sql.write(
                transaction,
                f"{self._sql.spelling.insert} {self._sql.messages} (message_id, attempted_at, "
                "event_type, payload, carrier, accepted_at, state, due_at, takes, failures, "
                "put_backs, done, reason) VALUES (:message_id, :attempted_at, :event_type, "
                f":payload, :carrier, {now}, 'waiting', {now}, 0, 0, 0, '[]', '') "
                f"{self._sql.spelling.or_nothing}",
                row,
            )
            if inserted:
                return True
            rows = self._sql.read(
                transaction,
                f"SELECT state FROM {self._sql.messages} WHERE message_id = :message_id"
                f"{self._sql.spelling.lock}",
                row,
            )
            if rows:
                return self._put_again(transaction, rows[0][0], row)

    def take(
        self,
        transaction: Transaction,
        slots: int,
        lease: timedelta,
        message_id: str | None,
        *,
        unsettled: bool,
    ) -> list[Message]:
        """Take rows that are due, the longest due first."""
        states: tuple[Stored, ...] = UNSETTLED if unsettled else ("waiting",)
        table, only = self._sql.in_order, ""
        if message_id is not None:
            table, only = self._sql.messages, "message_id = :message_id AND "
        lock = self._sql.spelling.lock_free
        found: list[Any] = []
        for state in states:
            found += self._sql.read(
                transaction,
                f"SELECT due_at, {MESSAGE} FROM {table} WHERE {only}state = :state "
                f"AND due_at <= {self._sql.now} ORDER BY due_at LIMIT :count{lock}",
                {"message_id": message_id, "state": state, "count": slots},
            )
        found = sorted(found, key=lambda row: float(row[0]))[:slots]
        token = new_token()
        for names, parameters in in_batches([row[1] for row in found]):
            self._sql.write(
                transaction,
                f"UPDATE {self._sql.messages} SET state = 'running', token = :token, "
                f"due_at = {self._sql.now} + :lease, takes = takes + 1 "
                f"WHERE message_id IN ({names})",
                {"token": token, "lease": lease.total_seconds(), **parameters},
            )
        return [message_of(row[1:], token) for row in found]

    def renew(
        self, transaction: Transaction, messages: Sequence[Message], lease: timedelta
    ) -> frozenset[str]:
        """Extend the leases that are still held; returns the ids of those messages."""
        tokens = {message.delivery.message_id: message.token for message in messages}
        held: list[str] = []
        for names, parameters in in_batches(sorted(tokens)):
            rows = self._sql.read(
                transaction,
                f"SELECT message_id, token FROM {self._sql.messages} WHERE message_id IN ({names}) "
                f"AND state = 'running' ORDER BY message_id{self._sql.spelling.lock}",
                parameters,
            )
            held += [name for name, token in rows if token == tokens[name]]
        for names, parameters in in_batches(held):
            self._sql.write(
                transaction,
                f"UPDATE {self._sql.messages} SET due_at = {self._sql.now} + :lease "
                f"WHERE message_id IN ({names})",
                {"lease": lease.total_seconds(), **parameters},
            )
        return frozenset(held)

    def settle(self, transaction: Transaction, message: Message, step: Step) -> bool:
        """Write what follows a run, unless it was taken over."""
        is_put_back = step.kind == "retry" and not step.is_counted
        takes = message.takes - 1 if is_put_back else 0
        state = "unsettled" if takes > 0 else "waiting" if step.kind == "retry" else step.kind
        counts = "put_backs = put_backs + 1" if is_put_back else "put_backs = 0"
        if step.kind != "done" and step.is_counted:
            counts += ", failures = failures + 1"
        if step.kind == "done":
            counts += ", payload = NULL, carrier = '{}'"
        if not is_put_back or step.reason:
            counts += ", reason = :reason"
        written = self._sql.write(
            transaction,
            f"UPDATE {self._sql.messages} SET state = :state, due_at = {self._sql.now} + :delay, "
            f"takes = :takes, done = :done, token = NULL, {counts} "
            "WHERE message_id = :message_id AND state = 'running' AND token = :token",
            {
                "message_id": message.delivery.message_id,
                "token": message.token,
                "state": state,
                "delay": step.delay if step.kind == "retry" else 0.0,
                "takes": takes,
                "done": names_as_json(step.done),
                "reason": as_text(step.reason),
            },
        )
        return written == 1

    def due(self, transaction: Transaction, limit: int) -> list[str]:
        """The ids of messages that are due, the longest due first."""
        query, parameters = self._sql.oldest(DUE)
        query = f"SELECT message_id FROM ({query}) AS due ORDER BY due_at LIMIT :count"
        return [
            row[0] for row in self._sql.read(transaction, query, {"count": limit, **parameters})
        ]

    def beat(self, transaction: Transaction, worker: str, slots: int, running: int) -> None:
        """Write or delete the row of a worker."""
        row = {"name": worker, "slots": slots, "running": running}
        if slots <= 0:
            self._sql.write(transaction, f"DELETE FROM {self._sql.workers} WHERE name = :name", row)
            return
        written = self._sql.write(
            transaction,
            f"UPDATE {self._sql.workers} SET slots = :slots, running = :running, "
            f"seen_at = {self._sql.now} WHERE name = :name",
            row,
        )
        if not written:
            self._sql.write(
                transaction,
                f"{self._sql.spelling.insert} {self._sql.workers} (name, slots, running, seen_at) "
                f"VALUES (:name, :slots, :running, {self._sql.now}) "
                f"{self._sql.spelling.or_nothing}",
                row,
            )

    def _put_again(
        self, transaction: Transaction, state: Stored, row: Mapping[str, object]
    ) -> bool:
        """What a `put` does to a row that is there, which is locked."""
        if state == "dead":
            carrier = ", carrier = :carrier"  # Of what lets it run now.
            self._sql.revive(transaction, "message_id = :message_id", row, carrier)
        elif state not in {"running", "done"}:
            self._sql.wake(transaction, "message_id = :message_id", row)
        return state != "done"
