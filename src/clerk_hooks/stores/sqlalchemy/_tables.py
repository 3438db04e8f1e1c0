"""The tables of `SQLAlchemyStore`, for `create_all`, for Alembic and, as SQL, for other migrations.

Names and keys are compared byte by byte everywhere. MySQL and MariaDB need a collation for that.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, MetaData, String, Table
from sqlalchemy.engine import Connection
from sqlalchemy.engine.url import URL
from sqlalchemy.exc import DBAPIError, NoSuchModuleError
from sqlalchemy.schema import CreateIndex, CreateTable

from ...errors import ConfigurationError
from .._spelling import CLAIMS, KEY_LENGTH, MARKS

OPTIONS: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (
        ("engine", "InnoDB"),
        ("default_charset", "utf8mb4"),
        ("collate", "utf8mb4_bin"),
    )
}
"""Options of a table whose keys are compared byte by byte."""
_OPTIONS: dict[str, Any] = {"sqlite_with_rowid": False, **OPTIONS}

metadata = MetaData()
"""The tables. In Alembic, add this to your own metadata in the list ``target_metadata``."""

claims = Table(
    CLAIMS,
    metadata,
    Column("message_id", String(KEY_LENGTH), primary_key=True),
    Column("handler", String(KEY_LENGTH), primary_key=True),
    Column("token", String(32), nullable=False),
    Column("leased_until", Double),  # Unix seconds.
    Column("forget_at", Double, nullable=False),  # Unix seconds.
    Column("object_key", String(KEY_LENGTH)),
    **_OPTIONS,
)
Index(f"{CLAIMS}_forget_at", claims.c.forget_at)
Index(
    f"{CLAIMS}_object_key",
    claims.c.object_key,
    postgresql_where=claims.c.object_key.is_not(None),
    sqlite_where=claims.c.object_key.is_not(None),
)

marks = Table(
    MARKS,
    metadata,
    Column("object_key", String(KEY_LENGTH), primary_key=True),
    Column("newest_at", BigInteger),  # Unix milliseconds.
    Column("is_deleted", Boolean, nullable=False),
    Column("forget_at", Double, nullable=False),  # Unix seconds.
    **_OPTIONS,
)
Index(f"{MARKS}_forget_at", marks.c.forget_at)


def ddl(dialect: str) -> list[str]:
    """Return the statements that create the tables and their indexes, for migrations in SQL.

    `dialect` is ``postgresql``, ``mysql``, ``mariadb`` or ``sqlite``. Raises `ConfigurationError`.
    """
    return ddl_of(metadata, dialect)


def ddl_of(tables: MetaData, dialect: str) -> list[str]:
    """Return the statements that create `tables`. Raises `ConfigurationError`."""
    try:
        target = URL.create(dialect).get_dialect()()
    except NoSuchModuleError:
        raise ConfigurationError(f"dialect: SQLAlchemy has no dialect {dialect!r}") from None
    statements: list[str] = []
    for table in tables.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=target)).strip())
        statements += [
            str(CreateIndex(index).compile(dialect=target))
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        ]
    return statements


def create(connection: Connection, tables: MetaData, begin: Callable[[Connection], None]) -> None:
    """Create the missing tables and indexes, while other processes may be doing the same."""
    # SQLite's `begin` keeps the others out, so that no statement fails. One that fails keeps its
    # cursor until the garbage collector runs, which then waits for the lock of its connection: on
    # an event loop, that stops those who have the file's lock.
    for attempt in range(5):
        try:
            begin(connection)
            for table in tables.sorted_tables:
                table.create(connection, checkfirst=True)
                for index in table.indexes:
                    index.create(connection, checkfirst=True)
            connection.commit()
            break
        except DBAPIError as error:  # Another process was probably faster: look again.
            connection.rollback()
            if attempt == 4 or error.connection_invalidated:
                raise
