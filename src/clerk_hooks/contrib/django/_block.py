"""The transaction of a handler on a connection of Django's: where it begins, and how it may end."""

from math import ceil

from django.db import Error, transaction

from ...errors import ConfigurationError
from ...stores._own import GRACE, ended_inside
from ._database import Database, code_of
from ._tables import CLAIMS

_SAVEPOINT = "clerk_hooks"
_TAKE_LOCK = f"DELETE FROM {CLAIMS} WHERE 1 = 0"  # noqa: S608
"""Gives the lock for writing to a transaction of SQLite's, which Django begins without it."""

# In milliseconds: the smaller of the connection's own limit and this one. 0 stands for no limit.
_BOUND = (
    "(SELECT set_config(name, CAST(least(nullif(CAST(setting AS bigint), 0), {limit}) AS text), "
    "true) FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout')"
)

# By the states of PostgreSQL, and the number of MySQL and MariaDB.
_NO_SAVEPOINT = frozenset({"3B001", "25P01", 1305})
_FAILED = "25P02"


def begin(database: Database) -> None:
    """Prepare the ``atomic`` block that has just begun, so that `check_end` can judge it."""
    if database.connection.vendor == "sqlite":
        database.execute(_TAKE_LOCK)
    database.execute(f"SAVEPOINT {_SAVEPOINT}")  # Gone once the transaction has ended.


def check_end(database: Database) -> None:
    """Raise `ConfigurationError` if the block's transaction cannot be committed as it is."""
    if database.connection.closed_in_transaction:
        raise ended_inside()
    try:
        database.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
    except Error as error:
        is_broken = isinstance(error, transaction.TransactionManagementError)
        if is_broken or code_of(error) == _FAILED:
            raise ConfigurationError(
                "transaction: a statement in the block failed and its error was caught, or the "
                "block was marked for rollback: put what may fail into an inner atomic()",
                reason="transaction_ended",
            ) from error
        if code_of(error) in _NO_SAVEPOINT or "no such savepoint" in str(error):
            raise ended_inside() from error
        raise


def bound(database: Database, seconds: float) -> str:
    """A column that makes PostgreSQL end the transaction if it stands still; elsewhere empty.

    A process that is frozen in its block then does not hold up its successor. Around a test there
    is no limit, because it would outlast the block.
    """
    if database.connection.vendor != "postgresql" or database.is_test():
        return ""
    return _BOUND.format(limit=ceil(1000 * (seconds + GRACE)))
