"""`SQLAlchemyStore.connection`: what a handler writes is committed with its confirm, or not at all.

On an `Engine` and on an `AsyncEngine` alike: the handlers are awaited where that is so.
"""

from __future__ import annotations

import gc
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from clerk_hooks import AbortDelivery, ConfigurationError, Router
from clerk_hooks.idempotency import ObjectVersion

from .backends import ASYNC_SQL, SYNC_SQL, Backend, backend
from .worker import LEASE, Receiver, build

INSERT = text("INSERT INTO effects (message_id) VALUES (:m)")


class Clock:
    """Real time, and what was added to it."""

    def __init__(self) -> None:
        self.added = 0.0

    def __call__(self) -> float:
        return time.time() + self.added


class App:
    """An endpoint with a store, and handlers made of steps that run on the handler's connection."""

    def __init__(self, place: Backend) -> None:
        self.place = place
        self.clock = Clock()
        self.store = build(place.kind, place.url, clock=self.clock)
        self.router = Router()
        self.receiver = Receiver(self.store, self.router)
        self.receive = self.receiver.receive

    def on(self, name: str, step: Callable[[Any, Any], object], **options: Any) -> None:
        """Add a handler: `step(connection, delivery)` gets a sync connection."""

        def handler(event: object, delivery: Any) -> None:
            step(self.store.connection(delivery), delivery)

        async def ahandler(event: object, delivery: Any) -> None:
            connection = await self.store.connection(delivery)
            await connection.run_sync(step, delivery)

        chosen = ahandler if self.place.kind == "async" else handler
        self.router.on("user.*", name=name, **options)(chosen)

    def effects(self) -> list[str]:
        rows = self.place.sql("SELECT message_id FROM effects ORDER BY message_id")
        return [row[0] for row in rows]

    def states(self, message_id: str) -> dict[str, str]:
        store = self.place.open(clock=self.clock)
        return {record.handler: record.state for record in store.show(message_id)}


@pytest.fixture(params=[*SYNC_SQL, *ASYNC_SQL])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[App]:
    with backend(request.param, tmp_path) as place:
        place.sql("CREATE TABLE effects (message_id VARCHAR(255) NOT NULL PRIMARY KEY)")
        app = App(place)
        try:
            yield app
        finally:
            app.receiver.close()


def write(connection: Any, delivery: Any) -> None:
    connection.execute(INSERT, {"m": delivery.message_id})


def test_what_a_handler_writes_is_committed_with_its_confirm(app: App) -> None:
    seen = []

    def look(connection: Any, delivery: Any) -> None:
        write(connection, delivery)
        if app.place.name != "sqlalchemy-sqlite" and app.place.kind == "sync":
            seen.append((app.effects(), app.states(delivery.message_id)))

    app.on("h", look)
    assert app.receive("msg_1") == 200
    assert app.effects() == ["msg_1"]
    assert app.states("msg_1") == {"h": "done"}
    assert seen in ([], [([], {"h": "running"})])  # Neither of it is to be seen before the end.
    assert app.receive("msg_1") == 200
    assert app.effects() == ["msg_1"]


def test_a_handler_that_raises_leaves_nothing_and_is_released(app: App) -> None:
    errors: list[Exception] = [LookupError(), AbortDelivery()]

    def fail(connection: Any, delivery: Any) -> None:
        write(connection, delivery)
        if errors:
            raise errors.pop()

    app.on("h", fail)
    for status in (422, 500):
        assert app.receive("msg_1") == status
        assert (app.effects(), app.states("msg_1")) == ([], {})
    assert app.receive("msg_1") == 200
    assert (app.effects(), app.states("msg_1")) == (["msg_1"], {"h": "done"})


def test_each_handler_of_a_message_has_a_transaction_of_its_own(app: App) -> None:
    failing = [True]

    def fail(connection: Any, delivery: Any) -> None:
        connection.execute(INSERT, {"m": "of the second"})
        if failing:
            raise LookupError

    app.on("first", write)
    app.on("second", fail)
    assert app.receive("msg_1") == 500
    assert (app.effects(), app.states("msg_1")) == (["msg_1"], {"first": "done"})
    failing.clear()
    assert app.receive("msg_1") == 200
    assert app.effects() == ["msg_1", "of the second"]


