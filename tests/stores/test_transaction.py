"""`transaction`: the effect and its confirmation are one commit of the app, or are not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from clerk_hooks import AbortDelivery, ClaimLost

from .apps import DATABASES, SERVERS, App, app
from .sessions import ASYNC_KINDS, SQLITE_KINDS, SYNC_KINDS, Work

KINDS = [
    *(("sqlite", kind) for kind in SQLITE_KINDS),
    *(("sqlalchemy-sqlite", kind) for kind in SYNC_KINDS),
    *(("sqlalchemy-psycopg", kind) for kind in SYNC_KINDS),
    *(("sqlalchemy-pymysql", kind) for kind in ("Session", "Connection")),
    *(("sqlalchemy-aiosqlite", kind) for kind in ("AsyncSession", "AsyncConnection")),
    *(("sqlalchemy-asyncpg", kind) for kind in ASYNC_KINDS),
]


@pytest.fixture(params=DATABASES)
def shop(
    request: pytest.FixtureRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Iterator[App]:
    with app(request.param, tmp_path, caplog) as shop:
        yield shop


on_servers = pytest.mark.parametrize("shop", SERVERS, indirect=True)


def write(work: Work) -> None:
    work.write()


@pytest.mark.parametrize(("shop", "kind"), KINDS, indirect=["shop"])
def test_a_session_of_any_kind_commits_the_effect_with_the_confirmation(
    shop: App, kind: str
) -> None:
    seen: list[object] = []

    def step(work: Work) -> None:
        work.write()
        if not shop.is_sqlite and hasattr(shop.store, "claim"):
            seen.append((shop.effects(), shop.states()))  # As others see it.

    shop.on(step, open_=shop.openers[kind])
    assert shop.receive()[:2] == (200, "handled")
    assert seen in ([], [([], {"h": "running"})])
    assert (shop.effects(), shop.states()) == (["msg_1"], {"h": "done"})
    assert shop.receive()[:2] == (200, "duplicate")
    assert shop.effects() == ["msg_1"]


def test_a_handler_that_raises_leaves_nothing_and_is_released(shop: App) -> None:
    errors: list[Exception] = [LookupError("of the handler"), AbortDelivery()]

    def fail(work: Work) -> None:
        work.write()
        if errors:
            raise errors.pop()

    shop.on(fail)
    assert shop.receive()[:2] == (422, "aborted")
    assert (shop.effects(), shop.states()) == ([], {})
    failed = shop.receive()
    assert failed[:2] == (500, "handler_failed")
    assert "of the handler" in failed.log
    assert (shop.effects(), shop.states()) == ([], {})
    assert shop.receive()[:2] == (200, "handled")
    assert shop.effects() == ["msg_1"]


def test_each_handler_of_a_message_has_a_transaction_of_its_own(shop: App) -> None:
    failing = [True]

    def fail(work: Work) -> None:
        work.write("of the second")
        if failing:
            raise LookupError

    shop.on(write, name="first")
    shop.on(fail, name="second")
    assert shop.receive()[:2] == (500, "handler_failed")
    assert (shop.effects(), shop.states()) == (["msg_1"], {"first": "done"})
    failing.clear()
    assert shop.receive()[:2] == (200, "handled")
    assert shop.effects() == ["msg_1", "of the second"]


def test_an_error_that_is_caught_inside_a_savepoint_costs_only_the_savepoint(shop: App) -> None:
    def step(work: Work) -> None:
        work.write()
        with suppress(Exception), work.savepoint():
            work.write("gone")
            work.write()  # It is there already.

    shop.on(step)
    assert shop.receive()[:2] == (200, "handled")
    assert (shop.effects(), shop.states()) == (["msg_1"], {"h": "done"})


@pytest.mark.parametrize("shop", ["sqlalchemy-psycopg", "sqlalchemy-asyncpg"], indirect=True)
def test_a_transaction_that_the_database_has_aborted_is_a_failure_that_says_so(shop: App) -> None:
    def swallow(work: Work) -> None:
        work.write()
        with suppress(Exception):
            work.write()

    shop.on(swallow)
    for _ in range(2):
        seen = shop.receive()
        assert seen[:2] == (500, "handler_failed")
        assert "use a savepoint" in seen.log
        assert (shop.effects(), shop.states()) == ([], {})


@pytest.mark.parametrize("how", ["commit", "rollback", "COMMIT", "ROLLBACK"])
def test_a_transaction_that_is_ended_inside_is_a_failure_that_says_so(shop: App, how: str) -> None:
    def end(work: Work) -> None:
        work.write()
        if how.islower():
            getattr(work, how)()
        else:
            work.execute(how)
        work.write("after the end")

    shop.on(end)
    seen = shop.receive()
    assert seen[:2] == (500, "handler_failed")
    assert "code inside the block has ended the transaction" in seen.log
    if how.islower():  # After the SQL, asyncpg commits each statement by itself.
        assert "after the end" not in shop.effects()
    assert shop.states() == {}
    assert shop.receive()[:2] == (500, "handler_failed")


def test_a_service_that_raises_after_it_has_committed_is_a_failure(shop: App) -> None:
    def end(work: Work) -> None:
        work.write()
        work.commit()
        raise LookupError("of the service")

    shop.on(end)
    seen = shop.receive()
    assert seen[:2] == (500, "handler_failed")
    assert "of the service" in seen.log
    assert shop.states() == {}


def take_over(shop: App) -> Any:
    """Another attempt, in a process whose clock says that the lease is over."""
    shop.clock.added = 61
    return shop.other().claim("msg_1", ["h"], shop.receiver.endpoint.processor.lease, None)


def test_a_handler_that_was_taken_over_before_its_transaction_leaves_nothing(shop: App) -> None:
    taken: list[Any] = []
    first = next(iter(shop.openers.values()))

    def late() -> Any:
        if not taken:
            taken.append(take_over(shop))
        return first()

    shop.on(write, open_=late)
    seen = shop.receive()
    assert seen[:2] == (409, "claim_lost")
    assert "ended after its claim was lost" in seen.log
    assert (shop.effects(), shop.states()) == ([], {"h": "running"})
    assert shop.receive()[:2] == (409, "in_progress")
    assert shop.other().confirm("msg_1", "h", taken[0].token, None) is True
    assert shop.receive()[:2] == (200, "duplicate")


@on_servers
def test_a_handler_that_was_taken_over_inside_its_transaction_leaves_nothing(shop: App) -> None:
    taken: list[Any] = []

    def lose(work: Work) -> None:
        work.write()
        if not taken:
            taken.append(take_over(shop))

    shop.on(lose)
    seen = shop.receive()
    assert seen[:2] == (409, "claim_lost")
    assert "ended after its claim was lost" in seen.log
    assert (shop.effects(), shop.states()) == ([], {"h": "running"})
    shop.other().release("msg_1", ["h"], taken[0].token)
    assert shop.receive()[:2] == (200, "handled")
    assert shop.effects() == ["msg_1"]


def payload(seconds: int) -> bytes:
    """An event of one user, at that time."""
    data = {"id": "user_1", "updated_at": 1000 * seconds}
    return json.dumps({"type": "user.updated", "data": data}).encode()


def test_a_mark_moves_in_the_same_transaction(shop: App) -> None:
    failing = [True]

    def fail(work: Work) -> None:
        work.write()
        if failing:
            raise LookupError

    shop.on(fail, drop_stale=True)
    assert shop.receive("msg_new", payload(9)).status == 500
    failing.clear()
    assert shop.receive("msg_old", payload(3))[:2] == (200, "handled")
    assert shop.receive("msg_new", payload(9))[:2] == (200, "handled")
    assert shop.receive("msg_late", payload(8))[:2] == (200, "stale")
    assert shop.effects() == ["msg_new", "msg_old"]


@on_servers
def test_a_handler_that_outlived_its_lease_does_not_overwrite_a_newer_event(shop: App) -> None:
    from clerk_hooks.idempotency import ObjectVersion

    def outlive(work: Work) -> None:
        work.execute("SELECT COUNT(*) FROM effects").all()  # MySQL reads as of now from here on.
        shop.clock.added = 61
        newer = ObjectVersion("user", "user_1", 10**12, False, frozenset({"h"}))
        other = shop.other()
        claim = other.claim("msg_new", ["h"], shop.receiver.endpoint.processor.lease, newer)
        assert other.confirm("msg_new", "h", claim.token, newer)
        work.write()

    shop.on(outlive, drop_stale=True)
    seen = shop.receive("msg_old", payload(3))
    assert seen[:2] == (409, "claim_lost")
    assert "a newer event of the same object" in seen.log
    assert shop.effects() == []
    assert shop.receive("msg_old", payload(3))[:2] == (200, "stale")


def test_a_second_transaction_in_a_handler_is_a_failure_after_the_first(shop: App) -> None:
    """The first has confirmed the handler, so a crash before the second would lose that one."""
    first = next(iter(shop.openers.values()))

    if hasattr(shop.store, "claim"):

        @shop.router.on("user.*", name="h")
        def h(event: object, delivery: Any) -> None:
            for value in ("one", "two"):
                with first() as session, shop.store.transaction(delivery, session):
                    Work(session, delivery).write(value)
    else:

        @shop.router.on("user.*", name="h")
        async def ah(event: object, delivery: Any) -> None:
            for value in ("one", "two"):
                async with first() as session, shop.store.transaction(delivery, session):
                    await session.run_sync(
                        lambda sync, value=value: Work(sync, delivery).write(value)
                    )

    seen = shop.receive()
    assert seen[:2] == (500, "handler_failed")
    assert "is confirmed already" in seen.log
    assert shop.effects() == ["one"]
    assert shop.receive()[:2] == (200, "duplicate")


def test_a_transaction_that_nobody_enters_is_a_failure(shop: App) -> None:
    first = next(iter(shop.openers.values()))

    if hasattr(shop.store, "claim"):

        @shop.router.on("user.*", name="h")
        def h(event: object, delivery: Any) -> None:
            with first() as session:
                shop.store.transaction(delivery, session)
    else:

        @shop.router.on("user.*", name="h")
        async def ah(event: object, delivery: Any) -> None:
            async with first() as session:
                shop.store.transaction(delivery, session)

    seen = shop.receive()
    assert seen[:2] == (500, "handler_failed")
    assert "await" in seen.log
    assert shop.states() == {}


def test_a_block_that_outlives_its_handler_is_a_failure_and_not_a_200(shop: App) -> None:
    """In a thread or a task that nobody has waited for, for example."""
    first = next(iter(shop.openers.values()))
    left: list[Callable[[], Any]] = []

    if hasattr(shop.store, "claim"):

        @shop.router.on("user.*", name="h")
        def h(event: object, delivery: Any) -> None:
            stack = ExitStack()
            session = stack.enter_context(first())
            stack.enter_context(shop.store.transaction(delivery, session))
            Work(session, delivery).write()
            left.append(stack.close)
    else:

        @shop.router.on("user.*", name="h")
        async def ah(event: object, delivery: Any) -> None:
            stack = AsyncExitStack()
            session = await stack.enter_async_context(first())
            await stack.enter_async_context(shop.store.transaction(delivery, session))
            await session.run_sync(lambda sync: Work(sync, delivery).write())
            left.append(lambda: shop.receiver.run(stack.aclose()))

    seen = shop.receive()
    assert seen[:2] == (500, "handler_failed")
    assert "returned while the block that confirms it was open" in seen.log
    if shop.is_sqlite:  # Nobody else could write, so its claim is still there.
        left.pop()()
        assert (shop.effects(), shop.states()) == (["msg_1"], {"h": "done"})
    else:
        with pytest.raises(ClaimLost):
            left.pop()()
        assert (shop.effects(), shop.states()) == ([], {})


@pytest.mark.parametrize("shop", ["sqlalchemy-psycopg", "sqlalchemy-asyncpg"], indirect=True)
def test_a_constraint_that_fails_at_the_commit_is_the_handlers_failure(shop: App) -> None:
    shop.place.sql(
        "CREATE TABLE children (parent VARCHAR(255) REFERENCES effects (message_id) "
        "DEFERRABLE INITIALLY DEFERRED)"
    )

    def write_child(work: Work) -> None:
        work.execute("INSERT INTO children VALUES (:m)", {"m": work.delivery.message_id})

    shop.on(write_child)
    seen = shop.receive()
    assert seen[:2] == (500, "handler_failed")
    assert "IntegrityError" in seen.log
    assert shop.states() == {}
    shop.place.sql("INSERT INTO effects VALUES ('msg_1')")
    assert shop.receive()[:2] == (200, "handled")
    assert shop.states() == {"h": "done"}


def test_many_messages_leave_no_connection_behind(shop: App) -> None:
    def maybe(work: Work) -> None:
        work.write()
        if work.delivery.message_id.endswith("3"):
            raise LookupError

    shop.on(maybe)
    for number in range(24):  # More than a pool gives.
        assert shop.receive(f"msg_{number}").status == (500 if number % 10 == 3 else 200)
    assert len(shop.effects()) == 21
