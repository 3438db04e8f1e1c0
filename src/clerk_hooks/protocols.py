"""What a store must have: the methods that a `Processor` calls, and those that people call.

`idempotency` tells the theory, and has the rules that all stores share.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from .idempotency import Claim, HandlerRecord, ObjectVersion


class IdempotencyStore(Protocol):
    """Remembers which handlers of which messages have succeeded.

    A `Processor` calls these methods from any thread, several at a time. A store that cannot answer
    within its own timeout raises `StoreUnavailable`. Any other exception counts as that, except for
    `ConfigurationError`, which the caller of the `Processor` gets. A store may be an
    `AsyncIdempotencyStore` as well.
    """

    def claim(
        self,
        message_id: str,
        handlers: Sequence[str],
        lease: timedelta,
        object: ObjectVersion | None = None,
    ) -> Claim:
        """Claim handlers of a message, by their names, for the time of `lease`; atomically.

        Finding out that a handler is neither confirmed nor under a lease, and claiming it, is one
        step. `object` names the handlers that drop stale events. Such a handler
        is stale if the object's mark says so, and busy while another message holds a handler for
        that object.
        """
        ...

    def confirm(
        self, message_id: str, handler: str, token: str, mark: ObjectVersion | None = None
    ) -> bool:
        """Remember that `handler` has succeeded, and move the object's mark in the same step.

        Returns False, and changes nothing, if `token` no longer holds the handler, or if the event
        has become stale: the lease was over.
        """
        ...

    def release(self, message_id: str, handlers: Sequence[str], token: str) -> None:
        """Give up the claims on `handlers` that `token` still holds and has not confirmed."""
        ...

    def show(self, message_id: str) -> list[HandlerRecord]:
        """Return the records of a message, sorted by the names of its handlers."""
        ...

    def forget(self, message_id: str) -> int:
        """Forget a message, so that all its handlers run again; returns how many were forgotten.

        Handlers that are running at this moment can no longer be confirmed, so they run again too.
        """
        ...

    def purge(self) -> int:
        """Forget what has expired, which only frees space; returns how many handlers that were."""
        ...


class AsyncIdempotencyStore(Protocol):
    """An `IdempotencyStore` for event loops: the same methods, with ``a`` in front, to be awaited.

    `Processor.aprocess` and `Endpoint.areceive` await them; they call those of any other store in a
    thread. A call is never abandoned: if the caller is cancelled, its end is waited for.
    """

    async def aclaim(
        self,
        message_id: str,
        handlers: Sequence[str],
        lease: timedelta,
        object: ObjectVersion | None = None,
    ) -> Claim:
        """Claim handlers of a message, as `IdempotencyStore.claim` says."""
        ...

    async def aconfirm(
        self, message_id: str, handler: str, token: str, mark: ObjectVersion | None = None
    ) -> bool:
        """Remember that a handler has succeeded, as `IdempotencyStore.confirm` says."""
        ...

    async def arelease(self, message_id: str, handlers: Sequence[str], token: str) -> None:
        """Give up claims, as `IdempotencyStore.release` says."""
        ...

    async def ashow(self, message_id: str) -> list[HandlerRecord]:
        """Return the records of a message, sorted by the names of its handlers."""
        ...

    async def aforget(self, message_id: str) -> int:
        """Forget a message, as `IdempotencyStore.forget` says."""
        ...

    async def apurge(self) -> int:
        """Forget what has expired, as `IdempotencyStore.purge` says."""
        ...


_CALLED = ("claim", "confirm", "release")


def is_store(store: object) -> bool:
    """Whether `store` has the methods that `process` calls; a store's class does not count."""
    return _has(store, _CALLED)


def is_async_store(store: object) -> bool:
    """Whether `store` has the methods that `aprocess` awaits; a store's class does not count."""
    return _has(store, ["a" + name for name in _CALLED])


def _has(store: object, methods: Sequence[str]) -> bool:
    return not isinstance(store, type) and all(
        callable(getattr(store, name, None)) for name in methods
    )
