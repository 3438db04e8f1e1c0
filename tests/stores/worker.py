"""A process that uses a store: ``worker.py TASK JSON``, where the JSON says which store, and more.

It prints one JSON value per line, and begins when it is told so by a line on its standard input.
"""

from __future__ import annotations

import asyncio
import json
import os
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
    from clerk_hooks.stores.sqlalchemy import SQLAlchemyStore

    if kind == "sync":
        return SQLAlchemyStore(url, **options)
    return SQLAlchemyStore(async_engine(url), **options)


def async_engine(url: str) -> Any:
    from sqlalchemy.ext.asyncio import create_async_engine

    url, _, schema = url.partition(" ")
    if schema:  # asyncpg takes no options in a URL.
        return create_async_engine(url, connect_args={"server_settings": {"search_path": schema}})
    return create_async_engine(url)


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


def receiver(store: Any, router: Router) -> Callable[[str], int]:
    """Delivers a message to an endpoint; returns the status."""
    endpoint = Endpoint(router, secret=SECRET, store=store)

    def receive(message_id: str) -> int:
        headers = sign(PAYLOAD, secret=SECRET, message_id=message_id)
        return endpoint.receive(PAYLOAD, headers).status

    async def areceive(message_id: str) -> int:
        headers = sign(PAYLOAD, secret=SECRET, message_id=message_id)
        return (await endpoint.areceive(PAYLOAD, headers)).status

    if not hasattr(store, "aclaim"):
        return receive
    loop = asyncio.new_event_loop()
    return lambda message_id: loop.run_until_complete(areceive(message_id))


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

    receive = receiver(store, router)
    wait_for_start()
    say([receive(message_id) for message_id in messages])


def claims(store: Any, rounds: int, name: str, **_: Any) -> None:
    """Claim the same handlers as others do, round by round; says what was got in each."""
    store = Awaited(store) if hasattr(store, "aclaim") else store
    wait_for_start()
    say([store.claim(f"msg_{n}", ["a", "b"], LEASE, None).run for n in range(rounds)])


def objects(store: Any, rounds: int, name: str, **_: Any) -> None:
    """Claim for one object, as others do for other messages; says where two had it at a time."""
    store = Awaited(store) if hasattr(store, "aclaim") else store
    wait_for_start()
    got, met = 0, 0
    for n in range(rounds):
        version = ObjectVersion("user", "user_1", n, False, frozenset({"h"}))
        claim = store.claim(f"msg_{name}_{n}", ["h"], LEASE, version)
        if claim.run:
            got += 1
            lock = Path(f"{_['lock']}")
            try:
                os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                met += 1
            else:
                lock.unlink()
            assert store.confirm(f"msg_{name}_{n}", "h", claim.token, version)
    say([got, met])


TASKS = {"deliver": deliver, "claims": claims, "objects": objects}


def main() -> None:
    task, text = sys.argv[1:]
    settings = json.loads(text)
    store = build(settings.pop("kind"), settings.pop("url"))
    TASKS[task](store, **settings)


if __name__ == "__main__":
    main()
