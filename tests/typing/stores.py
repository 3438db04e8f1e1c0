"""What type checkers know of the stores: checked, never run."""

import sqlite3
from contextlib import AbstractAsyncContextManager, AbstractContextManager

import redis
import redis.asyncio
from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_scoped_session,
)
from sqlalchemy.orm import Session, scoped_session
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
from clerk_hooks.stores.sqlalchemy import AsyncSQLAlchemyStore, SQLAlchemyStore
from clerk_hooks.stores.sqlite import SQLiteStore


def every_store_is_one(engine: Engine, router: Router) -> None:
    stores: list[IdempotencyStore] = [
        MemoryStore(),
        SQLiteStore("store.sqlite3"),
        RedisStore("redis://localhost"),
        SQLAlchemyStore(engine),
    ]
    for store in stores:
        Endpoint(router, store=store)


def every_async_store_is_one(engine: AsyncEngine, router: Router) -> None:
    stores: list[AsyncIdempotencyStore] = [
        AsyncRedisStore("redis://localhost"),
        AsyncSQLAlchemyStore(engine),
    ]
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


def sync_sessions_are_for_the_sync_store(
    engine: Engine,
    delivery: Delivery,
    session: Session,
    scoped: scoped_session[Session],
    connection: Connection,
    async_session: AsyncSession,
) -> None:
    store = SQLAlchemyStore(engine)
    assert_type(store.transaction(delivery, session), AbstractContextManager[None])
    for target in (session, scoped, connection):
        with store.transaction(delivery, target):
            store.confirm_in(delivery, target)
    SQLAlchemyStore(connection).transaction(delivery, session)
    store.transaction(delivery, async_session)  # type: ignore[arg-type]


async def async_ones_are_for_the_async_store(
    engine: AsyncEngine,
    delivery: Delivery,
    session: AsyncSession,
    scoped: async_scoped_session[AsyncSession],
    connection: AsyncConnection,
    sync_session: Session,
) -> None:
    store = AsyncSQLAlchemyStore(engine)
    assert_type(store.transaction(delivery, session), AbstractAsyncContextManager[None])
    for target in (session, scoped, connection):
        async with store.transaction(delivery, target):
            await store.confirm_in(delivery, target)
    store.transaction(delivery, sync_session)  # type: ignore[arg-type]
    SQLAlchemyStore(engine)  # type: ignore[arg-type]


def sqlite_takes_its_own_connections(delivery: Delivery, connection: sqlite3.Connection) -> None:
    store = SQLiteStore("store.sqlite3")
    assert_type(store.transaction(delivery, connection), AbstractContextManager[None])
    store.confirm_in(delivery, connection)
