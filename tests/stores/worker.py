"""What a process does that uses a store; nursery.py starts it.

It prints one JSON value per line, and begins when it is told so by a line on its standard input.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from clerk_hooks import Delivery, Endpoint, Reply, Router, sign
from clerk_hooks.idempotency import ObjectVersion

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LEASE = timedelta(seconds=60)
PAYLOAD = b'{"type": "user.created", "timestamp": 1700000000000, "data": {"id": "user_1"}}'


def payload_about(user: str) -> bytes:
    """The same of another user, whose messages wait for nobody else's."""
    return PAYLOAD.replace(b"user_1", user.encode())


def build(kind: str, url: str, **options: Any) -> Any:
    """The store of a kind; where the kind is ``async``, one that is only awaited."""
    if kind == "memory":
        from clerk_hooks import MemoryStore

        options.pop("timeout", None)
        return MemoryStore(**options)
    if kind == "sqlite":
        from clerk_hooks.stores.sqlite import SQLiteStore

        return SQLiteStore(url, **options)
    if kind == "redis":
        from clerk_hooks.stores.redis import RedisStore

        url, _, prefix = url.partition(" ")
        return RedisStore(url, prefix=prefix, **options)
    if kind == "async redis":
        from clerk_hooks.stores.redis import AsyncRedisStore

        url, _, prefix = url.partition(" ")
        return AsyncRedisStore(url, prefix=prefix, **options)
    if kind == "django":
        from ..django_databases import Closing

        return Closing(url, **options)
    from clerk_hooks.stores.sqlalchemy import AsyncSQLAlchemyStore, SQLAlchemyStore

    if kind == "sync":
        return SQLAlchemyStore(url, **options)
    return AsyncSQLAlchemyStore(async_engine(url), **options)


def engine_of(store: Any) -> Any:
    """The engine of a store of SQLAlchemy's, sync or async as the store is."""
    from sqlalchemy.ext.asyncio import AsyncEngine

    if hasattr(store, "claim"):
        return store._transactions.engine
    return AsyncEngine(store._store._transactions.engine)


def async_engine(url: str, **options: Any) -> Any:
    from sqlalchemy.ext.asyncio import create_async_engine

    url, _, schema = url.partition(" ")
    if schema:  # asyncpg takes no options in a URL.
        options["connect_args"] = {"server_settings": {"search_path": schema}}
    return create_async_engine(url, **options)


class Awaited:
    """A store that is only awaited, with an event loop of its own to await it on."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(600)

    def claim(self, *arguments: Any) -> Any:
        return self.run(self.store.aclaim(*arguments))

    def confirm(self, *arguments: Any) -> Any:
        return self.run(self.store.aconfirm(*arguments))

    def release(self, *arguments: Any) -> Any:
        return self.run(self.store.arelease(*arguments))

    def show(self, message_id: str) -> Any:
        return self.run(self.store.ashow(message_id))

    def forget(self, message_id: str) -> Any:
        return self.run(self.store.aforget(message_id))

    def purge(self) -> Any:
        return self.run(self.store.apurge())

    def stop(self) -> None:
        self.run(end_tasks())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


async def end_tasks() -> None:
    """End what a store has abandoned: it may still be opening a connection, or closing one."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)  # Sockets are closed in the next round of the loop.


def say(value: object) -> None:
    print(json.dumps(value), flush=True)


def wait_for_start() -> None:
    say("ready")
    sys.stdin.readline()


class Receiver:
    """An endpoint with a store: `receive` delivers a message to it, and returns the status."""

    def __init__(self, store: Any, router: Router, lease: timedelta = LEASE) -> None:
        self.store = store
        self.endpoint = Endpoint(router, secret=SECRET, store=store, lease=lease)
        self._loop = None if hasattr(store, "claim") else asyncio.new_event_loop()

    def receive(self, message_id: str, payload: bytes = PAYLOAD) -> int:
        return self.reply(message_id, payload).status

    def run(self, coroutine: Any) -> Any:
        """Await something on the endpoint's event loop."""
        assert self._loop is not None
        return self._loop.run_until_complete(coroutine)

    def reply(self, message_id: str, payload: bytes = PAYLOAD) -> Reply:
        headers = sign(payload, secret=SECRET, message_id=message_id)
        if self._loop is None:
            return self.endpoint.receive(payload, headers)
        return self._loop.run_until_complete(self.endpoint.areceive(payload, headers))

    def close(self) -> None:
        """Close the connections of the store, also those of an engine that it was given."""
        if self._loop is None and hasattr(self.store, "_transactions"):
            engine_of(self.store).dispose()
        elif self._loop is None:
            self.store.close()
        else:
            self._loop.run_until_complete(engine_of(self.store).dispose())
            self._loop.run_until_complete(end_tasks())
            self._loop.close()


