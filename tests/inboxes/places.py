"""Where the inboxes under test keep their messages: one place of each kind for all tests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import connections
from sqlalchemy import create_engine, event

from clerk_hooks import Delivery
from clerk_hooks.inboxes.sqlalchemy import AsyncSQLAlchemyInbox, SQLAlchemyInbox
from clerk_hooks.inboxes.sqlite import SQLiteInbox
from clerk_hooks.messages import Message, Step

from ..django_databases import alias_of, create_tables
from ..stores.backends import ASYNC_SQL, SYNC_SQL, Clock
from ..stores.schemas import POSTGRESQL, mariadb_database, postgresql_schema
from ..stores.worker import async_engine

LEASE = timedelta(seconds=60)
PAYLOAD = b'{"type": "user.created", "data": {"id": "user_1"}}'
KINDS = ["sqlite", *SYNC_SQL, *ASYNC_SQL, "django-sqlite", "django-psycopg", "django-pymysql"]
"""All kinds of inboxes, with the databases and drivers."""


class Place:
    """Tables that all tests of a kind share, one after the other."""

    def __init__(self, kind: str, url: str) -> None:
        self.kind = kind
        self.url = url
        self._opened: list[Any] = []
        self._own: Any = None
        self.is_django = kind.startswith("django")
        self._messages, self._workers = "clerk_hooks_messages", "clerk_hooks_workers"
        if self.is_django:
            create_tables(url)
            self._messages, self._workers = "clerk_hooks_message", "clerk_hooks_worker"
            return
        if kind in SYNC_SQL:
            self._engine: Any = create_engine(url)
        elif kind in ASYNC_SQL:
            self._engine = async_engine(url)
            self.loop = Loop()
        if "sqlite:" in url or "aiosqlite:" in url:
            event.listen(getattr(self._engine, "sync_engine", self._engine), "connect", hasten)

    def open(self, **options: Any) -> Any:
        """One more inbox there, which is synchronous whatever its kind."""
        if self.kind == "sqlite":
            inbox: Any = SQLiteInbox(self.url, **options)
            inbox._acceptor._is_durable = False  # The tests need not wait for the disk.
            self._opened.append(inbox)
        elif self.kind in SYNC_SQL:
            inbox = SQLAlchemyInbox(self._engine, **options)
        elif self.is_django:
            inbox = OfThread(self.url, **options)
        else:
            inbox = Awaited(AsyncSQLAlchemyInbox(self._engine, **options), self.loop.run)
        return inbox

    def fill(self, number: int, **columns: Any) -> None:
        """Write rows, quickly, that have been due for long."""
        row = {"message_id": "", "attempted_at": 1.0, "payload": b"{}", "carrier": "{}"}
        row |= {"accepted_at": 1.0, "state": "waiting", "due_at": 1.0, "takes": 0, "failures": 0}
        row |= {"put_backs": 0, "done": "[]", "reason": "", **columns}
        names, values = ", ".join(row), ", ".join(f":{name}" for name in row)
        rows = ", ".join(
            f"({values.replace(':message_id', f':message_id{n}')})" for n in range(number)
        )
        row |= {f"message_id{n}": f"msg_{n}" for n in range(number)}
        statement = f"INSERT INTO {self._messages} ({names}) VALUES {rows}"
        self._do(lambda work: work.execute(statement, row))

    def count_workers(self) -> int:
        """The number of rows of workers."""
        query = f"SELECT COUNT(*) FROM {self._workers}"
        rows = self._do(lambda work: work.execute(query, {}).fetchall())
        return int(rows[0][0])

    def drop_tables(self) -> None:
        """Drop the tables, which an inbox that is opened after this makes again."""
        self._do(lambda work: work.execute("DROP TABLE clerk_hooks_messages", {}))
        self._do(lambda work: work.execute("DROP TABLE clerk_hooks_workers", {}))
        self._own = None

    def _do(self, work: Any) -> Any:
        if self._own is None:
            self._own = self.open()
            self._own.status()
        return self._own._run(work, "write")

    def clear(self) -> None:
        """Delete all rows."""
        self._do(lambda work: work.execute(f"DELETE FROM {self._messages}", {}))
        self._do(lambda work: work.execute(f"DELETE FROM {self._workers}", {}))

    def close(self) -> None:
        """Close what was opened."""
        self._own = None
        while self._opened:
            self._opened.pop().close()

    def end(self) -> None:
        """Close everything."""
        self.close()
        if self.kind in SYNC_SQL:
            self._engine.dispose()
        elif self.is_django:
            connections[alias_of(self.url)].close()
        elif self.kind in ASYNC_SQL:
            self.loop.run(self._engine.dispose())
            self.loop.stop()


def hasten(connection: Any, _: object) -> None:
    """Do not wait for the disk."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous = OFF")
    cursor.close()


