"""Databases that cut connections, lock tables or go silent: 503, in time, and tried again."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import make_url, text

from clerk_hooks import Router, StoreUnavailable
from clerk_hooks.idempotency import ObjectVersion
from clerk_hooks.stores.sqlalchemy import SQLAlchemyStore

from .backends import Backend, backend, slowness
from .network import Proxy, proxy
from .worker import LEASE, Awaited, Receiver, build, engine_of

SERVERS = ["sqlalchemy-psycopg", "sqlalchemy-pymysql", "sqlalchemy-asyncpg"]


@pytest.fixture(params=SERVERS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    with backend(request.param, tmp_path) as place:
        yield place


def patience() -> float:
    """The timeout of a store, in seconds: a connection and some statements take less, here too."""
    return 1 + slowness()


class Shop:
    """An endpoint with a handler that counts, and can do something while it runs."""

    def __init__(self, place: Backend) -> None:
        self.timeout = patience()
        store = build(place.kind, place.url, timeout=timedelta(seconds=self.timeout))
        self.runs = 0
        self.during: list[Callable[[], object]] = []
        router = Router()

        @router.on("user.created", name="h")
        def handler(event: object) -> None:
            self.runs += 1
            while self.during:
                self.during.pop()()

        self.receiver = Receiver(store, router)
        self.receive = self.receiver.receive


@pytest.fixture
def wire(place: Backend) -> Iterator[Proxy]:
    """What lies between the store and the service: the URL of `place` goes through it now."""
    address, _, schema = place.url.partition(" ")
    url = make_url(address)
    assert url.host is not None
    assert url.port is not None
    with proxy(url.host, url.port) as wire:
        through = url.set(host="127.0.0.1", port=wire.port)
        place.url = " ".join(filter(None, [through.render_as_string(False), schema]))
        yield wire


@pytest.fixture
def shop(place: Backend, wire: Proxy) -> Iterator[Shop]:
    shop = Shop(place)
    yield shop
    wire.cut()
    shop.receiver.close()


def test_a_connection_cut_while_nobody_uses_it_is_replaced(shop: Shop, wire: Proxy) -> None:
    assert shop.receive("msg_1") == 200
    wire.cut()
    assert [shop.receive("msg_1"), shop.receive("msg_2")] == [200, 200]
    assert shop.runs == 2


def test_a_connection_cut_while_a_handler_runs_loses_nothing(shop: Shop, wire: Proxy) -> None:
    shop.during.append(wire.cut)
    assert shop.receive("msg_1") == 200
    assert shop.receive("msg_1") == 200
    assert shop.runs == 1


def test_while_the_database_is_out_of_reach_nothing_runs_nor_is_acknowledged(
    place: Backend, wire: Proxy
) -> None:
    shop = Shop(place)
    wire.close()
    assert shop.receive("msg_1") == 503
    assert shop.runs == 0
    shop.receiver.close()


@pytest.mark.parametrize("place", ["sqlalchemy-psycopg", "sqlalchemy-pymysql"], indirect=True)
def test_a_handlers_own_connection_that_is_cut_leaves_nothing_and_is_retried(
    place: Backend, wire: Proxy
) -> None:
    engine = sqlalchemy.create_engine(place.url)
    store = SQLAlchemyStore(engine)
    router, cuts = Router(), [wire.cut]

    @router.on("user.created", name="h")
    def handler(event: object, delivery: Any) -> None:
        with engine.connect() as connection, store.transaction(delivery, connection):
            connection.execute(text("INSERT INTO effects VALUES (:m)"), {"m": delivery.message_id})
            if cuts:
                cuts.pop()()

    receiver = Receiver(store, router)
    assert receiver.receive("msg_1") == 503
    assert place.sql("SELECT * FROM effects") == []
    store.forget("msg_1")  # Instead of waiting for the end of the lease.
    assert receiver.receive("msg_1") == 200
    assert place.sql("SELECT * FROM effects") == [("msg_1",)]
    receiver.close()


def test_a_database_that_goes_silent_is_not_waited_for_longer_than_the_timeout(
    shop: Shop, wire: Proxy
) -> None:
    assert shop.receive("msg_1") == 200
    wire.is_frozen = True
    for _ in range(2):  # On a connection that there is, and on one that there is not.
        started = time.monotonic()
        assert shop.receive("msg_2") == 503
        # PyMySQL counts whole seconds.
        assert time.monotonic() - started < math.ceil(shop.timeout) + slowness()
    wire.is_frozen = False
    wire.cut()
    assert shop.receive("msg_2") == 200
    assert shop.runs == 2


@pytest.mark.parametrize("place", ["sqlalchemy-psycopg", "sqlalchemy-pymysql"], indirect=True)
def test_an_engine_of_the_apps_own_needs_no_limits_for_that(place: Backend, wire: Proxy) -> None:
    engine = sqlalchemy.create_engine(place.url)
    timeout = slowness()
    store = SQLAlchemyStore(engine, timeout=timedelta(seconds=timeout))
    assert store.claim("msg_1", ["h"], LEASE).run == ("h",)
    wire.is_frozen = True
    started = time.monotonic()
    with pytest.raises(StoreUnavailable):
        store.claim("msg_2", ["h"], LEASE)
    assert time.monotonic() - started < 1.6 * timeout
    wire.is_frozen = False
    wire.cut()
    assert store.claim("msg_2", ["h"], LEASE).run == ("h",)
    engine.dispose()


@pytest.mark.parametrize("place", ["sqlalchemy-psycopg", "sqlalchemy-pymysql"], indirect=True)
def test_nor_does_a_handlers_own_connection(place: Backend, wire: Proxy) -> None:
    limits = {"connect_timeout": 2} | ({} if "psycopg" in place.name else {"read_timeout": 2})
    engine = sqlalchemy.create_engine(place.url, connect_args=limits)
    timeout = slowness()
    store, router = SQLAlchemyStore(engine, timeout=timedelta(seconds=timeout)), Router()
    begun: list[float] = []

    @router.on("user.created", name="h")
    def handler(event: object, delivery: Any) -> None:
        with engine.connect() as connection, store.transaction(delivery, connection):
            connection.execute(text("INSERT INTO effects VALUES (:m)"), {"m": delivery.message_id})
            wire.is_frozen = True
            begun.append(time.monotonic())

    assert Receiver(store, router).receive("msg_1") == 503
    # Its claim cannot be released either, as the engine can make no other connection in 2 s.
    assert time.monotonic() - begun[0] < 1.6 * timeout + 2
    wire.is_frozen = False
    wire.cut()
    assert place.sql("SELECT * FROM effects") == []
    engine.dispose()


@pytest.mark.parametrize("place", ["sqlalchemy-psycopg"], indirect=True)
def test_a_connection_that_postgresql_terminates_is_replaced(place: Backend) -> None:
    shop = Shop(place)
    assert shop.receive("msg_1") == 200
    with engine_of(shop.receiver.store).connect() as connection:  # The one that there is.
        (pid,) = connection.exec_driver_sql("SELECT pg_backend_pid()").one()
    assert place.sql(f"SELECT pg_terminate_backend({pid}, 5000)") == [(True,)]
    assert [shop.receive("msg_1"), shop.receive("msg_2")] == [200, 200]
    assert shop.runs == 2
    shop.receiver.close()


LOCK = {
    "postgresql": "LOCK TABLE clerk_hooks_claims IN ACCESS EXCLUSIVE MODE",
    "mysql": "LOCK TABLES clerk_hooks_claims WRITE, clerk_hooks_marks WRITE",
}


@pytest.mark.parametrize("place", ["sqlalchemy-psycopg", "sqlalchemy-pymysql"], indirect=True)
def test_a_table_that_is_locked_is_not_waited_for_longer_than_the_timeout(
    place: Backend,
) -> None:
    shop = Shop(place)
    assert shop.receive("msg_1") == 200
    engine = sqlalchemy.create_engine(place.url)
    with engine.connect() as connection:
        connection.exec_driver_sql(LOCK[engine.dialect.name])
        started = time.monotonic()
        assert shop.receive("msg_2") == 503
        assert time.monotonic() - started < shop.timeout + 0.6 * slowness()
        connection.invalidate()
    assert shop.receive("msg_2") == 200
    assert shop.runs == 2
    engine.dispose()
    shop.receiver.close()


@pytest.mark.parametrize("place", ["sqlalchemy-psycopg", "sqlalchemy-pymysql"], indirect=True)
def test_the_limits_of_the_store_are_not_left_on_the_connections_of_the_app(
    place: Backend,
) -> None:
    engine = sqlalchemy.create_engine(place.url, pool_size=1, max_overflow=0)
    settings = {
        "postgresql": ["SHOW statement_timeout", "SHOW lock_timeout"],
        "mysql": ["SELECT @@innodb_lock_wait_timeout", "SELECT @@lock_wait_timeout"],
    }[engine.dialect.name]

    def look() -> list[Any]:
        with engine.connect() as connection:
            return [connection.exec_driver_sql(statement).scalar() for statement in settings]

    before = look()
    store = SQLAlchemyStore(engine, timeout=timedelta(seconds=3))
    version = ObjectVersion("user", "user_1", 5, False, frozenset({"h"}))
    claim = store.claim("msg_1", ["h"], LEASE, version)
    store.confirm("msg_1", "h", claim.token, version)
    store.purge()
    assert look() == before
    engine.dispose()


@pytest.mark.parametrize("place", ["sqlalchemy-psycopg", "sqlalchemy-pymysql"], indirect=True)
def test_a_pool_without_a_free_connection_is_unavailable(place: Backend) -> None:
    engine = sqlalchemy.create_engine(place.url, pool_size=1, max_overflow=0, pool_timeout=0.2)
    store = SQLAlchemyStore(engine)
    with engine.connect(), pytest.raises(StoreUnavailable, match="the pool has no free connection"):
        store.claim("msg_1", ["h"], LEASE)
    assert store.claim("msg_1", ["h"], LEASE).run == ("h",)
    engine.dispose()


@pytest.mark.parametrize("place", ["sqlalchemy-psycopg", "sqlalchemy-pymysql"], indirect=True)
@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_transactions_that_get_in_each_others_way_are_tried_again(
    place: Backend, isolation: Any
) -> None:
    engine = sqlalchemy.create_engine(place.url, isolation_level=isolation, pool_size=8)
    now = [1_700_000_000.0]
    store = SQLAlchemyStore(engine, clock=lambda: now[0], timeout=timedelta(seconds=30))
    store.show("msg_0")
    barrier = threading.Barrier(6)
    outcomes: list[str] = []

    def claim(number: int) -> list[str]:
        won: list[str] = []
        for n in range(12):
            barrier.wait(30)
            version = ObjectVersion("user", f"user_{n % 2}", n, False, frozenset({"b"}))
            try:
                claim = store.claim(f"msg_{n % 3}", ["a", "b"], timedelta(seconds=1), version)
                won += [f"{n} {name}" for name in claim.run]
            except StoreUnavailable as error:
                outcomes.append(str(error))
            barrier.wait(30)
            now[0] += 1  # Whatever was claimed can be taken over in the next round.
        return won

    with ThreadPoolExecutor(6) as pool:
        won = [name for names in pool.map(claim, range(6)) for name in names]
    assert len(won) == len(set(won))
    assert outcomes == []
    engine.dispose()


def test_errors_tell_what_happened_and_no_secret() -> None:
    store = SQLAlchemyStore(
        "postgresql+psycopg://clerk:hunter2@127.0.0.1:1/secret_db", timeout=timedelta(seconds=2)
    )
    with pytest.raises(StoreUnavailable) as caught:
        store.claim("msg_1", ["h"], LEASE)
    assert str(caught.value) == "the database: OperationalError"
    assert "hunter2" not in repr(store)


def test_an_awaited_store_that_is_too_slow_is_left_alone(tmp_path: Path) -> None:
    with backend("sqlalchemy-aiosqlite", tmp_path) as place:
        store = place.open(timeout=timedelta(seconds=0.3))
        assert isinstance(store, Awaited)
        store.claim("msg_1", ["h"], LEASE)
        engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'store.sqlite3'}")
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            started = time.monotonic()
            with pytest.raises(StoreUnavailable):
                store.claim("msg_2", ["h"], LEASE)
            assert time.monotonic() - started < 0.3 + 0.3 * slowness()
        engine.dispose()
        assert store.claim("msg_2", ["h"], LEASE).run == ("h",)


@pytest.mark.parametrize("place", ["sqlalchemy-psycopg"], indirect=True)
def test_prepared_statements_that_a_pooler_has_mixed_up_are_told_with_the_cure(
    place: Backend,
) -> None:
    engine = sqlalchemy.create_engine(place.url)

    @sqlalchemy.event.listens_for(engine, "connect")
    def as_behind_a_pooler(driver: Any, _: object) -> None:
        for number in range(50):  # By the names that psycopg gives.
            driver.execute(f"PREPARE _pg3_{number} AS SELECT 1", prepare=False)
        driver.commit()
        driver.prepare_threshold = 0

    store = SQLAlchemyStore(engine)
    with pytest.raises(StoreUnavailable, match=r"42P05.*prepare_threshold"):
        store.claim("msg_1", ["h"], LEASE)
    engine.dispose()


@pytest.mark.parametrize("code", ["42P05", "26000"])
@pytest.mark.parametrize(
    ("driver", "cure"), [("psycopg", "prepare_threshold"), ("asyncpg", "statement_cache_size")]
)
def test_each_driver_has_its_own_cure(driver: str, cure: str, code: str) -> None:
    from sqlalchemy.exc import DBAPIError

    from clerk_hooks.stores.sqlalchemy._errors import failures

    kind = type("Mixed", (Exception,), {"__module__": f"{driver}.errors", "sqlstate": code})
    with pytest.raises(StoreUnavailable, match=cure), failures():
        raise DBAPIError("SELECT 1", None, kind("of the driver"))
