"""`SQLAlchemyInbox`: the rules of an inbox, in transactions on an engine."""

import time
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import URL, Engine
from sqlalchemy.engine import Connection

from ...errors import ConfigurationError
from ...idempotency import (
    DEFAULT_RETENTION,
    DEFAULT_TIMEOUT,
    checked_clock,
    checked_retention,
    checked_timeout,
)
from ...stores._store import Kind, Result, Work
from ...stores.sqlalchemy._engines import Transactions, checked_engine
from .._inbox import SQLInbox
from .._spelling import spelling
from .._statements import Statements
from ._tables import metadata


class SQLAlchemyInbox(SQLInbox):
    """An `Inbox` in the database of `engine`: an `Engine` or a URL.

    Done messages are remembered for `retention`, dead ones for 30 days. A call that fails, or takes
    longer than `timeout`, raises `QueueUnavailable`. How long your own engine tries to connect, or
    waits for a free connection or the reply to a ping (``pool_pre_ping``), depends on its
    ``connect_args`` and ``pool_timeout``. The tables are created at first use unless
    `create_schema` is False; `metadata` and `ddl` are for migrations.

    Times are those of the database's own clock; of SQLite, the machine's. For tests, `clock`
    returns the Unix time in seconds.

    Raises `ConfigurationError`.
    """

    _is_async = False

    def __init__(
        self,
        engine: Engine | URL | str,
        *,
        retention: timedelta = DEFAULT_RETENTION,
        timeout: timedelta = DEFAULT_TIMEOUT,
        create_schema: bool = True,
        clock: Callable[[], float] | None = None,
    ) -> None:
        kept, seconds = checked_retention(retention), checked_timeout(timeout)
        checked = checked_engine(engine, seconds, is_async=self._is_async, kind="Inbox")
        if isinstance(checked, Connection):
            raise ConfigurationError(
                "engine: an inbox commits what it accepts, so it needs connections of its own: "
                "pass an engine or a URL"
            )
        name = checked.dialect.name
        has_clock = clock is not None or name == "sqlite"
        self._transactions = Transactions(
            checked,
            seconds,
            checked_clock(clock or time.time),
            tables=metadata if create_schema else None,
            isolates=True,
        )
        self._owns_engine = isinstance(engine, (URL, str))
        super().__init__(kept, Statements(spelling(name, has_clock=has_clock)))

    def close(self) -> None:
        """Close the connections of the engine that the inbox has made of a URL."""
        if self._owns_engine:
            self._transactions.engine.dispose()

    def _run(self, work: Work[Result], kind: Kind) -> Result:
        return self._transactions.run(work, kind)
