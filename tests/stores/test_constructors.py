"""What stores are made from, and what is said of the rest: at once, and without a secret."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy.ext.asyncio import create_async_engine

from clerk_hooks import ConfigurationError
from clerk_hooks.stores.redis import AsyncRedisStore, RedisStore
from clerk_hooks.stores.sqlalchemy import AsyncSQLAlchemyStore, SQLAlchemyStore
from clerk_hooks.stores.sqlite import SQLiteStore

from .backends import backend
from .worker import async_engine

AUTOCOMMIT: dict[str, Any] = {
    "isolation_level": {"isolation_level": "AUTOCOMMIT"},
    "execution_options": {"execution_options": {"isolation_level": "AUTOCOMMIT"}},
}


def stores(**options: Any) -> list[Any]:
    return [
        lambda: SQLiteStore("store.sqlite3", **options),
        lambda: RedisStore("redis://127.0.0.1:1", **options),
        lambda: AsyncRedisStore("redis://127.0.0.1:1", **options),
        lambda: SQLAlchemyStore("sqlite:///store.sqlite3", **options),
    ]


@pytest.mark.parametrize("value", [timedelta(0), timedelta(-1), 5, None, timedelta(hours=2)])
@pytest.mark.parametrize("kind", range(4))
def test_the_timeout_is_a_timedelta_up_to_an_hour(kind: int, value: Any) -> None:
    with pytest.raises(ConfigurationError, match="timeout must be a positive timedelta"):
        stores(timeout=value)[kind]()


@pytest.mark.parametrize("kind", range(4))
def test_the_timeout_may_be_an_hour(kind: int) -> None:
    stores(timeout=timedelta(hours=1))[kind]()


@pytest.mark.parametrize("value", [timedelta(0), timedelta(-1), 5, None])
@pytest.mark.parametrize("kind", range(4))
def test_the_retention_is_a_timedelta_that_is_positive(kind: int, value: Any) -> None:
    with pytest.raises(ConfigurationError, match="retention must be a positive"):
        stores(retention=value)[kind]()


@pytest.mark.parametrize("kind", range(4))
def test_the_clock_is_a_function(kind: int) -> None:
    with pytest.raises(ConfigurationError, match="clock must be a function"):
        stores(clock=5)[kind]()


@pytest.mark.parametrize("kind", range(4))
def test_a_store_touches_nothing_before_its_first_use(
    kind: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stores()[kind]()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["", ":memory:", None, 5, b"store.sqlite3"])
def test_the_path_is_that_of_a_file(path: Any) -> None:
    with pytest.raises(ConfigurationError, match="path must"):
        SQLiteStore(path)


def test_a_path_may_be_relative_and_stays_what_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = SQLiteStore(Path("store.sqlite3"))
    monkeypatch.chdir("/")
    store.claim("msg_1", ["h"], timedelta(seconds=1))
    store.close()
    assert (tmp_path / "store.sqlite3").exists()


@pytest.mark.parametrize(
    "engine",
    ["nonsense", "clerk://user:hunter2@host/db", "://:hunter2@", None, 5, object()],
)
def test_the_engine_is_one_of_sqlalchemy_or_a_url(engine: Any) -> None:
    with pytest.raises(ConfigurationError, match="engine: ") as caught:
        SQLAlchemyStore(engine)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_database_is_one_that_the_store_knows() -> None:
    engine = sqlalchemy.create_engine("sqlite:///x")
    engine.dialect.name = "oracle"  # Whose driver need not be installed for this.
    with pytest.raises(ConfigurationError, match="SQLite, not oracle"):
        SQLAlchemyStore(engine)


@pytest.mark.parametrize("way", ["isolation_level", "execution_options"])
@pytest.mark.parametrize("kind", ["sqlalchemy-psycopg", "sqlalchemy-pymysql"])
def test_an_engine_that_commits_each_statement_is_refused_at_first_use(
    kind: str, way: str, tmp_path: Path
) -> None:
    with backend(kind, tmp_path, has_tables=False) as place:
        engine = sqlalchemy.create_engine(place.url, **AUTOCOMMIT[way])
        with pytest.raises(ConfigurationError, match="AUTOCOMMIT") as caught:
            SQLAlchemyStore(engine).claim("msg_1", ["h"], timedelta(seconds=1))
        assert caught.value.reason == "autocommit"
        assert sqlalchemy.inspect(engine).get_table_names() == []
        engine.dispose()


def test_an_engine_whose_driver_commits_each_statement_is_refused(tmp_path: Path) -> None:
    with backend("sqlalchemy-pymysql", tmp_path, has_tables=False) as place:
        engine = sqlalchemy.create_engine(place.url, connect_args={"autocommit": True})
        with pytest.raises(ConfigurationError, match="AUTOCOMMIT"):
            SQLAlchemyStore(engine).claim("msg_1", ["h"], timedelta(seconds=1))
        engine.dispose()


@pytest.mark.parametrize("way", ["isolation_level", "execution_options"])
def test_an_async_engine_that_commits_each_statement_is_refused_at_first_use(
    way: str, tmp_path: Path
) -> None:
    async def claim(url: str) -> None:
        engine = async_engine(url, **AUTOCOMMIT[way])
        try:
            await AsyncSQLAlchemyStore(engine).aclaim("msg_1", ["h"], timedelta(seconds=1), None)
        finally:
            await engine.dispose()

    with backend("sqlalchemy-asyncpg", tmp_path, has_tables=False) as place:
        with pytest.raises(ConfigurationError, match="AUTOCOMMIT") as caught:
            asyncio.run(claim(place.url))
        assert caught.value.reason == "autocommit"


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="MemoryStore"):
        SQLAlchemyStore(url)
    with pytest.raises(ConfigurationError, match="MemoryStore"):
        AsyncSQLAlchemyStore(create_async_engine("sqlite+aiosqlite://"))


@pytest.mark.parametrize(
    ("store", "engine", "instead"),
    [
        (SQLAlchemyStore, "postgresql+asyncpg://user:hunter2@host/db", "AsyncSQLAlchemyStore"),
        (SQLAlchemyStore, create_async_engine("sqlite+aiosqlite:///x"), "AsyncSQLAlchemyStore"),
        (AsyncSQLAlchemyStore, "mysql+pymysql://user:hunter2@host/db", "SQLAlchemyStore"),
        (AsyncSQLAlchemyStore, sqlalchemy.create_engine("sqlite:///x"), "SQLAlchemyStore"),
    ],
)
def test_an_engine_for_the_other_store_is_refused_with_what_to_use(
    store: Any, engine: Any, instead: str
) -> None:
    with pytest.raises(ConfigurationError, match=rf"\b{instead}\b") as caught:
        store(engine)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "module", "project"),
    [
        ("postgresql+pg8000", "pg8000", "pg8000"),
        ("mysql", "MySQLdb", "mysqlclient"),
        ("mysql+mysqlconnector", "mysql", "mysql-connector-python"),
    ],
)
def test_a_driver_that_is_missing_is_named_with_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, url: str, module: str, project: str
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, module, None)
    hint = f"needs the driver {module}: pip install {project}$"
    with pytest.raises(ConfigurationError, match=hint) as caught:
        SQLAlchemyStore(f"{url}://user:hunter2@host/db")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "store",
    [
        RedisStore("redis://user:hunter2@127.0.0.1:1"),
        SQLAlchemyStore("postgresql+psycopg://user:hunter2@127.0.0.1:1/db"),
    ],
    ids=["redis", "sqlalchemy"],
)
def test_no_password_is_shown(store: Any) -> None:
    assert "hunter2" not in repr(store)
    with pytest.raises(Exception, match=r"^(Redis|the database): [\w :]+$"):
        store.claim("msg_1", ["h"], timedelta(seconds=1))


@pytest.mark.parametrize("kind", ["sqlalchemy-sqlite", "sqlalchemy-aiosqlite"])
def test_a_store_closes_the_engine_that_it_made_and_no_other(kind: str, tmp_path: Path) -> None:
    def connections(store: Any) -> int:
        pool = store._transactions.engine.pool
        if not hasattr(pool, "checkedin"):
            pytest.skip("this version of SQLAlchemy keeps no connections to such a file")
        return int(pool.checkedin())

    async def from_url(url: str, engine: Any) -> tuple[int, int, int]:
        async with contextlib.aclosing(AsyncSQLAlchemyStore(url)) as own:
            await own.ashow("msg_1")
            before = connections(own._store)
        theirs = AsyncSQLAlchemyStore(engine)
        await theirs.ashow("msg_1")
        await theirs.aclose()
        try:
            return before, connections(own._store), connections(theirs._store)
        finally:
            await engine.dispose()

    with backend(kind, tmp_path, has_tables=False) as place:
        if kind == "sqlalchemy-aiosqlite":
            assert asyncio.run(from_url(place.url, async_engine(place.url))) == (1, 0, 1)
            return
        with contextlib.closing(SQLAlchemyStore(place.url)) as own:
            own.show("msg_1")
            assert connections(own) == 1
        assert connections(own) == 0
        engine = sqlalchemy.create_engine(place.url)
        theirs = SQLAlchemyStore(engine)
        theirs.show("msg_1")
        theirs.close()
        assert connections(theirs) == 1
        engine.dispose()
