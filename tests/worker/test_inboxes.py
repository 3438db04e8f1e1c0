"""A worker over every kind of inbox, on real databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from clerk_hooks import Delivery, MemoryStore, Processor, RetryPolicy, Router, Worker
from clerk_hooks.events import UserCreated, UserUpdated
from clerk_hooks.inboxes import AsyncSQLAlchemyInbox, SQLAlchemyInbox, SQLiteInbox
from clerk_hooks.messages import Selection
from clerk_hooks.stores.sqlalchemy import AsyncSQLAlchemyStore
from clerk_hooks.worker._calls import ask, on_loop

from ..inboxes.places import KINDS, Place, place_of
from ..stores.backends import ASYNC_SQL
from ..stores.worker import async_engine
from .conftest import delivery

WAIT = 30.0
LONG = timedelta(minutes=1)
"""The timeout of inboxes and stores: one that is unavailable has a delivery run later."""


@pytest.fixture(scope="module", params=[kind for kind in KINDS if kind != "sqlalchemy-sqlite"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with place_of(request.param, tmp_path_factory.mktemp("inbox")) as place:
        yield place


@pytest.fixture
def parts(place: Place) -> Iterator[tuple[Any, Any]]:
    """An inbox of each kind, and a store; where a kind is only awaited, both are."""
    place.clear()
    if place.kind == "sqlite":
        inbox = SQLiteInbox(place.url, timeout=LONG)
        yield inbox, MemoryStore()
        inbox.close()
    elif place.kind in ASYNC_SQL:
        engine = async_engine(place.url)
        yield AsyncSQLAlchemyInbox(engine, timeout=LONG), AsyncSQLAlchemyStore(engine, timeout=LONG)
        on_loop(engine.dispose)
    elif place.is_django:
        yield place.open(), MemoryStore()
        place.close()
    else:
        sync = SQLAlchemyInbox(place.url, timeout=LONG)
        yield sync, MemoryStore()
        sync.close()


def test_a_worker_runs_retries_and_buries_deliveries_of_any_inbox(
    router: Router, parts: tuple[Any, Any]
) -> None:
    inbox, store = parts
    together = Barrier(5)
    ran: list[str] = []

    @router.on("user.created", name="save")
    def save(event: UserCreated, delivery: Delivery) -> None:
        together.wait(WAIT)
        ran.append(delivery.message_id)

    @router.on("user.created", name="mail")
    async def mail(event: UserCreated, delivery: Delivery) -> None:
        ran.append(delivery.message_id)

    @router.on("user.updated", name="fail")
    def fail(event: UserUpdated) -> None:
        raise ValueError("no such plan")

    names = [f"msg_{number}" for number in range(20)]
    for name in names:
        ask(inbox, "put", delivery(name))
    ask(inbox, "put", delivery("msg_bad", "user.updated"))
    policy = RetryPolicy(attempts=2, first=timedelta(0), longest=timedelta(0))
    worker = Worker(Processor(router, store=store), inbox, slots=6, policy=policy)
    assert worker.run_due() == 22
    assert sorted(ran) == sorted([*names, *names])
    (dead,) = ask(inbox, "list", Selection(state="dead"), 9)
    assert (dead.message_id, dead.failures) == ("msg_bad", 2)
    assert ask(inbox, "status").counts["done"] == 20
    assert [worker.slots for worker in ask(inbox, "status").workers] == [6]
    assert ask(inbox, "put", delivery("msg_1")) is False
    ask(inbox, "retry", Selection(state="dead"))
    assert worker.run_one("msg_bad")
    assert worker.run_due() == 1


def test_a_row_whose_worker_died_runs_alone_of_any_inbox(
    router: Router, parts: tuple[Any, Any]
) -> None:
    inbox, _ = parts
    running: list[int] = []
    most: list[int] = []

    @router.on("user.created")
    def save(event: UserCreated) -> None:
        running.append(1)
        most.append(len(running))
        running.pop()

    for number in range(3):
        ask(inbox, "put", delivery(f"msg_{number}"))
    assert len(ask(inbox, "take", 3, timedelta(seconds=-1))) == 3
    assert not ask(inbox, "take", 3, timedelta(seconds=60))
    assert Worker(Processor(router), inbox).run_due() == 3
    assert most == [1, 1, 1]
    assert ask(inbox, "status").counts["done"] == 3
