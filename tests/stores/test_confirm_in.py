"""`confirm_in`: a commit of the app confirms the handler, and nothing is lost without one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from clerk_hooks import Delivery, Router
from clerk_hooks.stores.sqlalchemy import SQLAlchemyStore

from .apps import DATABASES, SERVERS, App, app
from .backends import slowness
from .sessions import ASYNC_KINDS, SQLITE_KINDS, SYNC_KINDS, Work
from .worker import Receiver, engine_of

HANDLED, DUPLICATE = (200, "handled"), (200, "duplicate")
FAILED = (500, "handler_failed")
NOT_COMMITTED = "commit before returning"
KINDS = [
    *(("sqlite", kind) for kind in SQLITE_KINDS),
    *(("sqlalchemy-sqlite", kind) for kind in SYNC_KINDS if "begin" not in kind),
    *(("sqlalchemy-psycopg", kind) for kind in SYNC_KINDS if "begin" not in kind),
    *(("sqlalchemy-pymysql", kind) for kind in ("Session", "Connection")),
    *(("sqlalchemy-aiosqlite", kind) for kind in ("AsyncSession", "AsyncConnection")),
    *(("sqlalchemy-asyncpg", kind) for kind in ASYNC_KINDS if "begin" not in kind),
]


@pytest.fixture(params=DATABASES)
def shop(
    request: pytest.FixtureRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Iterator[App]:
    with app(request.param, tmp_path, caplog) as shop:
        yield shop


on_servers = pytest.mark.parametrize("shop", SERVERS, indirect=True)


def begin(work: Work) -> None:
    """Begin a transaction, as an app does that has switched off the driver's own beginnings."""
    if getattr(work.session, "isolation_level", "") is None:
        work.execute("BEGIN")


def commit(work: Work) -> None:
    begin(work)
    work.write()
    work.confirm()
    work.commit()


@pytest.mark.parametrize(("shop", "kind"), KINDS, indirect=["shop"])
def test_a_commit_of_a_session_of_any_kind_confirms_the_handler(shop: App, kind: str) -> None:
    shop.on(commit, "confirm_in", open_=shop.openers[kind])
    assert shop.receive()[:2] == HANDLED
    assert (shop.effects(), shop.states()) == (["msg_1"], {"h": "done"})
    assert shop.receive()[:2] == DUPLICATE
    assert shop.effects() == ["msg_1"]


def in_turn(steps: list[Callable[[Work], None]]) -> Callable[[Work], None]:
    """A step that is another one each time, from the last on."""

    def step(work: Work) -> None:
        steps.pop()(work)

    return step


def no_commit(work: Work) -> None:
    work.write()
    work.confirm()


def rollback(work: Work) -> None:
    work.write()
    work.confirm()
    work.rollback()


def rollback_and_go_on(work: Work) -> None:
    rollback(work)
    work.write("something else")
    work.commit()


def savepoint_rolled_back(work: Work) -> None:
    with suppress(LookupError), work.savepoint():
        work.confirm()
        raise LookupError
    work.write("something else")
    work.commit()


@pytest.mark.parametrize("step", [no_commit, rollback, rollback_and_go_on, savepoint_rolled_back])
def test_a_handler_that_returns_without_the_commit_has_failed_and_runs_again(
    shop: App, step: Callable[[Work], None]
) -> None:
    steps = [commit, step]
    shop.on(in_turn(steps), "confirm_in")
    seen = shop.receive()
    assert seen[:2] == FAILED
    assert NOT_COMMITTED in seen.log
    assert "msg_1" not in shop.effects()
    assert shop.states() == {}
    assert shop.receive()[:2] == HANDLED
    assert "msg_1" in shop.effects()
    assert shop.receive()[:2] == DUPLICATE


def test_a_rollback_and_another_confirmation_make_one_effect(shop: App) -> None:
    def again(work: Work) -> None:
        rollback(work)
        commit(work)

    shop.on(again, "confirm_in")
    assert shop.receive()[:2] == HANDLED
    assert (shop.effects(), shop.states()) == (["msg_1"], {"h": "done"})
    assert shop.receive()[:2] == DUPLICATE


def test_a_handler_that_raises_after_its_commit_is_done(shop: App) -> None:
    def step(work: Work) -> None:
        commit(work)
        raise LookupError("after the commit")

    shop.on(step, "confirm_in")
    seen = shop.receive()
    assert seen[:2] == FAILED
    assert "after the commit" in seen.log
    assert (shop.effects(), shop.states()) == (["msg_1"], {"h": "done"})
    assert shop.receive()[:2] == DUPLICATE
    assert shop.effects() == ["msg_1"]


def test_a_handler_that_raises_before_its_commit_leaves_nothing(shop: App) -> None:
    failing = [True]

    def step(work: Work) -> None:
        work.write()
        work.confirm()
        if failing:
            raise LookupError("before the commit")
        work.commit()

    shop.on(step, "confirm_in")
    seen = shop.receive()
    assert seen[:2] == FAILED
    assert "before the commit" in seen.log
    assert (shop.effects(), shop.states()) == ([], {})
    failing.clear()
    assert shop.receive()[:2] == HANDLED
    assert shop.effects() == ["msg_1"]


