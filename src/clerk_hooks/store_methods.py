"""The methods of the stores' protocols, for a class that does all of them in one way.

A store of the library says once how it does things: in a transaction, by a script, in a greenlet.
It may do better with some methods, and override those.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from .idempotency import Claim, HandlerRecord, ObjectVersion
from .protocols import IdempotencyStore

Result = TypeVar("Result")


class StoreMethods(ABC):
    """An `IdempotencyStore`, whose methods all call `_do`."""

    @abstractmethod
    def _do(self, method: Callable[..., Result], *arguments: Any) -> Result:
        """Do what `method`, one of the protocol's, does with these arguments."""

    def claim(
        self,
        message_id: str,
        handlers: Sequence[str],
        lease: timedelta,
        object: ObjectVersion | None = None,
    ) -> Claim:
        """Claim handlers of a message, as `IdempotencyStore.claim` says."""
        return self._do(IdempotencyStore.claim, message_id, handlers, lease, object)

    def confirm(
        self, message_id: str, handler: str, token: str, mark: ObjectVersion | None = None
    ) -> bool:
        """Remember that a handler has succeeded, as `IdempotencyStore.confirm` says."""
        return self._do(IdempotencyStore.confirm, message_id, handler, token, mark)

    def release(self, message_id: str, handlers: Sequence[str], token: str) -> None:
        """Give up claims, as `IdempotencyStore.release` says."""
        self._do(IdempotencyStore.release, message_id, handlers, token)

    def show(self, message_id: str) -> list[HandlerRecord]:
        """Return the records of a message, sorted by the names of its handlers."""
        return self._do(IdempotencyStore.show, message_id)

    def forget(self, message_id: str) -> int:
        """Forget a message, as `IdempotencyStore.forget` says."""
        return self._do(IdempotencyStore.forget, message_id)

    def purge(self) -> int:
        """Forget everything older than the retention; returns how many handlers that were."""
        return self._do(IdempotencyStore.purge)


class AsyncStoreMethods(ABC):
    """An `AsyncIdempotencyStore`, whose methods all await `_ado`."""

    @abstractmethod
    async def _ado(self, method: Callable[..., Result], *arguments: Any) -> Result:
        """Do what `method`, one of `IdempotencyStore`, does with these arguments."""

    async def aclaim(
        self,
        message_id: str,
        handlers: Sequence[str],
        lease: timedelta,
        object: ObjectVersion | None = None,
    ) -> Claim:
        """Claim handlers of a message, as `IdempotencyStore.claim` says."""
        return await self._ado(IdempotencyStore.claim, message_id, handlers, lease, object)

    async def aconfirm(
        self, message_id: str, handler: str, token: str, mark: ObjectVersion | None = None
    ) -> bool:
        """Remember that a handler has succeeded, as `IdempotencyStore.confirm` says."""
        return await self._ado(IdempotencyStore.confirm, message_id, handler, token, mark)

    async def arelease(self, message_id: str, handlers: Sequence[str], token: str) -> None:
        """Give up claims, as `IdempotencyStore.release` says."""
        await self._ado(IdempotencyStore.release, message_id, handlers, token)

    async def ashow(self, message_id: str) -> list[HandlerRecord]:
        """Return the records of a message, sorted by the names of its handlers."""
        return await self._ado(IdempotencyStore.show, message_id)

    async def aforget(self, message_id: str) -> int:
        """Forget a message, as `IdempotencyStore.forget` says."""
        return await self._ado(IdempotencyStore.forget, message_id)

    async def apurge(self) -> int:
        """Forget everything older than the retention; returns how many handlers that were."""
        return await self._ado(IdempotencyStore.purge)
