"""Where the stores under test keep things, on the real services, and who opens them."""

from __future__ import annotations

import os
import re
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from clerk_hooks import Delivery, Worker

POSTGRESQL = os.environ.get("CLERK_HOOKS_TEST_POSTGRESQL", "postgres@127.0.0.1:5432/test")
MARIADB = os.environ.get("CLERK_HOOKS_TEST_MARIADB", "root@127.0.0.1:3306")
REDIS = os.environ.get("CLERK_HOOKS_TEST_REDIS", "redis://127.0.0.1:6379/0")

_EFFECTS = (
    "CREATE TABLE effects (at BIGINT, worker INTEGER, message VARCHAR(255), handler VARCHAR(255), "
    "token VARCHAR(255), object VARCHAR(255), time BIGINT)"
)
_OBJECTS = "CREATE TABLE objects (object VARCHAR(255) PRIMARY KEY, time BIGINT)"
_NOTE = (
    "INSERT INTO effects (at, worker, message, handler, token, object, time) "
    "VALUES (:at, :worker, :message, :handler, :token, :object, :time)"
)
_MYSQL_MIRROR = (
    "INSERT INTO objects VALUES (:object, :time) ON DUPLICATE KEY UPDATE time = VALUES(time)"
)
_MIRROR = (
    "INSERT INTO objects VALUES (:object, :time) "
    "ON CONFLICT (object) DO UPDATE SET time = excluded.time"
)


class AbsentError(Exception):
    """A service that is not there."""


class Place(NamedTuple):
    """One kind of store, for all processes of a run."""

    kind: str
    url: str

    def open(self, connections: int = 4) -> Any:
        """The store, for one process, with at most so many connections.

        Its timeout is long: how many processes wait for one another is not what is tested.
        """
        timeout = timedelta(seconds=60)
        if self.kind.startswith("SQLiteStore"):
            from clerk_hooks.stores.sqlite import SQLiteStore

            return SQLiteStore(self.url, timeout=timeout)
        if self.kind == "RedisStore":
            from clerk_hooks.stores.redis import RedisStore

            url, prefix = self.url.split(" ")
            return RedisStore(url, prefix=prefix, timeout=timeout)
        if self.kind == "AsyncRedisStore":
            from clerk_hooks.stores.redis import AsyncRedisStore

            from ..stores.worker import Awaited

            url, prefix = self.url.split(" ")
            return Awaited(AsyncRedisStore(url, prefix=prefix, timeout=timeout))
        if self.kind.startswith("DjangoStore"):
            from clerk_hooks.contrib.django import DjangoStore

            from ..django_databases import alias_of

            return DjangoStore(alias_of(self.url), timeout=timeout)
        from sqlalchemy import create_engine

        from clerk_hooks.stores.sqlalchemy import SQLAlchemyStore

        # So few that all processes together do not ask the server for more than it has.
        engine = create_engine(self.url, pool_size=connections, max_overflow=0)
        return SQLAlchemyStore(engine, timeout=timeout)

    def open_inbox(self, store: Any) -> Any:
        """An inbox beside the store that this process has opened."""
        if self.kind.startswith("SQLiteStore"):
            from clerk_hooks.inboxes.sqlite import SQLiteInbox

            return SQLiteInbox(self.url)
        if self.kind.startswith("DjangoStore"):
            from clerk_hooks.contrib.django import DjangoInbox

            from ..django_databases import alias_of

            return DjangoInbox(alias_of(self.url))
        from clerk_hooks.inboxes.sqlalchemy import SQLAlchemyInbox

        return SQLAlchemyInbox(store._transactions.engine)

    def prepare(self, worker: Worker) -> None:
        """Do what the command that runs `worker` does."""
        if self.kind.startswith("DjangoStore"):
            from clerk_hooks.contrib.django._connections import tidy

            tidy(worker)

    @contextmanager
    def inbox(self) -> Iterator[Any]:
        """An inbox for a while."""
        store = self.open()
        inbox = self.open_inbox(store)
        yield inbox
        if self.kind.startswith("SQLiteStore"):
            inbox.close()
        elif self.kind.startswith("DjangoStore"):
            self.end_thread()
        else:
            store._transactions.engine.dispose()

    def end_connections(self) -> int:
        """Have the database end about half of the connections, whatever they do; how many."""
        if self.url.startswith("postgresql"):
            ((ended,),) = self._rows(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE application_name = current_setting('application_name') "
                "AND pid <> pg_backend_pid() AND random() < 0.5"
            )
            return int(ended)
        if not self.url.startswith("mysql"):
            return 0
        rows = self._rows(
            "SELECT id FROM information_schema.processlist "
            "WHERE db = database() AND id <> connection_id() AND rand() < 0.5"
        )
        return sum(self._kill(row[0]) for row in rows)

    def _kill(self, connection_id: int) -> bool:
        from sqlalchemy.exc import OperationalError

        try:
            self._rows(f"KILL {connection_id}")
        except OperationalError:  # It has ended.
            return False
        return True

    @property
    def is_transactional(self) -> bool:
        """Whether the handlers write to the database of the store, in its transactions."""
        return self.kind.endswith("transactional")

    @contextmanager
    def transaction(
        self, store: Any, delivery: Delivery, effect: dict[str, object]
    ) -> Iterator[None]:
        """Do what a handler does, in the transaction in which it is confirmed."""
        mirror = _MYSQL_MIRROR if "mysql" in self.url else _MIRROR
        statements = [_NOTE, mirror] if effect["handler"] == "mirror" else [_NOTE]
        if self.kind.startswith("DjangoStore"):
            with store.transaction(delivery):
                for statement in statements:
                    _execute(self.url, statement, effect)
                yield
        elif self.kind.startswith("SQLiteStore"):
            with (
                closing(sqlite3.connect(self.url, timeout=60)) as connection,
                store.transaction(delivery, connection),
            ):
                for statement in statements:
                    connection.execute(statement, effect)
                yield
        else:
            from sqlalchemy import text
            from sqlalchemy.orm import Session

            engine = store._transactions.engine
            with Session(engine) as session, store.transaction(delivery, session):
                for statement in statements:
                    session.execute(text(statement), effect)
                yield

    def end_thread(self) -> None:
        """Close what the thread of a request has opened."""
        if self.kind.startswith("DjangoStore"):
            from django.db import connections

            connections.close_all()

    def effects(self) -> list[tuple[Any, ...]]:
        """What the handlers have written: as journal entries without their step."""
        return self._rows(
            "SELECT at, worker, message, handler, token, object, time FROM effects ORDER BY at"
        )

    def objects(self) -> dict[str, int]:
        """The time of the event that each object was written from last."""
        return dict(self._rows("SELECT object, time FROM objects"))  # type: ignore[arg-type]

    def create(self) -> None:
        """Make the tables to which transactional handlers write."""
        for statement in (_EFFECTS, _OBJECTS):
            self._rows(statement)

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        import sqlalchemy

        url = f"sqlite:///{self.url}" if self.kind.startswith("SQLiteStore") else self.url
        engine = sqlalchemy.create_engine(url)
        with engine.begin() as connection:
            result = connection.exec_driver_sql(statement)
            rows = [tuple(row) for row in result] if result.returns_rows else []
        engine.dispose()
        return rows


