"""The tables: the same however they were made, and found where a migration has made them."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from clerk_hooks import ConfigurationError, StoreUnavailable
from clerk_hooks.stores.sqlalchemy import SQLAlchemyStore, ddl, metadata
from clerk_hooks.stores.sqlite import SQLiteStore

from .backends import SYNC_SQL, Backend, backend
from .worker import LEASE

CLAIMS, MARKS = "clerk_hooks_claims", "clerk_hooks_marks"


@pytest.fixture(params=SYNC_SQL)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    with backend(request.param, tmp_path, has_tables=False) as place:
        yield place


def layout(place: Backend) -> Any:
    """Columns, keys and indexes, as the database tells them."""
    engine = sqlalchemy.create_engine(place.url)
    look = sqlalchemy.inspect(engine)
    found = {
        table: (
            [(c["name"], str(c["type"]), c["nullable"]) for c in look.get_columns(table)],
            look.get_pk_constraint(table)["constrained_columns"],
            sorted((i["name"] or "", *i["column_names"]) for i in look.get_indexes(table)),
        )
        for table in sorted(look.get_table_names())
    }
    engine.dispose()
    return found


def dialect(place: Backend) -> str:
    return sqlalchemy.make_url(place.url).get_backend_name()


def test_the_statements_for_migrations_make_what_the_store_would_make(place: Backend) -> None:
    for statement in ddl(dialect(place)):
        place.sql(statement)
    by_hand = layout(place)
    assert list(by_hand) == [CLAIMS, MARKS]
    for table in (CLAIMS, MARKS):
        place.sql(f"DROP TABLE {table}")
    store = place.open()
    store.claim("msg_1", ["h"], LEASE)
    assert layout(place) == by_hand
    assert [len(indexes) for _, _, indexes in by_hand.values()] == [2, 1]


def test_a_store_finds_the_tables_that_a_migration_has_made(place: Backend) -> None:
    engine = sqlalchemy.create_engine(place.url)
    metadata.create_all(engine)
    store = SQLAlchemyStore(engine, create_schema=False)
    assert store.claim("msg_1", ["h"], LEASE).run == ("h",)
    engine.dispose()


def test_a_store_that_may_not_make_its_tables_is_unavailable_without_them(place: Backend) -> None:
    store = place.open(create_schema=False)
    with pytest.raises(StoreUnavailable):
        store.claim("msg_1", ["h"], LEASE)
    for statement in ddl(dialect(place)):
        place.sql(statement)
    assert store.claim("msg_1", ["h"], LEASE).run == ("h",)


def test_a_store_makes_the_index_that_is_missing_only(place: Backend) -> None:
    for statement in ddl(dialect(place)):
        place.sql(statement)
    whole = layout(place)
    on = f" ON {CLAIMS}" if dialect(place) == "mysql" else ""
    place.sql(f"DROP INDEX {CLAIMS}_forget_at{on}")
    assert place.open().claim("msg_1", ["h"], LEASE).run == ("h",)
    assert layout(place) == whole


def test_tables_that_alembic_compares_have_no_differences(place: Backend) -> None:
    alembic = pytest.importorskip("alembic.autogenerate")
    from alembic.migration import MigrationContext

    place.open().claim("msg_1", ["h"], LEASE)
    engine = sqlalchemy.create_engine(place.url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert alembic.compare_metadata(context, metadata) == []
    engine.dispose()


def test_of_many_who_make_the_tables_of_a_file_at_once_none_fails_at_it(tmp_path: Path) -> None:
    """The cursor of a statement that fails can keep others from the file: see `create`."""
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    failed: list[str] = []

    @sqlalchemy.event.listens_for(engine, "handle_error")
    def fail(context: sqlalchemy.ExceptionContext) -> None:
        failed.append(str(context.original_exception))

    stores = [SQLAlchemyStore(engine, timeout=timedelta(minutes=5)) for _ in range(8)]
    together = threading.Barrier(len(stores))

    def claim(number: int) -> tuple[str, ...]:
        together.wait()
        return stores[number].claim(f"msg_{number}", ["h"], LEASE).run

    with ThreadPoolExecutor(len(stores)) as pool:
        assert list(pool.map(claim, range(len(stores)))) == [("h",)] * len(stores)
    engine.dispose()
    assert failed == []


def test_ddl_knows_the_dialects_of_sqlalchemy_only() -> None:
    with pytest.raises(ConfigurationError, match="dialect"):
        ddl("clerk")
    assert ddl("mariadb")
    assert all("utf8mb4_bin" in statement for statement in ddl("mysql") if "TABLE" in statement)


def test_a_file_of_sqlite_store_is_one_that_sqlalchemy_store_understands(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    old = SQLiteStore(path)
    claim = old.claim("msg_1", ["h"], LEASE)
    old.close()
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    store = SQLAlchemyStore(engine)
    assert store.claim("msg_1", ["h"], LEASE).busy == ("h",)
    assert store.confirm("msg_1", "h", claim.token) is True
    engine.dispose()


@pytest.mark.parametrize("rows", [1_000])
def test_what_is_to_be_forgotten_is_deleted_in_passing(tmp_path: Path, rows: int) -> None:
    now = [1_700_000_000.0]
    path = tmp_path / "store.sqlite3"
    store = SQLiteStore(path, clock=lambda: now[0], retention=timedelta(hours=1))
    store.claim("msg_0", [f"handler_{n}" for n in range(rows)], LEASE)
    now[0] += 3600

    def count() -> int:
        with sqlite3.connect(path) as connection:
            (number,) = connection.execute(f"SELECT COUNT(*) FROM {CLAIMS}").fetchone()
        connection.close()
        return int(number)

    most = count()
    for number in range(1, 401):
        store.claim(f"msg_{number}", ["h"], LEASE)
        most = max(most, count())
    assert count() == 400  # Of the old ones none is left.
    assert most <= rows + 100
    store.close()


def test_queries_use_the_indexes(tmp_path: Path) -> None:
    """So that what is remembered does not slow them down; `tests.benchmarks` has the figures."""
    path = tmp_path / "store.sqlite3"
    store = SQLiteStore(path)
    store.claim("msg_1", ["h"], LEASE)
    store.close()
    with sqlite3.connect(path) as connection:
        for query, index in (
            (f"SELECT * FROM {CLAIMS} WHERE message_id = ?", "PRIMARY KEY"),
            (f"SELECT * FROM {CLAIMS} WHERE forget_at <= ? ORDER BY forget_at", "_forget_at"),
            (f"SELECT 1 FROM {CLAIMS} WHERE object_key = ? AND leased_until > 1", "_object_key"),
            (f"SELECT * FROM {MARKS} WHERE forget_at <= ? ORDER BY forget_at", "_forget_at"),
        ):
            (plan,) = connection.execute(f"EXPLAIN QUERY PLAN {query}", [0]).fetchall()
            assert plan[3].startswith("SEARCH")
            assert index in plan[3]
    connection.close()
