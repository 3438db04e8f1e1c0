"""How each database spells the parts of an inbox that standard SQL lacks."""

from typing import NamedTuple

from ..stores._spelling import SPELLINGS as STORES
from ..stores._spelling import Spelling as StoreSpelling

MESSAGES = "clerk_hooks_messages"
WORKERS = "clerk_hooks_workers"
INDEX = f"{MESSAGES}_due_at"
PAYLOAD_SIZE = 16_777_215
"""Bytes of a payload, at most. (Without a size, MySQL's type for it would end at 65,535.)"""


class Spelling(NamedTuple):
    """The spelling of one database; the defaults are those of SQLite."""

    insert: str = "INSERT INTO"
    or_nothing: str = "ON CONFLICT DO NOTHING"
    lock: str = ""
    """Ends a SELECT that locks its rows. (In SQLite, whoever writes has locked everything.)"""
    lock_free: str = ""
    """Ends a SELECT that locks its rows, but passes over those that somebody else has locked."""
    by_index: str = ""
    """Makes a SELECT read by the index: MySQL, in a small table, would rather lock all rows."""
    now: str = ":now"
    """The time of the statement in Unix seconds: by the machine's clock, or by the database's."""
    delete_some: str = (
        "DELETE FROM {table} WHERE message_id IN "
        "(SELECT message_id FROM {table} WHERE {which} ORDER BY due_at LIMIT :count)"
    )


def spelling(database: str, *, has_clock: bool) -> Spelling:
    """The spelling for a `database`, by its name in SQLAlchemy and Django.

    If `has_clock`, the time is the parameter ``:now``, else that of the database's own clock.
    """
    found = _SPELLINGS[database]
    # With its type, as PostgreSQL cannot tell that of the sum of two parameters.
    given = "CAST(:now AS double precision)" if database == "postgresql" else ":now"
    return found._replace(now=given) if has_clock else found


def _of(store: StoreSpelling, now: str, delete_some: str, by_index: str = "") -> Spelling:
    lock, lock_free = store.read_locked, store.read_unlocked or ""
    return Spelling(store.insert, store.or_nothing, lock, lock_free, by_index, now, delete_some)


_POSTGRESQL = _of(
    STORES["postgresql"],
    # Not clock_timestamp(), which changes during a statement: no index serves comparisons with it.
    "CAST(extract(epoch FROM statement_timestamp()) AS double precision)",
    Spelling().delete_some.replace(":count)", ":count FOR UPDATE SKIP LOCKED)"),
)
_MYSQL = _of(
    STORES["mysql"],
    # UNIX_TIMESTAMP(NOW(6)) is wrong by an hour in one night of each year.
    "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) / 1e6)",
    "DELETE FROM {table} WHERE {which} ORDER BY due_at LIMIT :count",
    " FORCE INDEX ({index})",
)
_SPELLINGS = {
    "postgresql": _POSTGRESQL,
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
    "sqlite": Spelling(),
}
