"""The methods of a store in SQL: pieces of work, which a subclass runs in its transactions."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Literal, TypeAlias, TypeVar

from ..errors import StoreUnavailable
from ..idempotency import Claim, HandlerRecord, ObjectVersion
from ._sql import Rules
from ._transaction import Transaction

Result = TypeVar("Result")
Work: TypeAlias = Callable[[Transaction], Result]
"""What to do in a transaction. If it raises, nothing of it must remain."""

Kind: TypeAlias = Literal["claim", "write", "read", "release"]
"""What kind of work it is.

A ``claim`` may be forgotten in a crash of the server: it is then claimed again. A ``read`` must not
wait for anybody's open transaction, nor must a ``release``: the lease releases too.
"""


class Busy(StoreUnavailable):
    """Others have an SQLite file locked."""


class SQLStore(ABC):
    """An `IdempotencyStore` that follows `rules`."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    @abstractmethod
    def _run(self, work: Work[Result], kind: Kind = "write") -> Result:
        """Do `work` in a transaction of its own."""

    def claim(
        self,
        message_id: str,
        handlers: Sequence[str],
        lease: timedelta,
        object: ObjectVersion | None = None,
    ) -> Claim:
        """Claim handlers of a message, as `IdempotencyStore.claim` says."""
        claim = self._run(
            lambda transaction: self._rules.claim(transaction, message_id, handlers, lease, object),
            "claim",
        )
        if self._rules.is_sweep_due(len(claim.run)):
            with suppress(StoreUnavailable):  # The claim stands; a later one will sweep.
                self._run(self._rules.sweep)
        return claim

    def confirm(
        self, message_id: str, handler: str, token: str, mark: ObjectVersion | None = None
    ) -> bool:
        """Remember that a handler has succeeded, as `IdempotencyStore.confirm` says."""
        return self._run(
            lambda transaction: self._rules.confirm(transaction, message_id, handler, token, mark)
        )

    def release(self, message_id: str, handlers: Sequence[str], token: str) -> None:
        """Give up claims, as `IdempotencyStore.release` says, unless somebody has locked them."""
        with suppress(Busy):
            self._run(
                lambda transaction: self._rules.release(transaction, message_id, handlers, token),
                "release",
            )

    def show(self, message_id: str) -> list[HandlerRecord]:
        """Return the records of a message, sorted by the names of its handlers."""
        return self._run(lambda transaction: self._rules.show(transaction, message_id), "read")

    def forget(self, message_id: str) -> int:
        """Forget a message, as `IdempotencyStore.forget` says."""
        return self._run(lambda transaction: self._rules.forget(transaction, message_id))

    def purge(self) -> int:
        """Forget everything older than the retention; returns how many handlers that were."""
        total, is_all = 0, False
        while not is_all:
            count, is_all = self._run(self._rules.purge_some)
            total += count
        return total