class OfThread:
    """A `DjangoInbox` for threads that come and go, whose connections are closed each time."""

    def __init__(self, url: str, **options: Any) -> None:
        from clerk_hooks.contrib.django import DjangoInbox

        self._alias = alias_of(url)
        self.inbox = DjangoInbox(self._alias, **options)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            try:
                return getattr(self.inbox, name)(*arguments, **options)
            finally:
                if threading.current_thread() is not threading.main_thread():
                    connections[self._alias].close()

        return call


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


class Awaited:
    """An inbox that is only awaited, on the loop of its place."""

    def __init__(self, inbox: Any, run: Callable[[Any], Any]) -> None:
        self.inbox = inbox
        self._await = run

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.inbox, f"a{name}")
        return lambda *arguments, **options: self._await(method(*arguments, **options))

    def _run(self, work: Any, kind: Any) -> Any:
        return self._await(self.inbox._in_time(lambda: self.inbox._inbox._run(work, kind)))


@contextmanager
def place_of(kind: str, folder: Path) -> Iterator[Place]:
    """A place for inboxes of a kind."""
    with url_of(kind, folder) as url:
        place = Place(kind, url)
        try:
            yield place
        finally:
            place.end()


@contextmanager
def url_of(kind: str, folder: Path) -> Iterator[str]:
    """Where inboxes of a kind may keep messages: a path, or a URL."""
    path = folder / "inbox.sqlite3"
    if kind == "sqlite":
        yield str(path)
    elif kind in ("sqlalchemy-sqlite", "django-sqlite"):
        yield f"sqlite:///{path}"
    elif kind == "sqlalchemy-aiosqlite":
        yield f"sqlite+aiosqlite:///{path}"
    elif kind.endswith("-pymysql"):
        with mariadb_database() as address:
            yield f"mysql+pymysql://{address}?ssl_disabled=true"
    else:
        with postgresql_schema() as schema:
            options = f"?options=-csearch_path%3D{schema}"
            sync = f"postgresql+psycopg://{POSTGRESQL}{options}"
            yield sync if "psycopg" in kind else f"postgresql+asyncpg://{POSTGRESQL} {schema}"


def delivery(message_id: str = "msg_1", payload: bytes = PAYLOAD) -> Delivery:
    return Delivery(message_id, 1_700_000_000, payload)


def taken(inbox: Any, message_id: str = "msg_1", *, unsettled: bool = False) -> Message:
    """The message, which is due, once it has been taken."""
    (message,) = inbox.take(1, LEASE, message_id=message_id, unsettled=unsettled)
    assert isinstance(message, Message)
    return message


def ended(inbox: Any, step: Step, message_id: str = "msg_1") -> Message:
    """The message, which is absent, once it has been put, taken and settled."""
    assert inbox.put(delivery(message_id)) is True
    message = taken(inbox, message_id)
    assert inbox.settle(message, step) is True
    return message


def ids(messages: Any) -> list[str]:
    return [message.delivery.message_id for message in messages]


__all__ = ["KINDS", "LEASE", "PAYLOAD", "Clock", "Place", "delivery", "ended", "ids", "taken"]