def deliver(store: Any, journal: str, messages: list[str], **_: Any) -> None:
    """Deliver messages to two handlers, who note that in the file `journal`; says the statuses."""
    router = Router()

    def note(handler: str, message_id: str) -> None:
        with Path(journal).open("a") as file:
            file.write(f"{handler} {message_id}\n")  # One write, which the kernel appends whole.

    @router.on("user.created", name="first")
    def first(event: object, delivery: Delivery) -> None:
        note("first", delivery.message_id)

    @router.on("user.created", name="second")
    def second(event: object, delivery: Delivery) -> None:
        note("second", delivery.message_id)

    receive = Receiver(store, router).receive
    wait_for_start()
    say([receive(message_id) for message_id in messages])


def objects(store: Any, rounds: int, name: str, lock: str, **_: Any) -> None:
    """Handle messages of one object, as others do; says how often two had it at a time."""
    store = Awaited(store) if hasattr(store, "aclaim") else store
    version = ObjectVersion("user", "user_1", None, False, frozenset({"h"}))
    wait_for_start()
    met = 0
    for n in range(rounds):
        while not (claim := store.claim(f"msg_{name}_{n}", ["h"], LEASE, version)).run:
            pass
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            met += 1
        else:
            Path(lock).unlink()
        assert store.confirm(f"msg_{name}_{n}", "h", claim.token, version)
    say(met)


def transact(store: Any, way: str, die_at: str, message: str, lease: float = 60, **_: Any) -> None:
    """Deliver a message to a handler that writes a row, and stop or die at a point of that.

    It is about a user of its own, who has the message's name.

    `die_at` may begin with ``stop ``: then this process stands still there, until it is told on.
    """
    reached: list[str] | None = None

    def reach(point: str) -> None:
        if reached is None:
            return
        if point == "commit":
            point = f"commit {1 + sum(one.startswith('commit') for one in reached)}"
        reached.append(point)
        if point == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if f"stop {point}" == die_at:
            say("stopped")
            os.kill(os.getpid(), signal.SIGSTOP)

    receiver = Receiver(store, writing_router(store, way, reach), timedelta(seconds=lease))
    receiver.receive(f"{message}_before", payload_about(f"{message}_before"))
    reached = []
    if hasattr(store, "_writer"):
        trace_commits(store._writer._connection, reach)
    else:
        from sqlalchemy import event

        engine = engine_of(store)
        engine = getattr(engine, "sync_engine", engine)
        event.listen(engine, "commit", lambda _: reach("commit"))
        if engine.dialect.name == "mysql":  # What PostgreSQL is told by the store itself.
            event.listen(engine, "begin", lambda connection: bound(connection, lease))
    status = receiver.receive(message, payload_about(message))
    reach("reply")
    say(status)


def bound(connection: Any, seconds: float) -> None:
    """Let MariaDB end a transaction that has written and stands still."""
    connection.exec_driver_sql(f"SET SESSION idle_write_transaction_timeout = {int(seconds)}")


def openers(store: Any) -> dict[str, Any]:
    """How the handlers of a store's app come by a session or a connection, by its kind."""
    sessions = import_module(f"{__package__}.sessions" if __package__ else "sessions")
    if hasattr(store, "_writer"):
        return sessions.sqlite_openers(store._path)
    engine = engine_of(store)
    openers = sessions.sync_openers if hasattr(store, "claim") else sessions.async_openers
    return openers(engine)


def writing_router(
    store: Any, way: str = "transaction", reach: Callable[[str], None] = lambda point: None
) -> Router:
    """A router with a handler that writes the message id into the table ``effects``."""
    sessions = import_module(f"{__package__}.sessions" if __package__ else "sessions")

    def step(work: Any) -> None:
        reach("begin")
        work.write()
        reach("written")
        if way == "confirm_in":
            work.confirm()
            reach("confirmed")
            work.commit()

    def open_() -> Any:
        opened = next(iter(openers(store).values()))()
        if hasattr(store, "_writer"):
            trace_commits(opened.thing, reach)
        return opened

    router = Router()
    handler = sessions.handler(store, open_, step, way)
    router.on("user.created", name="write", drop_stale=True)(handler)
    return router


def trace_commits(connection: Any, reach: Callable[[str], None]) -> None:
    """Tell of each commit on a connection of the module `sqlite3`, before it is done."""
    connection.set_trace_callback(
        lambda statement: reach("commit") if statement.strip() == "COMMIT" else None
    )


TASKS = {"deliver": deliver, "objects": objects, "transact": transact}


def main(task: str, settings: dict[str, Any]) -> None:
    kind, url, seconds = (settings.pop(name) for name in ("kind", "url", "timeout"))
    store = build(kind, url, timeout=timedelta(seconds=seconds))
    TASKS[task](store, **settings)
    os._exit(0)  # With connections left open, as in most processes that end.
