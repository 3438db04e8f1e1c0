"""`SQLAlchemyStore`: its own transactions, and those of the app that confirm a handler."""

import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Engine
from sqlalchemy.engine import Connection

from ...delivery import Delivery
from ...errors import ClerkHooksError
from ...idempotency import (
    DEFAULT_RETENTION,
    DEFAULT_TIMEOUT,
    checked_clock,
    checked_retention,
    checked_timeout,
)
from ...running_handler import RunningHandler, claimed_by
from .._own import GRACE, Absent, Block, confirm, find, why_absent
from .._spelling import SPELLINGS
from .._sql import Rules
from .._store import Kind, Result, SQLStore, Work
from ._dialects import text_of
from ._engines import Transactions, checked_engine
from ._errors import app_failures
from ._sessions import OwnSession
from ._tables import metadata

if TYPE_CHECKING:
    from sqlalchemy.orm import Session, scoped_session


class SQLAlchemyStore(SQLStore):
    """An `IdempotencyStore` in the database of `engine`: an `Engine` or a URL.

    Confirmed handlers are remembered for `retention`. A call that fails, or takes longer than
    `timeout`, raises `StoreUnavailable`. How long your own engine tries to connect, or waits for a
    free connection or the reply to a ping (``pool_pre_ping``), depends on its ``connect_args`` and
    ``pool_timeout``. `clock` returns the Unix time in seconds. The clocks of all machines must
    agree to well within a lease. The tables are created at first use unless `create_schema` is
    False; `metadata` and `ddl` are for migrations.

    A test that rolls everything back passes its `Connection` instead of an engine: claims and
    effects are then in the transaction of that connection, and go with it.

    Raises `ConfigurationError`.
    """

    _is_async = False

    def __init__(
        self,
        engine: Engine | URL | str | Connection,
        *,
        retention: timedelta = DEFAULT_RETENTION,
        timeout: timedelta = DEFAULT_TIMEOUT,
        create_schema: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        kept, seconds = checked_retention(retention), checked_timeout(timeout)
        checked = checked_engine(engine, seconds, is_async=self._is_async)
        tables = metadata if create_schema else None
        self._transactions = Transactions(checked, seconds, checked_clock(clock), tables=tables)
        self._owns_engine = isinstance(engine, (URL, str))
        super().__init__(Rules(kept, SPELLINGS[self._transactions.engine.dialect.name]))

    def close(self) -> None:
        """Close the connections of the engine that the store has made of a URL."""
        if self._owns_engine:
            self._transactions.engine.dispose()

    def transaction(
        self, delivery: Delivery, session: "Session | scoped_session[Any] | Connection"
    ) -> AbstractContextManager[None]:
        """The app's own transaction, for the ``with`` block that has the handler's effect.

        At the end of the block, the session is flushed, the handler is confirmed, and both are
        committed at once; on an error, everything is rolled back. Make it the innermost ``with``,
        and the last thing that happens on the session.

        Raises `ConfigurationError` for what cannot work, `ClaimLost` if another attempt has taken
        the handler over, and `StoreUnavailable`.
        """
        running = claimed_by(self, delivery, "transaction")
        return Block(running, self._steps(running, session))

    def confirm_in(
        self, delivery: Delivery, session: "Session | scoped_session[Any] | Connection"
    ) -> None:
        """Confirm the handler in the open transaction of `session`, which the app commits.

        The handler fails if it returns before that. A second call does nothing. Raises what
        `transaction` does.
        """
        self._join(claimed_by(self, delivery, "confirm_in"), session)

    def _run(self, work: Work[Result], kind: Kind = "write") -> Result:
        return self._transactions.run(work, kind)

    @contextmanager
    def _steps(self, running: RunningHandler, target: object) -> Generator[None]:
        own = OwnSession(target, self._transactions)
        try:
            with app_failures():
                bound = own.begin(running.remaining() + GRACE)
                transaction = self._transactions.open_on(own.connection)
                find(self._rules, running, transaction, *bound)
            yield
            own.flush()
            with app_failures(), own.leaving(is_single=running.mark is None) as condition:
                confirm(self._rules, running, transaction, condition)
            running.confirmed = True
        except Absent:
            place = self._place_of(own.connection)
            own.rollback()
            raise self._explained(running, place) from None
        except BaseException:
            own.rollback()
            raise

    def _join(self, running: RunningHandler, target: object) -> None:
        """Confirm in the open transaction of `target`."""
        own = OwnSession(target, self._transactions)
        try:
            with app_failures(), own.joined(running.remaining() + GRACE):
                confirm(self._rules, running, self._transactions.open_on(own.connection))
            running.to_check = True
        except Absent:
            raise self._explained(running, self._place_of(own.connection)) from None

    def _place_of(self, connection: Connection) -> str:
        """Which database a transaction is in, if its snapshot may be older than a claim."""
        query = self._transactions.dialect.place
        may_be_old, place = connection.execute(text_of(query)).one() if query else (False, "")
        return str(place) if may_be_old else ""

    def _explained(self, running: RunningHandler, place: str) -> ClerkHooksError:
        """Why the claim is absent from a transaction in `place`."""
        query, records = self._transactions.dialect.place, self.show(running.message_id)
        is_here = bool(place) and self._run(
            lambda transaction: transaction.execute(query, {}).fetchall()[0][1] == place, "read"
        )
        return why_absent(running, records, is_here=is_here)
