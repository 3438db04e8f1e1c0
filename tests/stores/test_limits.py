"""How long statements may take on PostgreSQL: those of the store, and nobody else's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from clerk_hooks import Router, StoreUnavailable
from clerk_hooks.stores.sqlalchemy import SQLAlchemyStore

from .backends import Backend, backend
from .worker import LEASE, Receiver

TIMEOUT = timedelta(seconds=2)


@pytest.fixture(params=["sqlalchemy-psycopg"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    with backend(request.param, tmp_path) as place:
        yield place


@pytest.fixture(params=["an engine of its own", "the app's engine"])
def store(request: pytest.FixtureRequest, place: Backend) -> Iterator[Any]:
    engine: Any = place.url
    if request.param == "the app's engine":
        engine = sqlalchemy.create_engine(place.url)
    store: Any = SQLAlchemyStore(engine, timeout=TIMEOUT)
    yield store
    store._transactions._engine.dispose()


def seconds_of(statement_timeout: str) -> float:
    """``2s``, ``500ms`` and ``0`` as PostgreSQL shows them."""
    number = float(statement_timeout.rstrip("mins"))
    return number / 1000 if statement_timeout.endswith("ms") else number


def test_a_statement_that_waits_for_a_lock_is_given_up_by_the_server_too(
    store: Any, place: Backend
) -> None:
    store.claim("msg_1", ["h"], LEASE)
    engine = sqlalchemy.create_engine(place.url)
    with engine.connect() as connection:
        connection.exec_driver_sql("LOCK TABLE clerk_hooks_claims IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        with pytest.raises(StoreUnavailable, match="57014"):  # Of PostgreSQL: query_canceled.
            store.claim("msg_2", ["h"], LEASE)
        assert time.monotonic() - started < TIMEOUT.total_seconds() + 0.6
        waiting = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_locks WHERE NOT granted "
            "AND relation = 'clerk_hooks_claims'::regclass"
        ).scalar()
        assert waiting == 0
        connection.rollback()
    assert store.claim("msg_2", ["h"], LEASE).run == ("h",)
    engine.dispose()


def test_what_a_handler_does_in_the_transaction_of_its_claim_has_no_limit(store: Any) -> None:
    router = Router()
    seen: list[float] = []

    @router.on("user.created", name="h")
    def handler(event: object, delivery: Any) -> None:
        connection = store.connection(delivery)
        seen.append(seconds_of(connection.exec_driver_sql("SHOW statement_timeout").scalar()))

    receiver = Receiver(store, router)
    assert [receiver.receive("msg_1"), receiver.receive("msg_2")] == [200, 200]
    assert seen == [0, 0]
    receiver.close()