def test_a_handler_that_was_taken_over_leaves_nothing(app: App) -> None:
    def lose(connection: Any, delivery: Any) -> None:
        if not app.clock.added:
            app.clock.added = 61
            # Another attempt, in a process whose clock says that the lease is over.
            if app.place.name in ("sqlalchemy-sqlite", "sqlalchemy-aiosqlite"):
                taken.append(claim_elsewhere(delivery.message_id))
                write(connection, delivery)
            else:
                write(connection, delivery)
                taken.append(claim_elsewhere(delivery.message_id))
        else:
            write(connection, delivery)

    def claim_elsewhere(message_id: str) -> Any:
        return other.claim(message_id, ["h"], app.receiver.endpoint.processor.lease, None)

    taken: list[Any] = []
    other = app.place.open(clock=app.clock)
    app.on("h", lose)
    assert app.receive("msg_1") == 409
    assert taken[0].run == ("h",)
    assert app.effects() == []
    assert app.states("msg_1") == {"h": "running"}
    assert other.confirm("msg_1", "h", taken[0].token, None) is True
    assert app.receive("msg_1") == 200
    assert app.effects() == []


@pytest.mark.parametrize("app", ["sqlalchemy-psycopg", "sqlalchemy-asyncpg"], indirect=True)
def test_a_transaction_that_cannot_be_committed_is_answered_503_and_tried_again(app: App) -> None:
    app.place.sql(
        "CREATE TABLE children (parent VARCHAR(255) REFERENCES effects (message_id) "
        "DEFERRABLE INITIALLY DEFERRED)"
    )

    def write_child(connection: Any, delivery: Any) -> None:
        connection.execute(text("INSERT INTO children VALUES (:m)"), {"m": delivery.message_id})

    app.on("h", write_child)
    assert app.receive("msg_1") == 503  # The constraint fails at the commit.
    assert app.states("msg_1") == {}  # Released, so no retry has to wait for the lease.
    app.place.sql("INSERT INTO effects VALUES ('msg_1')")
    assert app.receive("msg_1") == 200
    assert app.states("msg_1") == {"h": "done"}


@pytest.mark.parametrize("app", ["sqlalchemy-psycopg", "sqlalchemy-asyncpg"], indirect=True)
def test_a_transaction_that_the_database_has_aborted_is_released_at_once(app: App) -> None:
    failing = [True]

    def swallow(connection: Any, delivery: Any) -> None:
        write(connection, delivery)
        if failing:
            with suppress(IntegrityError):
                write(connection, delivery)

    app.on("h", swallow)
    assert app.receive("msg_1") == 503  # No statement is taken any more, nor is the confirm.
    assert (app.effects(), app.states("msg_1")) == ([], {})
    failing.clear()
    assert app.receive("msg_1") == 200
    assert (app.effects(), app.states("msg_1")) == (["msg_1"], {"h": "done"})


def payload(seconds: int) -> bytes:
    """An event of one user, at that time."""
    data = {"id": "user_1", "updated_at": 1000 * seconds}
    return json.dumps({"type": "user.updated", "data": data}).encode()


def test_a_mark_moves_in_the_same_transaction(app: App) -> None:
    failing = [True]

    def fail(connection: Any, delivery: Any) -> None:
        write(connection, delivery)
        if failing:
            raise LookupError

    app.on("h", fail, drop_stale=True)
    assert app.receive("msg_new", payload(9)) == 500
    failing.clear()
    assert app.receive("msg_old", payload(3)) == 200
    assert app.receive("msg_new", payload(9)) == 200
    assert app.receive("msg_late", payload(8)) == 200  # Stale.
    assert app.effects() == ["msg_new", "msg_old"]


@pytest.mark.parametrize(
    "app", ["sqlalchemy-psycopg", "sqlalchemy-pymysql", "sqlalchemy-asyncpg"], indirect=True
)
def test_a_handler_that_outlived_its_lease_sees_a_newer_mark_than_its_transaction_does(
    app: App,
) -> None:
    """MySQL reads as of a transaction's first look, unless the row is locked."""

    def outlive_the_lease(connection: Any, delivery: Any) -> None:
        connection.execute(text("SELECT COUNT(*) FROM effects"))
        app.clock.added = 61
        newer = ObjectVersion("user", "user_1", 10**12, False, frozenset({"h"}))
        claim = other.claim("msg_new", ["h"], LEASE, newer)
        confirmed.append(other.confirm("msg_new", "h", claim.token, newer))
        write(connection, delivery)

    confirmed: list[bool] = []
    other = app.place.open(clock=app.clock)
    app.on("h", outlive_the_lease, drop_stale=True)
    assert app.receive("msg_old", payload(3)) == 409
    assert confirmed == [True]
    assert app.effects() == []
    assert app.receive("msg_old", payload(3)) == 200  # Stale.
    assert app.effects() == []
    assert app.states("msg_new") == {"h": "done"}


