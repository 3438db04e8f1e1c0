"""Schemas on the servers of databases: a new one, or one that tests have in turn.

To create tables takes longer than most tests, as the server writes them to its disk. So a process
makes a schema with its tables once, and tests find them empty.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

POSTGRESQL = os.environ.get("CLERK_HOOKS_TEST_POSTGRESQL", "postgres@127.0.0.1:5432/test")
MARIADB = os.environ.get("CLERK_HOOKS_TEST_MARIADB", "root@127.0.0.1:3306")

EFFECTS = "CREATE TABLE effects (message_id VARCHAR(255) NOT NULL PRIMARY KEY)"
"""The table that handlers of the tests write to."""


def lacks(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


class Schema:
    """A schema, and a connection to it that belongs to nobody under test and commits at once."""

    dialect: str

    def __init__(self) -> None:
        self.name = f"clerk_hooks_{uuid.uuid4().hex}"
        self.is_spoiled = False
        """Whether something may be under way in it that was begun during a test."""
        self._connect()

    def sql(self, statement: str) -> list[Any]:
        """The rows that a statement returns."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def prepare(self, create: Callable[[Schema], object]) -> None:
        """Create the tables that `clear` leaves here."""
        create(self)
        self._tables = self._all_tables()

    def clear(self) -> None:
        """Empty the tables, and drop those that a test has added."""
        for table in self._all_tables() - self._tables:
            self.sql(f"DROP TABLE {table}")
        for table in sorted(self._tables):
            self.sql(f"DELETE FROM {table}")

    def drop(self) -> None:
        """End the connections of others to the schema, and delete it."""
        raise NotImplementedError

    _connection: Any

    def _connect(self) -> None:
        raise NotImplementedError

    def _all_tables(self) -> set[str]:
        raise NotImplementedError


class PostgreSQLSchema(Schema):
    dialect = "postgresql"

    def _connect(self) -> None:
        psycopg = pytest.importorskip("psycopg")
        try:
            self._connection = psycopg.connect(
                f"postgresql://{POSTGRESQL}", autocommit=True, connect_timeout=5
            )
        except psycopg.OperationalError as error:
            lacks(f"no PostgreSQL at {POSTGRESQL}: {error}")
        self.sql(f"CREATE SCHEMA {self.name}")
        self.sql(f"SET search_path = {self.name}")
        self.sql("SET synchronous_commit = off")

    def _all_tables(self) -> set[str]:
        rows = self.sql(f"SELECT tablename FROM pg_tables WHERE schemaname = '{self.name}'")
        return {name for (name,) in rows}

    def _end_others(self) -> None:
        self.sql(
            "SELECT pg_terminate_backend(locks.pid) FROM pg_locks AS locks "
            "JOIN pg_class ON pg_class.oid = relation "
            "JOIN pg_namespace ON pg_namespace.oid = relnamespace "
            f"WHERE nspname = '{self.name}' AND locks.pid <> pg_backend_pid()"
        )

    def clear(self) -> None:
        self._end_others()
        super().clear()

    def drop(self) -> None:
        self._end_others()
        self.sql(f"DROP SCHEMA {self.name} CASCADE")
        self._connection.close()


class MariaDBSchema(Schema):
    dialect = "mysql"

    def _connect(self) -> None:
        self._errors = pytest.importorskip("pymysql").err
        import pymysql
        from sqlalchemy import make_url

        url = make_url(f"mysql://{MARIADB}")
        try:
            self._connection = pymysql.connect(
                host=url.host,
                port=url.port or 3306,
                user=url.username,
                password=url.password or "",
                autocommit=True,
                ssl_disabled=True,
            )
        except pymysql.err.OperationalError as error:
            lacks(f"no MariaDB or MySQL at {url.host}:{url.port}: {error}")
        self.sql(f"CREATE DATABASE {self.name}")
        self._connection.select_db(self.name)
        self.sql("SET innodb_lock_wait_timeout = 5, lock_wait_timeout = 5")

    def _all_tables(self) -> set[str]:
        return {name for (name,) in self.sql("SHOW TABLES")}

    def clear(self) -> None:
        try:
            super().clear()
        except (
            self._errors.OperationalError
        ):  # Somebody has locked rows, and nobody will free them.
            self.is_spoiled = True

    def drop(self) -> None:
        for (number,) in self.sql(
            "SELECT id FROM information_schema.processlist "
            f"WHERE db = '{self.name}' AND id <> CONNECTION_ID()"
        ):
            try:
                self.sql(f"KILL {number}")
            except Exception as error:
                if error.args[0] != 1094:  # It has ended by itself.
                    raise
        self.sql(f"DROP DATABASE {self.name}")
        self._connection.close()


class Schemas:
    """The schemas of a process, from `open` to `close`; at other times each is used once."""

    def __init__(self) -> None:
        self._is_open = False
        self._free: dict[str, list[Schema]] = {}

    def open(self) -> None:
        self._is_open = True

    def close(self) -> None:
        self._is_open = False
        for schemas in self._free.values():
            while schemas:
                schemas.pop().drop()

    @contextmanager
    def lend(
        self, kind: str, make: Callable[[], Schema], create: Callable[[Schema], object]
    ) -> Iterator[Schema]:
        """A schema whose tables `create` has made, and are empty."""
        free = self._free.setdefault(kind, [])
        if free:
            schema = free.pop()
        else:
            schema = make()
            schema.prepare(create)
        try:
            yield schema
        finally:
            if self._is_open and not schema.is_spoiled:
                schema.clear()
            if self._is_open and not schema.is_spoiled:
                free.append(schema)
            else:
                schema.drop()


SCHEMAS = Schemas()


@contextmanager
def new_schema(make: Callable[[], Schema]) -> Iterator[Schema]:
    """A schema without tables."""
    schema = make()
    try:
        yield schema
    finally:
        schema.drop()


@contextmanager
def postgresql_schema() -> Iterator[str]:
    """The name of a new schema."""
    with new_schema(PostgreSQLSchema) as schema:
        yield schema.name


@contextmanager
def mariadb_database() -> Iterator[str]:
    """The address of a new database."""
    with new_schema(MariaDBSchema) as schema:
        yield f"{MARIADB}/{schema.name}"


def create_tables(schema: Schema) -> None:
    """Create the tables of the stores for SQLAlchemy, and one for handlers."""
    from clerk_hooks.stores.sqlalchemy import ddl

    for statement in (*ddl(schema.dialect), EFFECTS):
        schema.sql(statement)
