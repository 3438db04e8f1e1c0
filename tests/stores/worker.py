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
from pathlib import Path
from typing import Any

from clerk_hooks import Delivery, Endpoint, Router, sign
from clerk_hooks.idempotency import ObjectVersion

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LEASE = timedelta(seconds=60)
PAYLOAD = b'{"type": "user.created", "timestamp": 1700000000000, "data": {"id": "user_1"}}'


def build(kind: str, url: str, **options: Any) -> Any:
    """The store of a kind; one on an `AsyncEngine` where the kind is ``async``."""
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
    from clerk_hooks.stores.sqlalchemy import SQLAlchemyStore

    if kind == "sync":
        return SQLAlchemyStore(url, **options)
    return SQLAlchemyStore(async_engine(url), **options)


def async_engine(url: str, **options: Any) -> Any:
    from sqlalchemy.ext.asyncio import create_async_engine

    url, _, schema = url.partition(" ")
    if schema:  # asyncpg takes no options in a URL.
        options["connect_args"] = {"server_settings": {"search_path": schema}}
    return create_async_engine(url, **options)


class Awaited:
    """A store on an `AsyncEngine`, with an event loop of its own to await it on."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

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
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


def say(value: object) -> None:
    print(json.dumps(value), flush=True)


def wait_for_start() -> None:
    say("ready")
    sys.stdin.readline()


class Receiver:
    """An endpoint with a store: `receive` delivers a message to it, and returns the status."""

    def __init__(self, store: Any, router: Router) -> None:
        self.store = store
        self.endpoint = Endpoint(router, secret=SECRET, store=store)
        self._loop = asyncio.new_event_loop() if hasattr(store, "aclaim") else None

    def receive(self, message_id: str, payload: bytes = PAYLOAD) -> int:
        headers = sign(payload, secret=SECRET, message_id=message_id)
        if self._loop is None:
            return self.endpoint.receive(payload, headers).status
        return self._loop.run_until_complete(self.endpoint.areceive(payload, headers)).status

    def close(self) -> None:
        """Close the connections of a store of SQLAlchemy's."""
        engine = self.store._transactions._engine
        if self._loop is None:
            engine.dispose()
        else:
            self._loop.run_until_complete(engine.dispose())
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


def transact(store: Any, die_at: str, **_: Any) -> None:
    """Deliver a message to a handler that writes a row, and die by SIGKILL at a point of that."""
    from sqlalchemy import event as sqlalchemy_event

    def reach(point: str) -> None:
        if point == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def before_commit(_: object) -> None:
        commits.append("")
        reach(f"commit {len(commits)}")

    commits: list[str] = []
    receive = Receiver(store, writing_router(store, reach)).receive
    engine = store._transactions._engine
    receive("msg_0")  # The tables are made.
    sqlalchemy_event.listen(getattr(engine, "sync_engine", engine), "commit", before_commit)
    receive("msg_1")
    reach("reply")
    say("not reached")


def writing_router(store: Any, reach: Callable[[str], None] = lambda point: None) -> Router:
    """A router with a handler that writes the message id into the table ``effects``."""
    from sqlalchemy import text

    insert = text("INSERT INTO effects (message_id) VALUES (:message_id)")
    router = Router()

    def write(event: object, delivery: Delivery) -> None:
        reach("begin")
        connection = store.connection(delivery)
        reach("connection")
        connection.execute(insert, {"message_id": delivery.message_id})
        reach("end")

    async def awrite(event: object, delivery: Delivery) -> None:
        reach("begin")
        connection = await store.connection(delivery)
        reach("connection")
        await connection.execute(insert, {"message_id": delivery.message_id})
        reach("end")

    handler = awrite if hasattr(store, "aclaim") else write
    router.on("user.created", name="write", drop_stale=True)(handler)
    return router


TASKS = {"deliver": deliver, "objects": objects, "transact": transact}


def main(task: str, settings: dict[str, Any]) -> None:
    kind, url, seconds = (settings.pop(name) for name in ("kind", "url", "timeout"))
    store = build(kind, url, timeout=timedelta(seconds=seconds))
    TASKS[task](store, **settings)
    os._exit(0)  # With connections left open, as in most processes that end.
