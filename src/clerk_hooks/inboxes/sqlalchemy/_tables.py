"""The tables of `SQLAlchemyInbox`, for `create_all`, for Alembic and, as SQL, for other migrations.

Ids are compared byte by byte everywhere. MySQL and MariaDB need a collation for that, and sizes for
what may be longer than 65,535 bytes.
"""

from sqlalchemy import Column, Double, Index, Integer, LargeBinary, MetaData, String, Table, Text
from sqlalchemy.dialects.mysql import MEDIUMBLOB, MEDIUMTEXT

from ...stores._spelling import KEY_LENGTH
from ...stores.sqlalchemy._tables import OPTIONS, ddl_of
from .._spelling import INDEX, MESSAGES, PAYLOAD_SIZE, WORKERS

# By its name, as Alembic takes a size for another type.
_BYTES = LargeBinary(PAYLOAD_SIZE).with_variant(MEDIUMBLOB(), "mysql", "mariadb")
_TEXT = Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb")

metadata = MetaData()
"""The tables. In Alembic, add this to your own metadata in the list ``target_metadata``."""

messages = Table(
    MESSAGES,
    metadata,
    Column("message_id", String(KEY_LENGTH), primary_key=True),
    Column("attempted_at", Double, nullable=False),  # Unix seconds, as all times.
    Column("event_type", String(KEY_LENGTH)),
    Column("payload", _BYTES),
    Column("carrier", _TEXT, nullable=False),  # JSON.
    Column("accepted_at", Double, nullable=False),
    Column("state", String(9), nullable=False),
    Column("due_at", Double, nullable=False),
    Column("takes", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("put_backs", Integer, nullable=False),
    Column("done", _TEXT, nullable=False),  # JSON.
    Column("reason", _TEXT, nullable=False),
    Column("token", String(32)),
    **OPTIONS,
)
Index(INDEX, messages.c.state, messages.c.due_at)

workers = Table(
    WORKERS,
    metadata,
    Column("name", String(KEY_LENGTH), primary_key=True),
    Column("slots", Integer, nullable=False),
    Column("running", Integer, nullable=False),
    Column("seen_at", Double, nullable=False),
    sqlite_with_rowid=False,
    **OPTIONS,
)


def ddl(dialect: str) -> list[str]:
    """Return the statements that create the tables and their indexes, for migrations in SQL.

    `dialect` is ``postgresql``, ``mysql``, ``mariadb`` or ``sqlite``. Raises `ConfigurationError`.
    """
    return ddl_of(metadata, dialect)
