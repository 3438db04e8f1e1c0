"""Owners that stand still, and connections that the server ends: once, and nobody waits long."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import event

from .apps import DATABASES, App, app
from .backends import Backend, backend, slowness
from .nursery import Worker
from .sessions import Work
from .worker import Receiver, build, engine_of, payload_about, writing_router

LEASE = timedelta(seconds=2)
GRACE = 2


@pytest.fixture(params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    with backend(request.param, tmp_path) as place:
        place.create_effects()
        yield place


def in_sqlite(place: Backend) -> bool:
    return "sqlite" in place.name


def retry(place: Backend, way: str, message: str) -> list[int]:
    """Deliver as Svix does, from another process, until the reply is final; the statuses."""
    store = build(place.kind, place.url, timeout=timedelta(seconds=1))
    receiver = Receiver(store, writing_router(store, way), lease=LEASE)
    statuses: list[int] = []
    deadline = time.monotonic() + LEASE.total_seconds() + GRACE + 5 * slowness()
    try:
        while time.monotonic() < deadline and 200 not in statuses:
            statuses.append(receiver.receive(message, payload_about(message)))
            time.sleep(0.1)
    finally:
        receiver.close()
    return statuses


def written(place: Backend, message: str) -> list[Any]:
    return place.sql(f"SELECT * FROM effects WHERE message_id = '{message}'")


def stopped(place: Backend, points: dict[str, tuple[str, str]], lease: float) -> dict[str, Worker]:
    """Processes that stand still, each with a message and at a point of its own."""
    workers = {
        message: place.start("transact", way=way, die_at=f"stop {at}", message=message, lease=lease)
        for message, (way, at) in points.items()
    }
    assert [worker.hear() for worker in workers.values()] == ["stopped"] * len(workers)
    return workers


def test_an_owner_that_stands_still_beyond_its_lease_takes_effect_once(
    place: Backend, subtests: pytest.Subtests
) -> None:
    """On PostgreSQL the server ends its transaction, on MariaDB with its setting.

    Owners stand still side by side, as the time until then is the server's.
    """
    points = {"msg_1": ("confirm_in", "begin")}
    if not in_sqlite(place):  # There, whoever writes holds the file until it goes on, or ends.
        points |= {
            "msg_2": ("transaction", "begin"),
            "msg_3": ("transaction", "written"),
            "msg_4": ("confirm_in", "confirmed"),  # Until then it is the app's affair.
        }
    workers = stopped(place, points, LEASE.total_seconds())
    with ThreadPoolExecutor(len(points)) as pool:
        tried = {
            message: pool.submit(retry, place, way, message) for message, (way, _) in points.items()
        }
    for message, (way, stop_at) in points.items():
        with subtests.test(way=way, stop_at=stop_at):
            statuses = tried[message].result()
            assert statuses[-1] == 200
            assert set(statuses) <= {200, 409, 500, 503}
            assert written(place, message) == [(message,)]
            workers[message].signal(signal.SIGCONT)
            assert workers[message].hear() in (200, 409, 500, 503)
            assert written(place, message) == [(message,)]


@pytest.mark.parametrize("place", ["sqlalchemy-psycopg", "sqlalchemy-asyncpg"], indirect=True)
def test_a_backend_that_is_terminated_takes_its_effect_along(
    place: Backend, subtests: pytest.Subtests
) -> None:
    points = {
        "msg_1": ("transaction", "written"),
        "msg_2": ("transaction", "commit 2"),
        "msg_3": ("confirm_in", "written"),
        "msg_4": ("confirm_in", "commit 2"),
    }
    workers = stopped(place, points, lease=60)
    assert place.schema is not None
    ended = place.sql(
        "SELECT pg_terminate_backend(locks.pid, 5000) FROM pg_locks AS locks "
        "JOIN pg_class ON pg_class.oid = relation JOIN pg_namespace ON pg_namespace.oid = "
        f"relnamespace WHERE nspname = '{place.schema.name}' AND relname = 'effects' "
        "AND locks.pid <> pg_backend_pid()"
    )
    assert ended == [(True,)] * len(points)
    for message, (way, stop_at) in points.items():
        with subtests.test(way=way, stop_at=stop_at):
            workers[message].signal(signal.SIGCONT)
            assert workers[message].hear() in (500, 503)
            assert written(place, message) == []
            place.open().forget(message)  # Instead of waiting for the end of the lease.
            assert retry(place, way, message)[-1] == 200
            assert written(place, message) == [(message,)]


@pytest.fixture(params=["sqlalchemy-psycopg", "sqlalchemy-asyncpg"])
def shop(
    request: pytest.FixtureRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Iterator[App]:
    with app(request.param, tmp_path, caplog) as shop:
        yield shop


@pytest.mark.parametrize("way", ["transaction", "confirm_in"])
@pytest.mark.parametrize(
    ("own", "least", "most"), [("0", 61, 62.5), ("1h", 61, 62.5), ("1500ms", 1.5, 1.5)]
)
def test_the_smaller_of_the_apps_bound_and_the_rest_of_the_lease_holds(
    shop: App, way: str, own: str, least: float, most: float
) -> None:
    seen: list[float] = []

    def step(work: Work) -> None:
        if way == "confirm_in":
            work.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{own}'")
            work.confirm()
        setting = "current_setting('idle_in_transaction_session_timeout')"
        interval = work.execute(f"SELECT CAST({setting} AS interval)").scalar()
        seen.append(interval.total_seconds())
        work.write()
        if way == "confirm_in":
            work.commit()

    engine = engine_of(shop.store)

    @event.listens_for(getattr(engine, "sync_engine", engine), "connect")
    def connect(driver: Any, _: object) -> None:
        cursor = driver.cursor()
        cursor.execute(f"SET idle_in_transaction_session_timeout = '{own}'")
        driver.commit()

    shop.on(step, way)
    assert shop.receive()[:2] == (200, "handled")
    assert least - 5 * (own != "1500ms") <= seen[0] <= most


def test_a_claim_may_be_forgotten_in_a_crash_and_a_confirmation_may_not(shop: App) -> None:
    engine = engine_of(shop.store)
    seen: list[tuple[str, str]] = []

    def before_commit(connection: sqlalchemy.Connection) -> None:
        seen.append(("commit", connection.exec_driver_sql("SHOW synchronous_commit").scalar_one()))

    event.listen(getattr(engine, "sync_engine", engine), "commit", before_commit)
    shop.on(lambda work: work.write())
    assert shop.receive()[:2] == (200, "handled")
    assert [setting for _, setting in seen][-2:] == ["off", "on"]
