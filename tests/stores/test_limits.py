"""How long a statement of the store waits on PostgreSQL: the server itself gives it up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy.engine import Connection

from clerk_hooks import Router, StoreUnavailable
from clerk_hooks.stores.sqlalchemy import SQLAlchemyStore

from .backends import Backend, backend, slowness
from .worker import LEASE, Receiver


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Backend]:
    with backend("sqlalchemy-psycopg", tmp_path) as place:
        yield place


@pytest.fixture
def engine(place: Backend) -> Iterator[sqlalchemy.Engine]:
    engine = sqlalchemy.create_engine(place.url)
    yield engine
    engine.dispose()


@pytest.fixture
def timeout() -> float:
    """The store's, in seconds."""
    return 2 * slowness()


@pytest.fixture
def store(engine: sqlalchemy.Engine, timeout: float) -> Any:
    return SQLAlchemyStore(engine, timeout=timedelta(seconds=timeout))


def waiting(connection: Connection) -> int:
    """How many backends wait for a lock, of the table's rows or of itself."""
    statement = """
        SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN
        (SELECT pid FROM pg_locks WHERE relation = 'clerk_hooks_claims'::regclass)
    """
    return int(connection.exec_driver_sql(statement).scalar_one())


def test_a_claim_that_waits_for_the_table(
    store: Any, engine: sqlalchemy.Engine, timeout: float
) -> None:
    store.claim("msg_1", ["h"], LEASE)
    with engine.connect() as connection:
        connection.exec_driver_sql("LOCK TABLE clerk_hooks_claims IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        with pytest.raises(StoreUnavailable, match="57014"):  # Of PostgreSQL: query_canceled.
            store.claim("msg_2", ["h"], LEASE)
        assert time.monotonic() - started < 1.3 * timeout
        assert waiting(connection) == 0
        connection.rollback()
    assert store.claim("msg_2", ["h"], LEASE).run == ("h",)


def test_a_confirm_in_a_handlers_transaction_that_waits_for_the_row(
    store: Any, engine: sqlalchemy.Engine, timeout: float, caplog: pytest.LogCaptureFixture
) -> None:
    router = Router()
    others: list[Connection] = []

    @router.on("user.created", name="h")
    def handler(event: object, delivery: Any) -> None:
        with engine.connect() as connection, store.transaction(delivery, connection):
            if not others:
                others.append(engine.connect())
                others[0].exec_driver_sql("SELECT * FROM clerk_hooks_claims FOR UPDATE")

    receiver = Receiver(store, router)
    started = time.monotonic()
    assert receiver.receive("msg_1") == 503
    assert "55P03" in caplog.text  # Of PostgreSQL: lock_not_available.
    # The claim is not released either, as that waits for the same row.
    assert time.monotonic() - started < 2.3 * timeout
    assert waiting(others[0]) == 0
    others[0].close()
    store.forget("msg_1")  # Instead of waiting for the end of the lease.
    assert receiver.receive("msg_1") == 200
    receiver.close()
