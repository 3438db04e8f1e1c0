"""A store in memory that tests look into and make fail, and the ways in which it is asked."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from clerk_hooks import Endpoint, MemoryStore, Reply, Router, sign
from clerk_hooks.idempotency import Claim, HandlerRecord, ObjectVersion
from clerk_hooks.one_thread import OneThread

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class WatchedStore:
    """A store that notes its calls; `before` has what else is called, by method."""

    def __init__(self, **options: Any) -> None:
        self.memory = MemoryStore(**options)
        self.calls: list[str] = []
        self.threads: set[int] = set()
        self.before: dict[str, Callable[[], object]] = {}

    def _note(self, call: str, *details: str) -> None:
        self.calls.append(" ".join([call, *details]))
        self.threads.add(threading.get_ident())
        self.before.get(call, lambda: None)()

    def claim(
        self,
        message_id: str,
        handlers: Any,
        lease: timedelta,
        object: ObjectVersion | None = None,
    ) -> Claim:
        self._note("claim", *handlers)
        return self.memory.claim(message_id, handlers, lease, object)

    def confirm(
        self, message_id: str, handler: str, token: str, mark: ObjectVersion | None = None
    ) -> bool:
        self._note("confirm", handler)
        return self.memory.confirm(message_id, handler, token, mark)

    def release(self, message_id: str, handlers: Any, token: str) -> None:
        self._note("release", *sorted(handlers))
        self.memory.release(message_id, handlers, token)

    def show(self, message_id: str) -> list[HandlerRecord]:
        self._note("show")
        return self.memory.show(message_id)

    def forget(self, message_id: str) -> int:
        return self.memory.forget(message_id)

    def purge(self) -> int:
        return self.memory.purge()

    def fails(self, method: str, error: BaseException) -> None:
        """Let `method` raise `error` from now on."""

        def fail() -> None:
            raise error

        self.before[method] = fail

    def states(self, message_id: str = "msg_1") -> dict[str, str]:
        """What is remembered of a message: the state of each handler, by its name."""
        return {record.handler: record.state for record in self.memory.show(message_id)}

    def taken_over(self, handler: str, message_id: str = "msg_1") -> None:
        """Let somebody else hold `handler` as if its lease had ended."""
        with self.memory._lock:
            records = self.memory._messages.get(message_id)
            assert records is not None
            expires_at = records[handler].expires_at
            records[handler] = HandlerRecord(handler, "running", expires_at, "of somebody else")


class OneThreadStore(WatchedStore):
    """The same, with a thread of its own for those that write, as `SQLiteStore` has."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.one_thread = OneThread(60)


class AwaitedStore(WatchedStore):
    """The same, with methods for event loops; it must never be called in another way."""

    def _note(self, call: str, *details: str) -> None:
        assert asyncio.get_running_loop()
        super()._note(call, *details)

    async def aclaim(self, *arguments: Any) -> Claim:
        await asyncio.sleep(0)
        return self.claim(*arguments)

    async def aconfirm(self, *arguments: Any) -> bool:
        await asyncio.sleep(0)
        return self.confirm(*arguments)

    async def arelease(self, *arguments: Any) -> None:
        await asyncio.sleep(0)
        self.release(*arguments)

    async def ashow(self, message_id: str) -> list[HandlerRecord]:
        await asyncio.sleep(0)
        return self.show(message_id)

    async def aforget(self, message_id: str) -> int:
        return self.forget(message_id)

    async def apurge(self) -> int:
        return self.purge()


class Way(NamedTuple):
    """One of the ways to ask: which method of the endpoint, and which kind of store."""

    is_async: bool
    store: type[WatchedStore]

    def endpoint(self, router: Router, **options: Any) -> tuple[Endpoint, WatchedStore]:
        """An endpoint with a new store."""
        store = self.store()
        return Endpoint(router, secret=SECRET, store=store, **options), store

    def receive(
        self, endpoint: Endpoint, body: bytes | None = None, message_id: str = "msg_1"
    ) -> Reply:
        """What the endpoint answers to a delivery."""
        body = event() if body is None else body
        headers = sign(body, secret=SECRET, message_id=message_id)
        if self.is_async:
            return asyncio.run(endpoint.areceive(body, headers))
        return endpoint.receive(body, headers)


WAYS = {
    "receive": Way(False, WatchedStore),
    "areceive": Way(True, WatchedStore),
    "areceive, one thread": Way(True, OneThreadStore),
    "areceive, awaited": Way(True, AwaitedStore),
}


def event(type: str = "user.created", object_id: str = "user_1", **fields: Any) -> bytes:
    """The payload of an event; `timestamp` goes to the envelope, all else to the data."""
    envelope = {"timestamp": fields.pop("timestamp")} if "timestamp" in fields else {}
    return json.dumps({"type": type, "data": {"id": object_id, **fields}, **envelope}).encode()
