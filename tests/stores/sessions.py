"""What the apps under test have: sessions and connections of every kind, in handlers alike.

A handler is made of a step: a function of its `Work`, which is synchronous whatever the kind of the
session; with an async session it runs in `run_sync`. (This module imports nothing from its
neighbours, because processes without the package use it, too.)
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, closing, contextmanager
from typing import Any

from clerk_hooks import Delivery

INSERT = "INSERT INTO effects (message_id) VALUES (:m)"


class Work:
    """The app's session, and how a step of a handler uses it."""

    def __init__(
        self, session: Any, delivery: Delivery, confirm: Callable[[], object] | None = None
    ) -> None:
        self.session = session
        self.delivery = delivery
        self.is_low_level = confirm is not None
        """Whether the step is to confirm and commit by itself."""
        self.confirm = confirm or (lambda: None)
        """`confirm_in`, awaited where that is needed."""

    def write(self, value: str | None = None) -> None:
        """Write the message id, or another value, into the table ``effects``."""
        self.execute(INSERT, {"m": value or self.delivery.message_id})

    def execute(self, statement: str, parameters: dict[str, Any] | None = None) -> Any:
        if isinstance(self.session, sqlite3.Connection):
            return self.session.execute(statement, parameters or {})
        from sqlalchemy import text

        return self.session.execute(text(statement), parameters or {})

    def commit(self) -> None:
        self.session.commit()

    def rollback(self) -> None:
        self.session.rollback()

    @contextmanager
    def savepoint(self) -> Iterator[Any]:
        """A savepoint, which an error rolls back."""
        if not isinstance(self.session, sqlite3.Connection):
            with self.session.begin_nested() as savepoint:
                yield savepoint
            return
        self.session.execute("SAVEPOINT the_apps_own")
        try:
            yield None
        except BaseException:
            self.session.execute("ROLLBACK TO the_apps_own")
            raise
        finally:
            self.session.execute("RELEASE the_apps_own")


Step = Callable[[Work], object]
Open = Callable[[], AbstractContextManager[Any]]
"""Opens what a handler works with, and closes it."""


def sync_handler(store: Any, open_: Open, step: Step, way: str) -> Callable[..., None]:
    """A handler that takes the step in a session of its own, with `transaction` or `confirm_in`."""

    def handler(event: object, delivery: Delivery) -> None:
        with open_() as session:
            if way == "transaction":
                with store.transaction(delivery, session):
                    step(Work(session, delivery))
            else:
                step(Work(session, delivery, lambda: store.confirm_in(delivery, session)))

    return handler


def async_handler(store: Any, open_: Any, step: Step, way: str) -> Callable[..., Any]:
    """The same for async sessions."""
    from sqlalchemy.util import await_only

    async def handler(event: object, delivery: Delivery) -> None:
        async with open_() as session:

            def confirm() -> None:
                await_only(store.confirm_in(delivery, session))

            def run(sync_session: Any) -> None:
                step(Work(sync_session, delivery, None if way == "transaction" else confirm))

            run_sync = getattr(session, "registry", lambda: session)().run_sync

            if way == "transaction":
                async with store.transaction(delivery, session):
                    await run_sync(run)
            else:
                await run_sync(run)

    return handler


def handler(store: Any, open_: Any, step: Step, way: str) -> Callable[..., Any]:
    make = sync_handler if hasattr(store, "claim") else async_handler
    return make(store, open_, step, way)


SYNC_KINDS = [
    "Session",
    "Session.begin",
    "sessionmaker",
    "sessionmaker.begin",
    "scoped_session",
    "Connection",
    "Engine.begin",
]
ASYNC_KINDS = [
    "AsyncSession",
    "async_sessionmaker",
    "async_sessionmaker.begin",
    "async_scoped_session",
    "AsyncConnection",
    "AsyncEngine.begin",
]
SQLITE_KINDS = ["sqlite3", "sqlite3, isolation_level=None"]


def sync_openers(engine: Any) -> dict[str, Open]:
    """How apps with SQLAlchemy come by a session or a connection."""
    from sqlalchemy.orm import Session, scoped_session, sessionmaker

    scoped = scoped_session(sessionmaker(engine))

    @contextmanager
    def scope() -> Iterator[Any]:
        try:
            yield scoped
        finally:
            scoped.remove()

    @contextmanager
    def begun() -> Iterator[Any]:
        with Session(engine) as session, session.begin():
            yield session

    return {
        "Session": lambda: Session(engine),
        "Session.begin": begun,
        "sessionmaker": sessionmaker(engine),
        "sessionmaker.begin": sessionmaker(engine).begin,
        "scoped_session": scope,
        "Connection": engine.connect,
        "Engine.begin": engine.begin,
    }


def async_openers(engine: Any) -> dict[str, Any]:
    """The same for async engines."""
    import asyncio

    from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session, async_sessionmaker

    scoped = async_scoped_session(async_sessionmaker(engine), asyncio.current_task)

    @asynccontextmanager
    async def scope() -> Any:
        try:
            yield scoped
        finally:
            await scoped.remove()

    return {
        "AsyncSession": lambda: AsyncSession(engine),
        "async_sessionmaker": async_sessionmaker(engine),
        "async_sessionmaker.begin": async_sessionmaker(engine).begin,
        "async_scoped_session": scope,
        "AsyncConnection": engine.connect,
        "AsyncEngine.begin": engine.begin,
    }


def sqlite_openers(path: str) -> dict[str, Open]:
    """How apps without SQLAlchemy come by a connection."""
    return {
        "sqlite3": lambda: closing(sqlite3.connect(path)),
        "sqlite3, isolation_level=None": lambda: closing(
            sqlite3.connect(path, isolation_level=None)
        ),
    }
