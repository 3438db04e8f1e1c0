"""The methods of `SQLAlchemyStore` on an `AsyncEngine`, as coroutines."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from ..errors import StoreUnavailable
from ..idempotency import Claim, HandlerRecord, ObjectVersion
from ._engines import AsyncTransactions
from ._sql import Rules


class AwaitedStore:
    """The methods of an `IdempotencyStore`, as coroutines."""

    def __init__(self, rules: Rules, transactions: AsyncTransactions) -> None:
        self._rules = rules
        self._transactions = transactions

    async def claim(
        self,
        message_id: str,
        handlers: Sequence[str],
        lease: timedelta,
        object: ObjectVersion | None = None,
    ) -> Claim:
        """Claim handlers of a message, as `IdempotencyStore.claim` says."""
        claim = await self._transactions.run(
            lambda transaction: self._rules.claim(transaction, message_id, handlers, lease, object)
        )
        self._transactions.expect((claim.token, name) for name in claim.run)
        if self._rules.is_sweep_due(len(claim.run)):
            with suppress(StoreUnavailable):  # The claim stands; a later one will sweep.
                await self._transactions.run(self._rules.sweep)
        return claim

    async def confirm(
        self, message_id: str, handler: str, token: str, mark: ObjectVersion | None = None
    ) -> bool:
        """Record that a handler succeeded, and commit everything it wrote to its connection."""
        return await self._transactions.finish(
            (token, handler),
            lambda transaction: self._rules.confirm(transaction, message_id, handler, token, mark),
            lambda transaction: self._rules.release(transaction, message_id, [handler], token),
        )

    async def release(self, message_id: str, handlers: Sequence[str], token: str) -> None:
        """Give up claims, as `IdempotencyStore.release` says, and roll back what was written."""
        await self._transactions.drop((token, name) for name in handlers)
        await self._transactions.run(
            lambda transaction: self._rules.release(transaction, message_id, handlers, token)
        )

    async def show(self, message_id: str) -> list[HandlerRecord]:
        """Return the records of a message, ordered by the names of its handlers."""
        return await self._transactions.run(
            lambda transaction: self._rules.show(transaction, message_id)
        )

    async def forget(self, message_id: str) -> int:
        """Forget a message, as `IdempotencyStore.forget` says."""
        return await self._transactions.run(
            lambda transaction: self._rules.forget(transaction, message_id)
        )

    async def purge(self) -> int:
        """Forget everything older than the retention; return the number of handlers."""
        total, is_all = 0, False
        while not is_all:
            count, is_all = await self._transactions.run(self._rules.purge_some)
            total += count
        return total
