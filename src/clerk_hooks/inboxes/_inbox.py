"""The methods of an inbox in SQL: pieces of work, which a subclass runs in its transactions."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta

from ..delivery import Delivery
from ..errors import QueueUnavailable, StoreUnavailable
from ..messages import Message, Record, Selection, Status, Step
from ..stores._store import Kind, Result, Work
from ._rows import row_of
from ._sql import Rules
from ._statements import Statements
from ._upkeep import Upkeep


class SQLInbox(ABC):
    """An `Inbox` that follows the rules. `retention`, of done messages, is in seconds.

    What a crash of the server may forget is done as a ``claim``: takes, leases and heartbeats.
    """

    def __init__(self, retention: float, statements: Statements) -> None:
        self._sql = statements
        self._rules = Rules(statements)
        self._upkeep = Upkeep(retention, statements)

    @abstractmethod
    def _run(self, work: Work[Result], kind: Kind) -> Result:
        """Do `work` in a transaction of its own. Raises `StoreUnavailable`."""

    def _call(self, work: Work[Result], kind: Kind) -> Result:
        with queue_failures():
            return self._run(work, kind)

    def put(self, delivery: Delivery, carrier: Mapping[str, str] = {}) -> bool:
        """Keep `delivery` durably, as `Inbox.put` says.

        Raises `ConfigurationError` if its id or its payload (16 MiB) is too long to be kept.
        """
        row = row_of(delivery, carrier)
        return self._call(lambda transaction: self._rules.put(transaction, row), "write")

    def take(
        self,
        slots: int,
        lease: timedelta,
        *,
        message_id: str | None = None,
        unsettled: bool = False,
    ) -> Sequence[Message]:
        """Take rows that are due, as `Inbox.take` says."""
        if slots <= 0:
            return ()
        return self._call(
            lambda transaction: self._rules.take(
                transaction, slots, lease, message_id, unsettled=unsettled
            ),
            "claim",
        )

    def renew(self, messages: Sequence[Message], lease: timedelta) -> frozenset[str]:
        """Extend leases, as `Inbox.renew` says."""
        if not messages:
            return frozenset()
        return self._call(
            lambda transaction: self._rules.renew(transaction, messages, lease), "claim"
        )

    def settle(self, message: Message, step: Step) -> bool:
        """Write what follows a run, as `Inbox.settle` says."""
        return self._call(
            lambda transaction: self._rules.settle(transaction, message, step), "write"
        )

    def lag(self, *, unsettled: bool = False) -> float | None:
        """Seconds for which the oldest due row has been due, as `Inbox.lag` says."""
        return self._call(
            lambda transaction: self._sql.lag(transaction, unsettled=unsettled), "read"
        )

    def due(self, limit: int) -> Sequence[str]:
        """The ids of messages that are due, as `Inbox.due` says."""
        return self._call(lambda transaction: self._rules.due(transaction, max(limit, 0)), "read")

    def beat(self, worker: str, slots: int, running: int) -> None:
        """Write the row of a living worker, as `Inbox.beat` says."""
        self._call(
            lambda transaction: self._rules.beat(transaction, worker, slots, running), "claim"
        )

    def list(self, selection: Selection, limit: int) -> Sequence[Record]:
        """Rows, the newest first, as `Inbox.list` says."""
        return self._call(
            lambda transaction: self._upkeep.list(transaction, selection, max(limit, 0)), "read"
        )

    def show(self, message_id: str) -> Record | None:
        """The row of a message, as `Inbox.show` says."""
        return self._call(lambda transaction: self._upkeep.show(transaction, message_id), "read")

    def retry(self, selection: Selection, message_id: str | None = None) -> int:
        """Make rows due now, as `Inbox.retry` says: some in each transaction."""
        total = 0
        last: str | None = ""
        while last is not None:
            count, last = self._retry_some(selection, message_id, last)
            total += count
        return total

    def drop(self, message_id: str) -> bool:
        """Delete a row, as `Inbox.drop` says."""
        return self._call(lambda transaction: self._upkeep.drop(transaction, message_id), "write")

    def purge(self, limit: int = 1000) -> int:
        """Delete rows whose time is over, as `Inbox.purge` says."""
        return self._call(
            lambda transaction: self._upkeep.purge(transaction, max(limit, 0)), "write"
        )

    def status(self) -> Status:
        """How the inbox fares, as `Inbox.status` says."""
        return self._call(self._upkeep.status, "read")

    def _retry_some(
        self, selection: Selection, message_id: str | None, after: str
    ) -> tuple[int, str | None]:
        return self._call(
            lambda transaction: self._upkeep.retry_some(transaction, selection, message_id, after),
            "write",
        )


@contextmanager
def queue_failures() -> Generator[None]:
    """Turn the `StoreUnavailable` of the parts that stores share into `QueueUnavailable`."""
    try:
        yield
    except StoreUnavailable as error:
        raise QueueUnavailable(str(error)) from error.__cause__
