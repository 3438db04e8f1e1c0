"""`RedisStore` and `AsyncRedisStore`, for tests that say the same of both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .worker import Awaited


class RedisKind:
    """One of the two: its stores have synchronous methods here, and its clients are its own."""

    def __init__(self, name: str) -> None:
        pytest.importorskip("redis")
        import redis
        import redis.asyncio

        self.is_async = name == "async"
        self.library: Any = redis.asyncio if self.is_async else redis
        self._close: list[Callable[[], object]] = []

    @property
    def store_class(self) -> Any:
        from clerk_hooks.stores.redis import AsyncRedisStore, RedisStore

        return AsyncRedisStore if self.is_async else RedisStore

    def store(self, client: Any, **options: Any) -> Any:
        """A store for a client or a URL, which is closed after the test."""
        store = self.store_class(client, **options)
        if not self.is_async:
            self._close.append(store.close)
            return store
        awaited = Awaited(store)
        self._close += [awaited.stop, lambda: awaited.run(store.aclose())]
        return awaited

    def close(self) -> None:
        while self._close:
            self._close.pop()()