@pytest.mark.parametrize("raises", [False, True])
def test_a_transaction_that_is_left_open_holds_up_nobody_and_its_commit_counts(
    shop: App, raises: bool
) -> None:
    """A dependency of the framework commits after the handler, for example."""
    left: list[Any] = []
    opened: list[Any] = []
    first = next(iter(shop.openers.values()))

    class LeftOpen:
        def __enter__(self) -> Any:
            opened.append(first())
            return opened[-1].__enter__()

        def __exit__(self, *error: object) -> None: ...

        async def __aenter__(self) -> Any:
            opened.append(first())
            return await opened[-1].__aenter__()

        async def __aexit__(self, *error: object) -> None: ...

    def step(work: Work) -> None:
        work.write()
        work.confirm()
        left.append(work.session)
        if raises:
            raise LookupError

    shop.on(step, "confirm_in", open_=LeftOpen)
    seen = shop.receive()  # Neither `show` nor `release` waits for the open transaction.
    assert seen[:2] == FAILED
    assert (NOT_COMMITTED in seen.log) is not raises
    assert seen.seconds < 3
    if hasattr(shop.store, "claim"):
        left[0].commit()
        opened[0].__exit__(None, None, None)
    else:
        shop.receiver.run(opened[0].commit())
        shop.receiver.run(opened[0].__aexit__(None, None, None))
    assert (shop.effects(), shop.states()) == (["msg_1"], {"h": "done"})
    assert shop.receive()[:2] == DUPLICATE


@pytest.mark.parametrize("shop", ["sqlalchemy-pymysql"], indirect=True)
@pytest.mark.parametrize("isolation", ["READ UNCOMMITTED", "SERIALIZABLE"])
def test_an_engine_of_any_isolation_tells_what_is_committed_and_waits_for_nobody(
    shop: App, isolation: str
) -> None:
    engine = engine_of(shop.store).execution_options(isolation_level=isolation)
    store, router = SQLAlchemyStore(engine), Router()
    with Session(engine) as session:

        @router.on("user.*")
        def h(event: object, delivery: Delivery) -> None:
            Work(session, delivery).write()
            store.confirm_in(delivery, session)

        started = time.monotonic()
        reply = Receiver(store, router).reply("msg_1")
        assert (reply.status, json.loads(reply.body)["error"]) == FAILED
        assert time.monotonic() - started < 2 * slowness()
        session.rollback()
    assert shop.effects() == []


def test_a_second_call_does_nothing(shop: App) -> None:
    def twice(work: Work) -> None:
        work.write()
        work.confirm()
        work.confirm()
        work.commit()
        work.confirm()

    shop.on(twice, "confirm_in", drop_stale=True)
    assert shop.receive()[:2] == HANDLED
    assert (shop.effects(), shop.states()) == (["msg_1"], {"h": "done"})
    assert shop.receive()[:2] == DUPLICATE


@pytest.mark.parametrize("shop", ["sqlalchemy-aiosqlite", "sqlalchemy-asyncpg"], indirect=True)
def test_a_forgotten_await_is_a_failure_that_says_so(shop: App) -> None:
    first = next(iter(shop.openers.values()))
    forgets = [True]

    @shop.router.on("user.*", name="h")
    async def h(event: object, delivery: Any) -> None:
        async with first() as session:
            await session.run_sync(lambda sync: Work(sync, delivery).write())
            confirmation = shop.store.confirm_in(delivery, session)
            if not forgets:
                await confirmation
            await session.commit()

    seen = shop.receive()
    assert seen[:2] == FAILED
    assert "await" in seen.log
    assert shop.states() == {}
    shop.place.sql("DELETE FROM effects")
    forgets.clear()
    assert shop.receive()[:2] == HANDLED
    assert (shop.effects(), shop.states()) == (["msg_1"], {"h": "done"})


@on_servers
def test_a_handler_that_was_taken_over_leaves_nothing(shop: App) -> None:
    taken: list[Any] = []

    def lose(work: Work) -> None:
        work.write()
        if not taken:
            shop.clock.added = 61
            lease = shop.receiver.endpoint.processor.lease
            taken.append(shop.other().claim("msg_1", ["h"], lease, None))
        work.confirm()
        work.commit()

    shop.on(lose, "confirm_in")
    seen = shop.receive()
    assert seen[:2] == (409, "claim_lost")
    assert "ended after its claim was lost" in seen.log
    assert (shop.effects(), shop.states()) == ([], {"h": "running"})
    shop.other().release("msg_1", ["h"], taken[0].token)
    assert shop.receive()[:2] == HANDLED
    assert shop.effects() == ["msg_1"]


def test_marks_move_with_the_commit(shop: App) -> None:
    def payload(seconds: int) -> bytes:
        data = {"id": "user_1", "updated_at": 1000 * seconds}
        return json.dumps({"type": "user.updated", "data": data}).encode()

    steps = [commit, commit, rollback]
    shop.on(in_turn(steps), "confirm_in", drop_stale=True)
    assert shop.receive("msg_new", payload(9))[:2] == FAILED
    assert shop.receive("msg_old", payload(3))[:2] == HANDLED
    assert shop.receive("msg_new", payload(9))[:2] == HANDLED
    assert shop.receive("msg_late", payload(8))[:2] == (200, "stale")
    assert shop.effects() == ["msg_new", "msg_old"]


@pytest.mark.parametrize("shop", ["sqlalchemy-psycopg"], indirect=True)
def test_the_limits_of_the_store_end_with_the_confirmation(shop: App) -> None:
    seen: list[Any] = []

    def step(work: Work) -> None:
        work.execute("SET LOCAL statement_timeout = '1234ms'")
        work.confirm()
        seen.append(work.execute("SHOW statement_timeout").scalar())
        work.commit()

    shop.on(step, "confirm_in")
    assert shop.receive()[:2] == HANDLED
    assert seen == ["1234ms"]
