"""What type checkers know of the stores: checked, never run."""

from collections.abc import Awaitable

import redis
import redis.asyncio
from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from typing_extensions import assert_type

from clerk_hooks import (
    AsyncIdempotencyStore,
    Delivery,
    Endpoint,
    IdempotencyStore,
    MemoryStore,
    Router,
)
from clerk_hooks.stores.redis import AsyncRedisStore, RedisStore
from clerk_hooks.stores.sqlalchemy import SQLAlchemyStore
from clerk_hooks.stores.sqlite import SQLiteStore


def every_store_is_one(engine: Engine, async_engine: AsyncEngine, router: Router) -> None:
    stores: list[IdempotencyStore] = [
        MemoryStore(),
        SQLiteStore("store.sqlite3"),
        RedisStore("redis://localhost"),
        SQLAlchemyStore(engine),
        SQLAlchemyStore(async_engine),
    ]
    for store in stores:
        Endpoint(router, store=store)


def every_async_store_is_one(router: Router) -> None:
    stores: list[AsyncIdempotencyStore] = [AsyncRedisStore("redis://localhost")]
    for store in stores:
        Endpoint(router, store=store)


def a_client_is_for_its_own_store(
    client: redis.Redis, cluster: redis.RedisCluster, async_client: redis.asyncio.Redis
) -> None:
    RedisStore(client)
    RedisStore(cluster)
    AsyncRedisStore(async_client)
    RedisStore(async_client)  # type: ignore[arg-type]
    AsyncRedisStore(client)  # type: ignore[arg-type]


def each_is_one_kind_of_store(
    store: RedisStore, async_store: AsyncRedisStore
) -> tuple[AsyncIdempotencyStore, IdempotencyStore]:
    return store, async_store  # type: ignore[return-value]


def a_connection_is_sync(engine: Engine, delivery: Delivery) -> None:
    assert_type(SQLAlchemyStore(engine).connection(delivery), Connection)
    assert_type(SQLAlchemyStore("postgresql://localhost").connection(delivery), Connection)


async def or_is_awaited(engine: AsyncEngine, delivery: Delivery) -> None:
    store = SQLAlchemyStore(engine)
    assert_type(store.connection(delivery), Awaitable[AsyncConnection])
    assert_type(await store.connection(delivery), AsyncConnection)
