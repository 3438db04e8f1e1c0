"""How each database spells the parts of the rules that standard SQL lacks."""

from typing import NamedTuple

CLAIMS = "clerk_hooks_claims"
MARKS = "clerk_hooks_marks"
KEY_LENGTH = 255
"""Characters in a message id (longer ids are refused), a handler's name or an object's key."""


class Spelling(NamedTuple):
    """The spelling of one database; the defaults are those of SQLite."""

    insert: str = "INSERT INTO"
    or_nothing: str = "ON CONFLICT DO NOTHING"
    or_lock: str = "ON CONFLICT DO NOTHING"
    read_locked: str = ""
    """Ends a SELECT that locks a mark. (In SQLite, whoever writes has locked everything.)"""
    read_unlocked: str | None = None
    """Ends a SELECT that locks a claim, but passes over one that somebody else has locked."""
    read_newest: str | None = None
    """Ends a SELECT that sees what was committed after the transaction's snapshot."""
    delete_some: str = (
        "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} "
        "WHERE forget_at <= :now ORDER BY forget_at LIMIT :count)"
    )


_POSTGRESQL = Spelling(
    # An update that changes nothing would lock in one statement, but make serializable
    # transactions fail.
    read_locked=" FOR UPDATE",
    read_unlocked=" FOR UPDATE SKIP LOCKED",
    delete_some=Spelling().delete_some.replace(":count)", ":count FOR UPDATE SKIP LOCKED)"),
)
_MYSQL = Spelling(
    insert="INSERT IGNORE INTO",
    or_nothing="",
    # INSERT IGNORE would take a shared lock; two that have it wait for each other to write.
    or_lock="ON DUPLICATE KEY UPDATE object_key = object_key",
    # A plain SELECT shows the rows as they were at the transaction's first read.
    read_locked=" FOR UPDATE",
    read_unlocked=" FOR UPDATE SKIP LOCKED",
    read_newest=" LOCK IN SHARE MODE",
    delete_some="DELETE FROM {table} WHERE forget_at <= :now ORDER BY forget_at LIMIT :count",
)
SPELLINGS = {
    "postgresql": _POSTGRESQL,
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
    "sqlite": Spelling(),
}
"""The spellings, by the database's name in SQLAlchemy and Django."""

TAKE_LOCK = f"DELETE FROM {CLAIMS} WHERE 1 = 0"  # noqa: S608
"""Gives the lock for writing to a transaction that SQLite's driver itself has begun."""

STATEMENT_BEFORE = (
    "transaction: a statement was sent before, and a transaction of SQLite that begins by reading "
    "may never get to write: put the statement into the block, or commit before the block"
)
"""Why a transaction on SQLite must begin with the lock for writing."""
