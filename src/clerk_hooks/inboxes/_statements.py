"""Statements that the rules of an inbox are made of."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..messages import Selection, State
from ..stores._transaction import Transaction
from ._rows import Stored
from ._spelling import INDEX, MESSAGES, WORKERS, Spelling

BATCH = 500
"""Rows in one statement, at most."""

DUE: tuple[Stored, ...] = ("waiting", "unsettled", "running")
"""The states of rows that become due."""
UNSETTLED: tuple[Stored, ...] = ("unsettled", "running")
"""Those of rows whose last take was never settled."""
_STORED: Mapping[State, tuple[Stored, ...]] = {"waiting": ("waiting", "unsettled")}


class Statements:
    """The tables `messages`, with its `index` on (state, due_at), and `workers`, by their names."""

    # ruff: noqa: S608 - nothing in the statements is from outside

    def __init__(
        self,
        spelling: Spelling = Spelling(),  # noqa: B008 - immutable
        messages: str = MESSAGES,
        workers: str = WORKERS,
        index: str = INDEX,
    ) -> None:
        self.spelling = spelling
        self.now = spelling.now
        self.messages = messages
        self.workers = workers
        self.in_order = messages + spelling.by_index.format(index=index)

    def read(
        self, transaction: Transaction, query: str, parameters: Mapping[str, object]
    ) -> Sequence[Any]:
        """The rows of a query."""
        return transaction.execute(query, {"now": transaction.now, **parameters}).fetchall()

    def write(
        self, transaction: Transaction, statement: str, parameters: Mapping[str, object]
    ) -> int:
        """Run a statement that writes; returns the number of rows."""
        return transaction.execute(statement, {"now": transaction.now, **parameters}).rowcount

    def wake(self, transaction: Transaction, which: str, parameters: Mapping[str, object]) -> int:
        """Let waiting rows be due now; those that are due already keep their place."""
        return self.write(
            transaction,
            f"UPDATE {self.messages} SET due_at = CASE WHEN due_at > {self.now} THEN {self.now} "
            f"ELSE due_at END WHERE {which} AND state IN ('waiting', 'unsettled')",
            parameters,
        )

    def revive(
        self,
        transaction: Transaction,
        which: str,
        parameters: Mapping[str, object],
        also: str = "",
    ) -> int:
        """Let dead rows wait again, as if they had never been taken."""
        return self.write(
            transaction,
            f"UPDATE {self.messages} SET state = 'waiting', due_at = {self.now}, takes = 0, "
            f"failures = 0, put_backs = 0{also} WHERE {which} AND state = 'dead'",
            parameters,
        )

    def lag(self, transaction: Transaction, *, unsettled: bool = False) -> float | None:
        """Seconds for which the oldest due row has been due."""
        query, parameters = self.oldest(UNSETTLED if unsettled else DUE)
        query = f"SELECT {self.now} - MIN(due_at) FROM ({query}) AS due"
        ((seconds,),) = self.read(transaction, query, {"count": 1, **parameters})
        return None if seconds is None else float(seconds)

    def oldest(self, states: Sequence[Stored]) -> tuple[str, dict[str, object]]:
        """A query for the rows that have been due the longest, and its parameters.

        The parameter ``:count`` is the number of rows of each state.
        """
        parts = [
            f"SELECT * FROM (SELECT message_id, due_at FROM {self.in_order} "
            f"WHERE state = :state{n} AND due_at <= {self.now} ORDER BY due_at LIMIT :count) "
            f"AS part{n}"
            for n in range(len(states))
        ]
        return " UNION ALL ".join(parts), {f"state{n}": state for n, state in enumerate(states)}


def stored(state: State) -> Sequence[Stored]:
    """The states in rows that people see as `state`."""
    return _STORED.get(state, (state,))


def selected(selection: Selection) -> tuple[str, dict[str, object]]:
    """The condition of a selection, and its parameters."""
    conditions, parameters = ["1 = 1"], dict[str, object]()
    if selection.state is not None:
        states = stored(selection.state)
        conditions.append(f"state IN ({', '.join(f':state{n}' for n in range(len(states)))})")
        parameters |= {f"state{n}": state for n, state in enumerate(states)}
    if selection.event_type is not None:
        conditions.append("event_type = :event_type")
        parameters["event_type"] = selection.event_type
    if selection.since is not None:
        conditions.append("accepted_at >= :since")
        parameters["since"] = selection.since
    return " AND ".join(conditions), parameters


def in_batches(names: Sequence[str]) -> list[tuple[str, dict[str, object]]]:
    """Placeholders and parameters for names, at most so many in one statement."""
    batches: list[tuple[str, dict[str, object]]] = []
    for start in range(0, len(names), BATCH):
        named = {f"id{n}": name for n, name in enumerate(names[start : start + BATCH])}
        batches.append((", ".join(f":{key}" for key in named), dict(named)))
    return batches
