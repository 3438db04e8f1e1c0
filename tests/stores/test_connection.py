"""Who gets a connection from `SQLAlchemyStore.connection`, and who is told what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from clerk_hooks import ConfigurationError, Delivery, Endpoint, MemoryStore, Router, sign
from clerk_hooks.stores.sqlalchemy import SQLAlchemyStore

from .worker import PAYLOAD, SECRET

OTHER = Delivery("msg_2", 1_700_000_000, PAYLOAD)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sqlalchemy.Engine]:
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    yield engine
    engine.dispose()


@pytest.fixture
def async_engine(tmp_path: Path) -> AsyncEngine:
    # Each connection is closed where it was used, as each `asyncio.run` has a loop of its own.
    return create_async_engine(
        f"sqlite+aiosqlite:///{tmp_path / 'store.sqlite3'}", poolclass=sqlalchemy.NullPool
    )


class Seen(list[Any]):
    """What handlers got, or the reason why not."""

    def ask(self, store: Any, delivery: Delivery) -> Any:
        try:
            connection = store.connection(delivery)
        except ConfigurationError as error:
            self.append(error.reason)
            return None
        self.append(connection)
        return connection


def receive(endpoint: Endpoint) -> int:
    return endpoint.receive(PAYLOAD, sign(PAYLOAD, secret=SECRET, message_id="msg_1")).status


def areceive(endpoint: Endpoint) -> int:
    headers = sign(PAYLOAD, secret=SECRET, message_id="msg_1")
    return asyncio.run(endpoint.areceive(PAYLOAD, headers)).status


def test_a_handler_gets_the_same_connection_whenever_it_asks(engine: sqlalchemy.Engine) -> None:
    store, router, seen = SQLAlchemyStore(engine), Router(), Seen()

    @router.on("user.created")
    def handler(event: object, delivery: Delivery) -> None:
        seen.ask(store, delivery)
        seen.ask(store, delivery)

    assert receive(Endpoint(router, secret=SECRET, store=store)) == 200
    assert isinstance(seen[0], sqlalchemy.Connection)
    assert seen[0] is seen[1]
    assert seen[0].closed


def test_two_handlers_get_two_connections(engine: sqlalchemy.Engine) -> None:
    store, router, seen = SQLAlchemyStore(engine), Router(), Seen()
    router.on("user.created", name="a")(lambda event, delivery: seen.ask(store, delivery) and None)
    router.on("user.created", name="b")(lambda event, delivery: seen.ask(store, delivery) and None)
    assert receive(Endpoint(router, secret=SECRET, store=store)) == 200
    assert seen[0] is not seen[1]


@pytest.mark.parametrize("way", [receive, areceive])
def test_a_sync_handler_gets_one_whichever_way_it_is_run(
    engine: sqlalchemy.Engine, way: Any
) -> None:
    store, router, seen = SQLAlchemyStore(engine), Router(), Seen()
    router.on("user.created", name="h")(lambda event, delivery: seen.ask(store, delivery) and None)
    assert way(Endpoint(router, secret=SECRET, store=store)) == 200
    assert isinstance(seen[0], sqlalchemy.Connection)


def test_nobody_gets_one_outside_a_handler(engine: sqlalchemy.Engine) -> None:
    with pytest.raises(ConfigurationError, match="only in a handler") as caught:
        SQLAlchemyStore(engine).connection(OTHER)
    assert caught.value.reason == "not_claimed"


def test_nobody_gets_one_for_another_delivery(engine: sqlalchemy.Engine) -> None:
    store, router, seen = SQLAlchemyStore(engine), Router(), Seen()
    router.on("user.created", name="h")(lambda event, delivery: seen.ask(store, OTHER) and None)
    assert receive(Endpoint(router, secret=SECRET, store=store)) == 200
    assert seen == ["not_claimed"]


def test_nobody_gets_one_of_a_store_that_is_not_the_endpoints(engine: sqlalchemy.Engine) -> None:
    store, router, seen = SQLAlchemyStore(engine), Router(), Seen()
    router.on("user.created", name="h")(lambda event, delivery: seen.ask(store, delivery) and None)
    assert receive(Endpoint(router, secret=SECRET, store=MemoryStore())) == 200
    assert receive(Endpoint(router, secret=SECRET)) == 200
    assert seen == ["not_claimed", "not_claimed"]


def test_what_outlives_its_handler_gets_none(engine: sqlalchemy.Engine) -> None:
    from contextvars import Context, copy_context

    store, router, seen = SQLAlchemyStore(engine), Router(), Seen()
    contexts: list[tuple[Context, Delivery]] = []

    @router.on("user.created")
    def handler(event: object, delivery: Delivery) -> None:
        contexts.append((copy_context(), delivery))

    assert receive(Endpoint(router, secret=SECRET, store=store)) == 200
    ((context, delivery),) = contexts
    context.run(seen.ask, store, delivery)
    assert seen == ["not_claimed"]


@pytest.mark.parametrize("way", [receive, areceive])
def test_an_async_handler_gets_none_without_an_async_engine(
    engine: sqlalchemy.Engine, way: Any
) -> None:
    store, router, seen = SQLAlchemyStore(engine), Router(), Seen()

    @router.on("user.created")
    async def handler(event: object, delivery: Delivery) -> None:
        seen.ask(store, delivery)

    assert way(Endpoint(router, secret=SECRET, store=store)) == 200
    assert seen == ["wrong_engine"]


def test_a_sync_handler_gets_none_with_an_async_engine(async_engine: AsyncEngine) -> None:
    store, router, seen = SQLAlchemyStore(async_engine), Router(), Seen()

    @router.on("user.created")
    def handler(event: object, delivery: Delivery) -> None:
        seen.ask(store, delivery)

    assert areceive(Endpoint(router, secret=SECRET, store=store)) == 200
    assert seen == ["wrong_engine"]


def test_an_async_handler_gets_the_same_connection_from_all_its_tasks(
    async_engine: AsyncEngine,
) -> None:
    store, router, seen = SQLAlchemyStore(async_engine), Router(), Seen()

    @router.on("user.created")
    async def handler(event: object, delivery: Delivery) -> None:
        both = await asyncio.gather(store.connection(delivery), store.connection(delivery))
        seen.extend([*both, await store.connection(delivery)])

    assert areceive(Endpoint(router, secret=SECRET, store=store)) == 200
    assert seen[0] is seen[1] is seen[2]
    assert seen[0].closed


def test_receive_says_that_an_async_engine_is_for_areceive(async_engine: AsyncEngine) -> None:
    router = Router()
    router.on("user.created", name="h")(lambda event: None)
    endpoint = Endpoint(router, secret=SECRET, store=SQLAlchemyStore(async_engine))
    with pytest.raises(ConfigurationError, match="areceive"):
        receive(endpoint)
    assert areceive(endpoint) == 200


def test_only_a_store_on_an_async_engine_can_be_awaited(
    engine: sqlalchemy.Engine, async_engine: AsyncEngine
) -> None:
    names = ("aclaim", "aconfirm", "arelease", "ashow", "aforget", "apurge")
    assert not any(hasattr(SQLAlchemyStore(engine), name) for name in names)
    assert all(hasattr(SQLAlchemyStore(async_engine), name) for name in names)


def test_a_cancelled_async_handler_leaves_nothing_and_is_released(
    async_engine: AsyncEngine,
) -> None:
    store, router = SQLAlchemyStore(async_engine), Router()
    begun = asyncio.Event()

    @router.on("user.created", name="h")
    async def handler(event: object, delivery: Delivery) -> None:
        connection = await store.connection(delivery)
        await connection.exec_driver_sql("CREATE TABLE effects (id INTEGER)")
        await connection.exec_driver_sql("INSERT INTO effects VALUES (1)")
        begun.set()
        await asyncio.Event().wait()

    async def main() -> list[Any]:
        endpoint = Endpoint(router, secret=SECRET, store=store)
        headers = sign(PAYLOAD, secret=SECRET, message_id="msg_1")
        task = asyncio.create_task(endpoint.areceive(PAYLOAD, headers))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with async_engine.connect() as connection:
            left = await connection.exec_driver_sql("SELECT name FROM sqlite_master")
            assert "effects" not in [row[0] for row in left] or not list(
                await connection.exec_driver_sql("SELECT * FROM effects")
            )
        return await store.ashow("msg_1")

    assert asyncio.run(main()) == []