def test_a_savepoint_is_the_handlers_own(app: App) -> None:
    def write_twice(connection: Any, delivery: Any) -> None:
        write(connection, delivery)
        with connection.begin_nested() as savepoint:
            connection.execute(INSERT, {"m": "gone"})
            savepoint.rollback()

    app.on("h", write_twice)
    assert app.receive("msg_1") == 200
    assert app.effects() == ["msg_1"]


def test_a_session_that_commits_leaves_the_end_to_the_store(app: App) -> None:
    failing = [True]

    def through_a_session(connection: Any, delivery: Any) -> None:
        with Session(bind=connection) as session:
            session.execute(INSERT, {"m": delivery.message_id})
            session.commit()
        if failing:
            raise LookupError

    app.on("h", through_a_session)
    assert app.receive("msg_1") == 500
    assert app.effects() == []
    failing.clear()
    assert app.receive("msg_1") == 200
    assert app.effects() == ["msg_1"]


def test_a_session_that_has_rolled_back_cannot_commit_before_the_store(app: App) -> None:
    refused: list[object] = []

    def roll_back_and_go_on(connection: Any, delivery: Any) -> None:
        session = Session(bind=connection)
        session.execute(INSERT, {"m": "gone"})
        session.rollback()
        session.execute(INSERT, {"m": delivery.message_id})
        try:
            session.commit()
        except ConfigurationError as error:
            refused.append(error.reason)
            raise

    app.on("h", roll_back_and_go_on)
    assert app.receive("msg_1") == 500
    assert app.receive("msg_1") == 500
    assert refused == ["early_commit", "early_commit"]
    assert app.effects() == []


def test_a_session_with_a_savepoint_of_its_own_may_roll_back_and_go_on(app: App) -> None:
    def roll_back_and_go_on(connection: Any, delivery: Any) -> None:
        session = Session(bind=connection, join_transaction_mode="create_savepoint")
        session.execute(INSERT, {"m": "gone"})
        session.rollback()
        session.execute(INSERT, {"m": delivery.message_id})
        session.commit()

    app.on("h", roll_back_and_go_on)
    assert app.receive("msg_1") == 200
    assert app.effects() == ["msg_1"]


def test_a_savepoint_that_is_kept_is_undone_with_the_rest(app: App) -> None:
    def fail(connection: Any, delivery: Any) -> None:
        with connection.begin_nested():
            connection.execute(INSERT, {"m": delivery.message_id})
        raise LookupError

    app.on("h", fail)
    assert app.receive("msg_1") == 500
    assert app.effects() == []


def test_a_handler_that_rolls_back_and_goes_on_is_confirmed_with_the_rest(app: App) -> None:
    def start_again(connection: Any, delivery: Any) -> None:
        connection.execute(INSERT, {"m": "gone"})
        connection.rollback()
        write(connection, delivery)

    app.on("h", start_again)
    assert app.receive("msg_1") == 200
    assert app.effects() == ["msg_1"]


def test_many_messages_leave_no_connection_behind(app: App) -> None:
    def maybe(connection: Any, delivery: Any) -> None:
        write(connection, delivery)
        if delivery.message_id.endswith("3"):
            raise LookupError

    app.on("h", maybe)
    for number in range(24):  # More than a pool gives.
        assert app.receive(f"msg_{number}") == (500 if number % 10 == 3 else 200)
    engine = app.store._transactions._engine
    pool = getattr(engine, "sync_engine", engine).pool
    assert isinstance(pool, NullPool) or pool.checkedout() == 0
    assert app.store._transactions._claimed == {}
    assert len(app.effects()) == 21


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("app", ["sqlalchemy-psycopg", "sqlalchemy-pymysql"], indirect=True)
def test_a_process_that_a_handler_forks_ends_nothing_of_its_transaction(app: App) -> None:
    @app.router.on("user.*", name="h")
    def handler(event: object, delivery: Any) -> None:
        app.store.connection(delivery).execute(INSERT, {"m": delivery.message_id})
        child = os.fork()  # Nobody but the store has the connection now.
        if child == 0:
            gc.collect()
            os._exit(0)
        os.waitpid(child, 0)

    assert app.receive("msg_1") == 200
    assert app.effects() == ["msg_1"]
    assert app.states("msg_1") == {"h": "done"}
