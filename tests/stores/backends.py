"""The stores under test, each on its real service, in a place of its own per test.

A service is found by an environment variable, or else on the usual port of this machine. Where it
is absent its tests are skipped, with the reason; but in CI that is a failure.
"""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from .nursery import Nursery, Worker
from .schemas import (
    EFFECTS,
    MARIADB,
    POSTGRESQL,
    SCHEMAS,
    MariaDBSchema,
    PostgreSQLSchema,
    Schema,
    create_tables,
    lacks,
    new_schema,
)
from .worker import Awaited, build, engine_of

REDIS = os.environ.get("CLERK_HOOKS_TEST_REDIS", "redis://127.0.0.1:6379/0")

NURSERY = Nursery()


def slowness() -> float:
    """How many times as long as on a quiet machine may be taken here and now; 1.0 where it is."""
    # More than its share of a core, as a process may have to wait for its turn several times.
    return max(1.0, 1.5 * os.getloadavg()[0] / (os.cpu_count() or 1))


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class Backend:
    """Where stores of one kind keep what they remember during one test."""

    def __init__(
        self,
        name: str,
        kind: str,
        url: str,
        schema: Schema | None = None,
        *,
        has_tables: bool = False,
    ) -> None:
        self.name = name
        self.kind = kind
        self.url = url
        self.schema = schema
        self.has_tables = has_tables
        self.options: dict[str, Any] = {"create_schema": False} if has_tables else {}
        """What stores there are made with."""
        self._close: list[Callable[[], object]] = []
        self._memory: Any = None

    def open(self, **options: Any) -> Any:
        """One more store there, which is synchronous whatever its kind."""
        if self.kind == "memory" and self._memory is not None:
            return self._memory
        options = self.options | options
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
        if self.schema is not None:
            self.schema.is_spoiled = True  # Its last statement may outlive the process.
        worker = NURSERY.start(task, settings)
        self._close.append(worker.kill)
        return worker

    def create_effects(self) -> None:
        """Create the table ``effects``, unless it is there."""
        if not self.has_tables:
            self.sql(EFFECTS)

    def sql(self, statement: str) -> list[Any]:
        """What the database says to a statement of somebody else's, who commits at once."""
        if self.schema is not None:
            return self.schema.sql(statement)
        path = sqlalchemy.make_url(self.url).database if "://" in self.url else self.url
        assert path is not None
        with closing(sqlite3.connect(path)) as connection, connection:
            return connection.execute(statement).fetchall()

    def close(self) -> None:
        while self._close:
            self._close.pop()()


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
def backend(name: str, folder: Path, *, has_tables: bool = True) -> Iterator[Backend]:
    """A place for stores, by the name of the kind and its service.

    On a server of databases it has the tables of the store already, and one for handlers, all of
    them empty; unless `has_tables` is False.
    """
    with _place(name, folder, has_tables) as place:
        try:
            yield place
        finally:
            place.close()


@contextmanager
def _place(name: str, folder: Path, has_tables: bool) -> Iterator[Backend]:
    if name == "memory":
        yield Backend(name, "memory", "")
    elif name == "sqlite":
        yield Backend(name, "sqlite", str(folder / "store.sqlite3"))
    elif name in ("redis", "async redis"):
        with redis_prefix() as prefix:
            yield Backend(name, name, f"{REDIS} {prefix}")
    elif name == "django-sqlite":
        pytest.importorskip("django")
        from .. import django_databases

        url = f"sqlite:///{folder / 'store.sqlite3'}"
        django_databases.create_tables(url)
        yield Backend(name, "django", url)
    elif name == "django-psycopg":
        pytest.importorskip("django")
        with SCHEMAS.lend(name, PostgreSQLSchema, _create_tables_of_django) as schema:
            yield Backend(name, "django", psycopg_url(schema), schema)
    elif name == "sqlalchemy-sqlite":
        yield Backend(name, "sync", f"sqlite:///{folder / 'store.sqlite3'}")
    elif name == "sqlalchemy-aiosqlite":
        yield Backend(name, "async", f"sqlite+aiosqlite:///{folder / 'store.sqlite3'}")
    elif name in ADDRESSES:
        kind, make, url_of = ADDRESSES[name]
        with (
            SCHEMAS.lend(make.dialect, make, create_tables) if has_tables else new_schema(make)
        ) as schema:
            yield Backend(name, kind, url_of(schema), schema, has_tables=has_tables)
    else:
        raise LookupError(f"_place has no branch for {name}")


def _create_tables_of_django(schema: Schema) -> None:
    from .. import django_databases

    django_databases.create_tables(psycopg_url(schema))


def psycopg_url(schema: Schema) -> str:
    return f"postgresql+psycopg://{POSTGRESQL}?options=-csearch_path%3D{schema.name}"


ADDRESSES: dict[str, tuple[str, type[Schema], Callable[[Schema], str]]] = {
    "sqlalchemy-psycopg": ("sync", PostgreSQLSchema, psycopg_url),
    "sqlalchemy-pymysql": (
        "sync",
        MariaDBSchema,
        # With TLS, PyMySQL reads all certificates of the machine for each connection.
        lambda schema: f"mysql+pymysql://{MARIADB}/{schema.name}?ssl_disabled=true",
    ),
    "sqlalchemy-asyncpg": (
        "async",
        PostgreSQLSchema,
        lambda schema: f"postgresql+asyncpg://{POSTGRESQL} {schema.name}",
    ),
}
"""The kind of the store, its service, and where a schema is: as `worker.build` takes it."""

SYNC_SQL = ["sqlalchemy-sqlite", "sqlalchemy-psycopg", "sqlalchemy-pymysql"]
ASYNC_SQL = ["sqlalchemy-aiosqlite", "sqlalchemy-asyncpg"]
SHARED = ["sqlite", "redis", "async redis", *SYNC_SQL, *ASYNC_SQL, "django-psycopg"]
"""What several processes can share."""
ALL = ["memory", *SHARED, "django-sqlite"]
