"""Databases that are away, silent or locked: 503 in time, and nothing is lost."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import StaticPool

from clerk_hooks import ConfigurationError, QueueUnavailable
from clerk_hooks.inboxes import AsyncSQLAlchemyInbox, SQLAlchemyInbox, SQLiteInbox
from clerk_hooks.messages import Selection, Step
from clerk_hooks.stores.sqlite import SQLiteStore

from ..stores.backends import slowness
from ..stores.network import Proxy, proxy
from ..stores.worker import async_engine
from .places import LEASE, Awaited, Clock, Place, delivery, taken

SERVERS = ["sqlalchemy-psycopg", "sqlalchemy-pymysql", "sqlalchemy-asyncpg"]


@pytest.fixture
def wire(place: Place) -> Iterator[Proxy]:
    """What lies between an inbox and its server."""
    url = make_url(place.url.partition(" ")[0])
    with proxy(str(url.host), int(url.port or 0)) as wire:
        yield wire


@pytest.fixture
def far(place: Place, wire: Proxy) -> Iterator[Any]:
    """An inbox whose server is behind the wire."""
    address, _, schema = place.url.partition(" ")
    through = make_url(address).set(host="127.0.0.1", port=wire.port)
    url, second = through.render_as_string(False), timedelta(seconds=1)
    if place.kind == "sqlalchemy-asyncpg":
        engine = async_engine(f"{url} {schema}")
        yield Awaited(AsyncSQLAlchemyInbox(engine, timeout=second), place.loop.run)
        wire.cut()
        place.loop.run(engine.dispose())
    else:
        inbox = SQLAlchemyInbox(url, timeout=second)
        yield inbox
        wire.cut()
        inbox.close()


@pytest.mark.parametrize("_place", SERVERS, indirect=True)
def test_a_settle_while_the_database_is_away_fails_and_succeeds_later(
    far: Any, wire: Proxy
) -> None:
    far.put(delivery())
    message = taken(far)
    wire.is_frozen = True
    started = time.monotonic()
    with pytest.raises(QueueUnavailable):
        far.settle(message, Step("done"))
    with pytest.raises(QueueUnavailable):
        far.put(delivery("msg_2"))
    assert time.monotonic() - started < 2 * (1 + 0.6 * slowness())
    wire.is_frozen = False
    wire.cut()
    assert far.settle(message, Step("done")) is True
    assert far.settle(message, Step("done")) is False
    assert far.put(delivery("msg_2")) is True
    assert far.put(delivery("msg_1")) is False


@pytest.mark.parametrize("_place", SERVERS, indirect=True)
def test_a_connection_that_was_cut_while_nobody_used_it_is_replaced(far: Any, wire: Proxy) -> None:
    calls: list[Callable[[], object]] = [
        lambda: far.put(delivery()),
        lambda: far.take(1, LEASE),
        far.lag,
    ]
    for call in calls:
        far.status()
        wire.cut()
        call()


@pytest.mark.parametrize("_place", ["sqlalchemy-psycopg", "sqlalchemy-pymysql"], indirect=True)
def test_a_row_that_somebody_locks_is_waited_for_as_long_as_the_timeout(place: Place) -> None:
    inbox = place.open(timeout=timedelta(seconds=0.4))
    inbox.put(delivery())
    engine = create_engine(place.url)
    with engine.begin() as theirs:
        theirs.exec_driver_sql(
            "SELECT 1 FROM clerk_hooks_messages WHERE message_id = 'msg_1' FOR UPDATE"
        )
        started = time.monotonic()
        with pytest.raises(QueueUnavailable):
            inbox.put(delivery())
        assert time.monotonic() - started < 2 + slowness()  # MySQL counts whole seconds.
        assert inbox.take(9, LEASE) == []
        assert inbox.put(delivery("msg_2")) is True
    engine.dispose()
    assert inbox.put(delivery()) is True


def test_an_sqlite_file_that_is_locked_is_not_waited_for_longer_than_the_timeout(
    tmp_path: Path,
) -> None:
    inbox = SQLiteInbox(tmp_path / "inbox.sqlite3", timeout=timedelta(seconds=0.1))
    inbox.put(delivery())
    message = taken(inbox)
    theirs = sqlite3.connect(tmp_path / "inbox.sqlite3", isolation_level=None)
    theirs.execute("BEGIN IMMEDIATE")
    for call in (
        lambda: inbox.put(delivery("msg_2")),
        lambda: inbox.take(1, LEASE),
        lambda: inbox.settle(message, Step("done")),
    ):
        started = time.monotonic()
        with pytest.raises(QueueUnavailable, match="locked"):
            call()
        assert time.monotonic() - started < 0.1 + 0.3 * slowness()
    assert inbox.show("msg_1") == inbox.list(Selection(), 9)[0]  # Readers do not wait.
    theirs.execute("ROLLBACK")
    theirs.close()
    assert inbox.settle(message, Step("done")) is True
    inbox.close()


def test_what_is_not_a_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("This is not a database, but it is long enough for one." * 99)
    inbox = SQLiteInbox(tmp_path / "text")
    with pytest.raises(QueueUnavailable, match="SQLite: DatabaseError") as raised:
        inbox.put(delivery())
    assert isinstance(raised.value.__cause__, sqlite3.DatabaseError)
    assert raised.value.status == 503


def test_what_is_accepted_is_on_the_disk_and_the_rest_need_not_be(tmp_path: Path) -> None:
    inbox = SQLiteInbox(tmp_path / "inbox.sqlite3")
    inbox.put(delivery())
    taken(inbox)
    levels = [
        file._connection.execute("PRAGMA synchronous").fetchone()[0]
        for file in (inbox._acceptor, inbox._writer)
        if file._connection is not None
    ]
    assert levels == [2, 1]  # FULL, NORMAL.
    inbox.close()


@pytest.mark.parametrize("is_store_first", [True, False])
def test_an_inbox_shares_its_file_with_a_store(tmp_path: Path, is_store_first: bool) -> None:
    path = tmp_path / "clerk.sqlite3"
    store, inbox = SQLiteStore(path), SQLiteInbox(path)
    calls: list[Callable[[], object]] = [
        lambda: store.claim("msg_1", ["h"], LEASE),
        lambda: inbox.put(delivery()),
    ]
    for call in calls if is_store_first else reversed(calls):
        call()
    assert [record.handler for record in store.show("msg_1")] == ["h"]
    assert inbox.due(9) == ["msg_1"]
    store.close()
    inbox.close()


def test_a_file_of_one_kind_is_one_that_the_other_kind_understands(
    tmp_path: Path, clock: Clock
) -> None:
    old = SQLiteInbox(tmp_path / "inbox.sqlite3", clock=clock)
    old.put(delivery(), {"trace": "é"})
    record = old.show("msg_1")
    old.close()
    url = f"sqlite:///{tmp_path / 'inbox.sqlite3'}"
    new = SQLAlchemyInbox(url, create_schema=False, clock=clock)
    assert new.show("msg_1") == record
    assert new.settle(taken(new), Step("done")) is True
    new.beat("w", 1, 0)
    new.close()


def test_queries_use_the_indexes(tmp_path: Path, clock: Clock) -> None:
    """So that a million done messages slow nothing down."""
    inbox = SQLiteInbox(tmp_path / "inbox.sqlite3", clock=clock)
    for name in ("msg_1", "msg_2"):
        inbox.put(delivery(name))
    said: list[str] = []
    message = taken(inbox)
    for file in (inbox._acceptor, inbox._writer):
        assert file._connection is not None
        file._connection.set_trace_callback(said.append)
    inbox.put(delivery())
    inbox.take(1, LEASE)
    inbox.take(1, LEASE, message_id="msg_1", unsettled=True)
    inbox.renew([message], LEASE)
    inbox.settle(message, Step("dead"))
    inbox.purge()
    inbox.put(delivery())
    inbox.drop("msg_2")
    inbox._run(inbox._sql.lag, "write")
    inbox._run(lambda work: inbox._rules.due(work, 9), "write")
    inbox.close()
    with sqlite3.connect(tmp_path / "inbox.sqlite3") as connection:
        queries = [query for query in said if "clerk_hooks_messages" in query]
        assert len(queries) > 12
        for query in queries:
            for plan in connection.execute(f"EXPLAIN QUERY PLAN {query}"):
                assert not plan[3].startswith("SCAN clerk_hooks_messages"), query
    connection.close()


@pytest.mark.parametrize("_place", ["sqlalchemy-psycopg", "sqlalchemy-pymysql"], indirect=True)
def test_tables_that_alembic_compares_have_no_differences(place: Place) -> None:
    alembic = pytest.importorskip("alembic.autogenerate")
    from alembic.migration import MigrationContext

    from clerk_hooks.inboxes.sqlalchemy import ddl, metadata

    engine = create_engine(place.url)
    place.drop_tables()
    with engine.begin() as connection:
        for statement in ddl(engine.dialect.name):
            connection.exec_driver_sql(statement)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert alembic.compare_metadata(context, metadata) == []
    engine.dispose()
    assert place.open(create_schema=False).put(delivery()) is True


def test_what_cannot_work_is_refused_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "inbox.sqlite3"
    hour = timedelta(hours=1)
    for make in (
        lambda: SQLiteInbox(""),
        lambda: SQLiteInbox(":memory:"),
        lambda: SQLiteInbox(3),  # type: ignore[arg-type]
        lambda: SQLiteInbox(path, retention=-hour),
        lambda: SQLiteInbox(path, timeout=2 * hour),
        lambda: SQLiteInbox(path, clock=3),  # type: ignore[arg-type]
        lambda: SQLAlchemyInbox("sqlite://"),
        lambda: SQLAlchemyInbox("not a URL"),
        lambda: SQLAlchemyInbox(f"sqlite:///{path}", retention=-hour),
        lambda: SQLAlchemyInbox(f"sqlite:///{path}", timeout=2 * hour),
        lambda: SQLAlchemyInbox(async_engine(f"sqlite+aiosqlite:///{path}")),
        lambda: AsyncSQLAlchemyInbox(f"sqlite:///{path}"),
    ):
        with pytest.raises(ConfigurationError) as raised:
            make()
        assert "Store" not in str(raised.value)


def test_a_connection_or_autocommit_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'inbox.sqlite3'}"
    engine = create_engine(url, poolclass=StaticPool)
    with engine.connect() as connection, pytest.raises(ConfigurationError, match="its own"):
        SQLAlchemyInbox(connection)  # type: ignore[arg-type]
    engine.dispose()
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with pytest.raises(ConfigurationError, match="AUTOCOMMIT"):
        SQLAlchemyInbox(engine).put(delivery())
    engine.dispose()
