"""What type checkers know of the stores: checked, never run."""

from collections.abc import Awaitable

from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from typing_extensions import assert_type

from clerk_hooks import Delivery, Endpoint, IdempotencyStore, MemoryStore, Router
from clerk_hooks.stores.redis import RedisStore
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


def a_connection_is_sync(engine: Engine, delivery: Delivery) -> None:
    assert_type(SQLAlchemyStore(engine).connection(delivery), Connection)
    assert_type(SQLAlchemyStore("postgresql://localhost").connection(delivery), Connection)


async def or_is_awaited(engine: AsyncEngine, delivery: Delivery) -> None:
    store = SQLAlchemyStore(engine)
    assert_type(store.connection(delivery), Awaitable[AsyncConnection])
    assert_type(await store.connection(delivery), AsyncConnection)
