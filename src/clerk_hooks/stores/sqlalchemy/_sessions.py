"""The app's `Session` or `Connection`, as the transaction in which a handler is confirmed."""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError, UnboundExecutionError
from sqlalchemy.orm import Session, scoped_session

from ...errors import ConfigurationError
from .._own import another_database, ended_inside
from .._spelling import STATEMENT_BEFORE
from ._dialects import Bound, is_autocommit
from ._engines import Transactions
from ._watchdog import watched


class OwnSession:
    """A session or connection of the app, on the database of the store's own `transactions`."""

    connection: Connection

    def __init__(self, target: object, transactions: Transactions) -> None:
        if isinstance(target, scoped_session):
            target = target()  # pyright: ignore[reportUnknownVariableType] - of any session class
        if not isinstance(target, (Session, Connection)):
            raise ConfigurationError(
                "session must be a Session, a scoped_session or a Connection; async ones are for "
                f"AsyncSQLAlchemyStore, and only for it; this is a {type(target).__name__}",  # pyright: ignore[reportUnknownArgumentType] - as above
                reason="wrong_session",
            )
        self._target = target
        self._end: Any = target  # What is committed or rolled back.
        self._ours = transactions
        self._has_begun = False

    def begin(self, idle: float) -> Bound:
        """Begin a transaction that is to be ended here, and that may stand still for `idle` s.

        Raises `ConfigurationError`.
        """
        is_first = not self._connections()
        self._connect()
        if self._ours.home is None:
            if not is_first and self.connection.dialect.name == "sqlite":
                raise ConfigurationError(STATEMENT_BEFORE, reason="statement_before")
            self._ours.dialect.lock(self.connection)
        elif self.connection is self._target:
            self._end = self.connection.begin_nested()
        self._roots = self._current()
        self._has_begun = True
        return self._ours.dialect.enter(self.connection, idle)

    @contextmanager
    def leaving(self, *, is_single: bool) -> Generator[Bound]:
        """The end of that transaction, in which waiting is limited; then it is committed.

        The value is a condition for the confirmation, if that `is_single`, a single statement.
        Raises `ConfigurationError` if it is another transaction by now.
        """
        if self._current() != self._roots or not getattr(self._target, "is_active", True):
            raise ended_inside()
        dialect, seconds = self._ours.dialect, self._ours.timeout / 2
        # Two statements may have to wait: for a mark, and for a claim.
        condition = dialect.last(seconds) if is_single else Bound()
        with watched(self.connection, self._ours.timeout):
            undo = "" if condition.sql else dialect.leave(self.connection, seconds)
            with self._undoing(undo):
                yield condition
            self._end.commit()

    @contextmanager
    def joined(self, idle: float) -> Generator[None]:
        """The transaction that the app has begun and ends. Raises `ConfigurationError`."""
        self._connect()
        seconds = self._ours.timeout
        with watched(self.connection, seconds):
            undo = self._ours.dialect.join(self.connection, idle, seconds / 2)
            with self._undoing(undo):
                yield

    def flush(self) -> None:
        """Send what is still in a session to the database."""
        if isinstance(self._target, Session):
            self._target.flush()

    def rollback(self) -> None:
        """Roll back what was begun. The error that led here matters more than any from here."""
        if self._has_begun:
            with suppress(SQLAlchemyError, OSError):
                self._end.rollback()

    def _connect(self) -> None:
        """Find or begin the transaction, and refuse one that cannot work."""
        try:
            self.connection = (
                self._target.connection() if isinstance(self._target, Session) else self._target
            )
        except UnboundExecutionError:
            raise ConfigurationError(
                "session: it is not bound to one engine", reason="wrong_session"
            ) from None
        if not self.connection.in_transaction():
            self.connection.begin()
        home, name = self._ours.home, self._ours.engine.dialect.name
        if self.connection.dialect.name != name or home not in (None, self.connection):
            raise another_database()
        if home is None and is_autocommit(self.connection):
            raise ConfigurationError(
                "session: with AUTOCOMMIT, each statement is committed by itself",
                reason="autocommit",
            )
        found = self._connections().get(self.connection)
        is_durable = found is None or (found[2] and found[1] is self.connection.get_transaction())
        if home is None and not is_durable:
            raise ConfigurationError(
                "session: it is bound to a Connection that has a transaction around it, so its "
                "commit is not durable; for a test that rolls back, use "
                "SQLAlchemyStore(connection)",
                reason="outer_transaction",
            )

    @contextmanager
    def _undoing(self, limit: str) -> Generator[None]:
        try:
            yield
        finally:
            if limit:
                with suppress(SQLAlchemyError):  # The transaction or the connection has failed.
                    self.connection.exec_driver_sql(limit)

    def _connections(self) -> dict[Any, tuple[Any, ...]]:
        """Those in use by the session: each with its transaction, and whether that is committed."""
        transaction: Any = (
            self._target.get_transaction() if isinstance(self._target, Session) else None
        )
        # SQLAlchemy has no other way to ask for this, nor has it changed since 1.4.
        return {} if transaction is None else transaction._connections  # noqa: SLF001

    def _current(self) -> tuple[object, object]:
        session = self._target if isinstance(self._target, Session) else None
        return session and session.get_transaction(), self.connection.get_transaction()
