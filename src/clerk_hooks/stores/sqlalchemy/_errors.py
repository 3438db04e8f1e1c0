"""The errors of databases and drivers: `StoreUnavailable`, which says what is known to help."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ...errors import StoreUnavailable
from .._own import another_database, ended_inside
from .._spelling import CLAIMS
from .._store import Busy
from ._dialects import FIRST_STATEMENTS

# Two transactions deadlocked or could not be serialized: the states of PostgreSQL and standard SQL,
# and the numbers of MySQL and MariaDB. The transaction that failed was rolled back.
_CONFLICTS = frozenset({"40001", "40P01", 1213, 1020})
# A statement was prepared on another connection, or one of its name was prepared by another client.
_POOLED = frozenset({"42P05", "26000"})
_POOLER_CURES = {
    "psycopg": 'pass connect_args={"prepare_threshold": None} to create_engine',
    "asyncpg": "add ?prepared_statement_cache_size=0 to the URL, and pass poolclass=NullPool, "
    'connect_args={"statement_cache_size": 0} to create_async_engine',
}
_NO_TABLE = frozenset({"42P01", 1146})
_ABORTED = "25P02"


@contextmanager
def failures() -> Generator[None]:
    """Turn errors of SQLAlchemy and the drivers into `StoreUnavailable`, without SQL or values."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise _unavailable(error) from getattr(error, "orig", error)


@contextmanager
def app_failures() -> Generator[None]:
    """Like `failures`, in a transaction of the app: leaves what its own rows or code caused."""
    try:
        yield
    except (IntegrityError, DataError):
        raise
    except DBAPIError as error:
        code = _code(error.orig)
        if code in _NO_TABLE or f"no such table: {CLAIMS}" in str(error.orig):
            raise another_database() from error.orig
        if code == _ABORTED:
            raise ended_inside(
                ". An error that was caught has ended it: use a savepoint (begin_nested) for that"
            ) from error.orig
        raise _unavailable(error) from error.orig
    except (PoolTimeout, OSError) as error:
        raise _unavailable(error) from error


def is_worth_another(error: DBAPIError) -> bool:
    """Whether nothing was done: a conflict rolled it back, or the pooled connection was dead."""
    is_first = (error.statement or "").startswith(FIRST_STATEMENTS)
    return (error.connection_invalidated and is_first) or _code(error.orig) in _CONFLICTS


def remaining(deadline: float) -> float:
    """Seconds until `deadline` (monotonic clock). Raises `StoreUnavailable` after it."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise StoreUnavailable("the database: timed out")
    return seconds


def _unavailable(error: BaseException) -> StoreUnavailable:
    if isinstance(error, PoolTimeout):
        return StoreUnavailable("the database: the pool has no free connection")
    if not isinstance(error, DBAPIError):
        return StoreUnavailable(f"the database: {type(error).__name__}")
    cause: Any = error.orig
    if "database is locked" in str(cause):
        return Busy("the database: it is locked")
    code = _code(cause)
    kind = type(cause).__name__ if code is None else f"{type(cause).__name__} ({code})"
    if code not in _POOLED:
        return StoreUnavailable(f"the database: {kind}")
    modules = {kind.__module__ for kind in type(cause).__mro__} | {type(cause.__cause__).__module__}
    drivers = {module.partition(".")[0] for module in modules}
    cures = [cure for driver, cure in _POOLER_CURES.items() if driver in drivers]
    return StoreUnavailable(
        f"the database: {kind}. A pooler such as PgBouncer gives each transaction another "
        "connection, which breaks prepared statements: "
        + "; or ".join(cures or _POOLER_CURES.values())
    )


def _code(error: BaseException | None) -> "str | int | None":
    """The number from MySQL's drivers, whose states say less, or the state from PostgreSQL's."""
    number = error.args[0] if error is not None and error.args else None
    if isinstance(number, int):
        return number
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return state if isinstance(state, str) else None
