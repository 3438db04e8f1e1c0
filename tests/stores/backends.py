"""The stores under test, each on its real service, in a place of its own per test.

A service is found by an environment variable, or else on the usual port of this machine. Where it
is absent its tests are skipped, with the reason; but in CI that is a failure.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from .nursery import Nursery, Worker
from .worker import Awaited, async_engine, build, engine_of

POSTGRESQL = os.environ.get("CLERK_HOOKS_TEST_POSTGRESQL", "postgres@127.0.0.1:5432/test")
MARIADB = os.environ.get("CLERK_HOOKS_TEST_MARIADB", "root@127.0.0.1:3306")
REDIS = os.environ.get("CLERK_HOOKS_TEST_REDIS", "redis://127.0.0.1:6379/0")

NURSERY = Nursery()


def lacks(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def slowness() -> float:
    """How many times as long as on a quiet machine may be taken here and now; 1.0 where it is."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class Backend:
    """Where stores of one kind keep what they remember during one test."""

    def __init__(self, name: str, kind: str, url: str) -> None:
        self.name = name
        self.kind = kind
        self.url = url
        self._close: list[Callable[[], object]] = []
        self._memory: Any = None

    def open(self, **options: Any) -> Any:
        """One more store there, which is synchronous whatever its kind."""
        if self.kind == "memory" and self._memory is not None:
            return self._memory
        store = build(self.kind, self.url, **options)
        if self.kind == "async":
            engine = engine_of(store)
            store = Awaited(store)
            self._close += [store.stop, lambda: store.run(engine.dispose())]
        elif self.kind == "sync":
            self._close.append(engine_of(store).dispose)
        elif self.kind in ("sqlite", "redis", "django"):
            self._close.append(store.close)
        elif self.kind == "async redis":
            store = Awaited(store)
            self._close += [store.stop, lambda: store.run(store.store.aclose())]
        self._memory = store
        return store

    def start(self, task: str, **settings: Any) -> Worker:
        """A process that does a task of worker.py with a store there.

        The store's timeout is long: how many processes wait for one another is not what is tested.
        """
        settings |= {"kind": self.kind, "url": self.url, "timeout": 60}
        worker = NURSERY.start(task, settings)
        self._close.append(worker.kill)
        return worker

    def sql(self, statement: str) -> list[Any]:
        """What the database says to a statement of somebody else's, who commits at once."""
        if self.kind == "async":
            return asyncio.run(_asql(self.url, statement))
        url = f"sqlite:///{self.url}" if self.kind == "sqlite" else self.url
        engine = sqlalchemy.create_engine(url)
        with engine.begin() as connection:
            result = connection.exec_driver_sql(statement)
            rows = list(result) if result.returns_rows else []
        engine.dispose()
        return rows

    def close(self) -> None:
        while self._close:
            self._close.pop()()


async def _asql(url: str, statement: str) -> list[Any]:
    engine = async_engine(url)
    async with engine.begin() as connection:
        result = await connection.exec_driver_sql(statement)
        rows = list(result) if result.returns_rows else []
    await engine.dispose()
    return rows


@contextmanager
def postgresql_schema() -> Iterator[str]:
    psycopg = pytest.importorskip("psycopg")
    url = f"postgresql://{POSTGRESQL}"
    try:
        connection = psycopg.connect(url, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        lacks(f"no PostgreSQL at {POSTGRESQL}: {error}")
    schema = f"clerk_hooks_{uuid.uuid4().hex}"
    with connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        try:
            yield schema
        finally:
            connection.execute(
                "SELECT pg_terminate_backend(locks.pid) FROM pg_locks AS locks "
                "JOIN pg_class ON pg_class.oid = relation "
                "JOIN pg_namespace ON pg_namespace.oid = relnamespace "
                "WHERE nspname = %s AND locks.pid <> pg_backend_pid()",
                [schema],
            )
            connection.execute(f"DROP SCHEMA {schema} CASCADE")


@contextmanager
def mariadb_database() -> Iterator[str]:
    pymysql = pytest.importorskip("pymysql")
    from sqlalchemy import make_url

    url = make_url(f"mysql://{MARIADB}")
    try:
        connection = pymysql.connect(
            host=url.host,
            port=url.port or 3306,
            user=url.username,
            password=url.password or "",
            autocommit=True,
        )
    except pymysql.err.OperationalError as error:
        lacks(f"no MariaDB or MySQL at {url.host}:{url.port}: {error}")
    name = f"clerk_hooks_{uuid.uuid4().hex}"
    with connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{MARIADB}/{name}"
        finally:
            cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", [name])
            for (number,) in cursor.fetchall():
                with suppress(pymysql.err.OperationalError):  # It has ended by itself.
                    cursor.execute(f"KILL {number}")
            cursor.execute(f"DROP DATABASE {name}")


@contextmanager
def redis_prefix() -> Iterator[str]:
    redis = pytest.importorskip("redis")
    client = redis.Redis.from_url(REDIS, socket_timeout=5)
    try:
        client.ping()
    except redis.exceptions.RedisError as error:
        lacks(f"no Redis: {type(error).__name__}")
    prefix = f"{{clerk_hooks_{uuid.uuid4().hex}}}:"
    with client:
        try:
            yield prefix
        finally:
            for key in client.scan_iter(f"{prefix}*", count=10_000):
                client.delete(key)


@contextmanager
def backend(name: str, folder: Path) -> Iterator[Backend]:
    """A place for stores, by the name of the kind and its service."""
    with _place(name, folder) as (kind, url):
        place = Backend(name, kind, url)
        try:
            yield place
        finally:
            place.close()


@contextmanager
def _place(name: str, folder: Path) -> Iterator[tuple[str, str]]:
    if name == "memory":
        yield "memory", ""
    elif name == "sqlite":
        yield "sqlite", str(folder / "store.sqlite3")
    elif name in ("redis", "async redis"):
        with redis_prefix() as prefix:
            yield name, f"{REDIS} {prefix}"
    elif name.startswith("django-"):
        pytest.importorskip("django")
        from ..django_databases import create_tables

        with _place(name.replace("django", "sqlalchemy"), folder) as (_, url):
            create_tables(url)
            yield "django", url
    elif name == "sqlalchemy-sqlite":
        yield "sync", f"sqlite:///{folder / 'store.sqlite3'}"
    elif name == "sqlalchemy-aiosqlite":
        yield "async", f"sqlite+aiosqlite:///{folder / 'store.sqlite3'}"
    elif name == "sqlalchemy-pymysql":
        with mariadb_database() as address:
            yield "sync", f"mysql+pymysql://{address}"
    elif name == "sqlalchemy-asyncpg":
        with postgresql_schema() as schema:
            yield "async", f"postgresql+asyncpg://{POSTGRESQL} {schema}"
    elif name == "sqlalchemy-psycopg":
        with postgresql_schema() as schema:
            options = f"?options=-csearch_path%3D{schema}"
            yield "sync", f"postgresql+psycopg://{POSTGRESQL}{options}"
    else:
        raise LookupError(f"_place has no branch for {name}")


SYNC_SQL = ["sqlalchemy-sqlite", "sqlalchemy-psycopg", "sqlalchemy-pymysql"]
ASYNC_SQL = ["sqlalchemy-aiosqlite", "sqlalchemy-asyncpg"]
SHARED = ["sqlite", "redis", "async redis", *SYNC_SQL, *ASYNC_SQL, "django-psycopg"]
"""What several processes can share."""
ALL = ["memory", *SHARED, "django-sqlite"]
