"""A Redis that forgets: what then happens to deleted users, and what keeps it from forgetting."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clerk_hooks import Endpoint, Router, sign
from clerk_hooks.stores.redis import RedisStore

from .network import RedisServer
from .worker import SECRET

redis = pytest.importorskip("redis")


class App:
    """Keeps a copy of Clerk's users, with a handler that drops stale events."""

    def __init__(self, url: str) -> None:
        self.users: set[str] = set()
        self.store = RedisStore(url)
        router = Router()

        @router.on("user.updated", name="save", drop_stale=True)
        def save(event: Any) -> None:
            self.users.add(event.data.id)

        @router.on("user.deleted", name="delete", drop_stale=True)
        def delete(event: Any) -> None:
            self.users.discard(event.data.id)

        self._endpoint = Endpoint(router, secret=SECRET, store=self.store)

    def deliver(self, message_id: str, event_type: str, **data: object) -> str:
        payload = json.dumps({"type": event_type, "data": {"id": "user_1", **data}}).encode()
        headers = sign(payload, secret=SECRET, message_id=message_id)
        reply = json.loads(self._endpoint.receive(payload, headers).body)
        return str(reply.get("outcome") or reply.get("error"))

    def delete_user(self) -> None:
        assert self.deliver("msg_1", "user.updated", updated_at=1700000001000) == "handled"
        assert self.deliver("msg_2", "user.deleted") == "handled"

    def late_update(self) -> str:
        """An update from before the deletion, whose retry comes after it."""
        return self.deliver("msg_3", "user.updated", updated_at=1700000000000)


@pytest.fixture
def app(server: RedisServer) -> Iterator[App]:
    app = App(server.url)
    app.delete_user()
    assert app.users == set()
    yield app
    app.store.close()


def fill(server: RedisServer, policy: str) -> int:
    """Fill Redis with data that does not expire, until it has evicted ours or refuses more.

    Returns how many keys of ours are left.
    """
    with redis.Redis(port=server.port) as client:
        client.config_set("appendfsync", "no")  # So much to write would take long.
        client.config_set("maxmemory-policy", policy)
        client.config_set("maxmemory", client.info("memory")["used_memory"] + 1_000_000)
        try:
            for number in range(100_000):
                client.set(f"cache:{number}", "x" * 1_000)
                if number % 100 == 0 and not client.exists("{clerk_hooks}:mark:user:user_1"):
                    break
        except redis.exceptions.OutOfMemoryError:
            pass
        return sum(1 for _ in client.scan_iter("{clerk_hooks}:*"))


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-random", "volatile-lru"])
def test_a_deleted_user_comes_back_where_redis_evicts(
    app: App, server: RedisServer, policy: str
) -> None:
    """With a volatile policy ours are even the first to go, because all of them expire."""
    assert fill(server, policy) < 3
    with redis.Redis(port=server.port) as client:
        client.config_set("maxmemory", 0)
    assert app.late_update() == "handled"
    assert app.users == {"user_1"}


def test_a_deleted_user_comes_back_where_redis_keeps_nothing_over_a_restart(
    tmp_path: Path,
) -> None:
    server = RedisServer(tmp_path, persistent=False)
    server.start()
    try:
        app = App(server.url)
        app.delete_user()
        server.stop()
        server.start()
        assert app.late_update() == "handled"
        assert app.users == {"user_1"}
        app.store.close()
    finally:
        server.stop()


def test_without_eviction_a_full_redis_is_unavailable_and_nothing_is_forgotten(
    app: App, server: RedisServer
) -> None:
    assert fill(server, "noeviction") == 3
    with redis.Redis(port=server.port) as client:
        client.config_set("maxmemory", 1)  # A small record may have fitted still.
    new = {"id": "user_2", "updated_at": 1700000002000}
    assert app.deliver("msg_4", "user.updated", **new) == "store_unavailable"
    assert app.late_update() == "stale"
    with redis.Redis(port=server.port) as client:
        client.config_set("maxmemory", 0)
    assert app.deliver("msg_4", "user.updated", **new) == "handled"
    assert app.users == {"user_2"}


def test_with_an_append_only_file_a_redis_that_is_killed_forgets_nothing(
    app: App, server: RedisServer
) -> None:
    server.stop()  # By SIGKILL.
    server.start()
    assert app.late_update() == "stale"
    assert app.users == set()