def _execute(url: str, statement: str, parameters: dict[str, object]) -> None:
    """Run a statement on Django's connection of this thread."""
    from django.db import connections

    from ..django_databases import alias_of

    with connections[alias_of(url)].cursor() as cursor:
        cursor.execute(re.sub(r":(\w+)", r"%(\1)s", statement), parameters)


@contextmanager
def _sqlite(kind: str, folder: Path) -> Iterator[Place]:
    place = Place(kind, str(folder / "store.db"))
    if place.is_transactional:
        with closing(sqlite3.connect(place.url)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        place.create()
    yield place


@contextmanager
def _redis(kind: str, folder: Path) -> Iterator[Place]:
    import redis

    client = redis.Redis.from_url(REDIS, socket_timeout=5)
    try:
        client.ping()
    except redis.exceptions.RedisError as error:
        raise AbsentError(f"no Redis: {type(error).__name__}") from error
    prefix = f"{{chaos_{uuid.uuid4().hex}}}:"
    with client:
        try:
            yield Place(kind, f"{REDIS} {prefix}")
        finally:
            for key in client.scan_iter(f"{prefix}*", count=10_000):
                client.delete(key)


@contextmanager
def _postgresql(kind: str, folder: Path) -> Iterator[Place]:
    import psycopg

    url = f"postgresql://{POSTGRESQL}"
    try:
        connection = psycopg.connect(url, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        raise AbsentError(f"no PostgreSQL: {error}") from error
    schema = f"chaos_{uuid.uuid4().hex}"
    options = f"?options=-csearch_path%3D{schema}%20-capplication_name%3D{schema}"
    with connection:
        connection.execute(f"CREATE SCHEMA {schema}".encode())
        try:
            url = f"postgresql+psycopg://{POSTGRESQL}{options}"
            if kind.startswith("DjangoStore"):
                from ..django_databases import create_tables

                create_tables(url)
            place = Place(kind, url)
            place.create()
            yield place
        finally:
            connection.execute(f"DROP SCHEMA {schema} CASCADE".encode())


@contextmanager
def _mariadb(kind: str, folder: Path) -> Iterator[Place]:
    import pymysql

    user, _, address = MARIADB.partition("@")
    host, _, port = address.partition(":")
    try:
        connection = pymysql.connect(
            host=host, port=int(port), user=user, autocommit=True, ssl_disabled=True
        )
    except pymysql.err.OperationalError as error:
        raise AbsentError(f"no MariaDB: {error}") from error
    name = f"chaos_{uuid.uuid4().hex}"
    with connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        try:
            place = Place(kind, f"mysql+pymysql://{MARIADB}/{name}?ssl_disabled=true")
            place.create()
            yield place
        finally:
            cursor.execute(f"DROP DATABASE {name}")


PLACES: dict[str, Callable[[str, Path], AbstractContextManager[Place]]] = {
    "SQLiteStore": _sqlite,
    "RedisStore": _redis,
    "AsyncRedisStore": _redis,
    "SQLAlchemyStore": _postgresql,
    "SQLAlchemyStore, transactional": _postgresql,
    "SQLAlchemyStore on MariaDB": _mariadb,
    "SQLAlchemyStore on MariaDB, transactional": _mariadb,
    "SQLiteStore, transactional": _sqlite,
    "DjangoStore": _postgresql,
    "DjangoStore, transactional": _postgresql,
}


def place(kind: str, folder: Path) -> AbstractContextManager[Place]:
    """A place for a store of that kind, gone at the end. Raises `AbsentError`."""
    return PLACES[kind](kind, folder)
