"""A Redis that is killed, restarted or frozen: never acknowledged, never waited for too long."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import time
from datetime import timedelta
from typing import Any

import pytest

from clerk_hooks import Endpoint, Router, StoreUnavailable, sign
from clerk_hooks.idempotency import ObjectVersion

from .backends import slowness
from .network import RedisServer
from .redis_kinds import RedisKind
from .worker import LEASE, PAYLOAD, SECRET

redis = pytest.importorskip("redis")


class Shop:
    """An endpoint with a handler that counts, and can do something while it runs."""

    def __init__(self, store: Any) -> None:
        self.runs = 0
        self.during: list[object] = []
        router = Router()

        @router.on("user.created", name="h")
        def handler(event: object) -> None:
            self.runs += 1
            while self.during:
                self.during.pop()()  # type: ignore[operator]

        self._endpoint = Endpoint(router, secret=SECRET, store=store)

    def receive(self, message_id: str) -> int:
        headers = sign(PAYLOAD, secret=SECRET, message_id=message_id)
        return self._endpoint.receive(PAYLOAD, headers).status


def test_while_redis_is_down_nothing_runs_and_nothing_is_acknowledged(
    kind: RedisKind, server: RedisServer
) -> None:
    shop = Shop(kind.store(server.url))
    assert shop.receive("msg_1") == 200
    server.stop()
    assert [shop.receive("msg_1"), shop.receive("msg_2")] == [503, 503]
    assert shop.runs == 1
    server.start()
    assert [shop.receive("msg_1"), shop.receive("msg_2")] == [200, 200]
    assert shop.runs == 2


def test_redis_restarted_between_two_deliveries_is_not_even_noticed(
    kind: RedisKind, server: RedisServer
) -> None:
    shop = Shop(kind.store(server.url))
    assert shop.receive("msg_1") == 200
    server.stop()
    server.start()  # Without the scripts.
    assert [shop.receive("msg_1"), shop.receive("msg_2")] == [200, 200]
    assert shop.runs == 2


class Loser:
    """Passes calls on to a Redis, and closes the connection in place of each first reply."""

    def __init__(self, server: RedisServer) -> None:
        self._port = server.port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        self.is_losing = False
        self.lost = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._pass_on, args=[client], daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._port)) as service:
            while request := client.recv(65536):
                service.sendall(request)
                reply = service.recv(65536)
                if self.is_losing and b"EVALSHA" in request:
                    self.is_losing = False
                    self.lost += 1
                    return
                client.sendall(reply)

    def close(self) -> None:
        self._listener.close()


def test_a_call_whose_reply_is_lost_is_made_again_and_counts_once(
    kind: RedisKind, server: RedisServer
) -> None:
    """Redis has run it, and nobody knows; idle connections end like this behind firewalls."""
    loser = Loser(server)
    store = kind.store(loser.url)
    version = ObjectVersion("user", "user_1", 5, False, frozenset({"h"}))
    for method, arguments in (("claim", ["msg_0", ["h"], LEASE]), ("confirm", ["msg_0", "h", ""])):
        getattr(store, method)(*arguments)  # Redis knows the scripts.
    for message_id in ("msg_1", "msg_2"):
        loser.is_losing = True
        claim = store.claim(message_id, ["h", "free"], LEASE, version)
        assert claim.run == ("h", "free")
        for handler, mark in (("h", version), ("free", None)):
            loser.is_losing = True
            assert store.confirm(message_id, handler, claim.token, mark) is True
            assert store.confirm(message_id, handler, claim.token, mark) is False
        assert store.claim(message_id, ["h", "free"], LEASE, version).done == ("h", "free")
    assert loser.lost == 6
    loser.close()


def test_redis_that_dies_while_a_handler_runs_gets_the_event_retried(
    kind: RedisKind, server: RedisServer
) -> None:
    shop = Shop(kind.store(server.url))
    shop.during.append(server.stop)
    assert shop.receive("msg_1") == 503
    server.start()
    assert shop.receive("msg_1") == 409  # Until the lease is over.
    assert shop.runs == 1


def test_a_frozen_redis_is_not_waited_for_longer_than_the_timeout(
    kind: RedisKind, server: RedisServer
) -> None:
    timeout = timedelta(seconds=1)
    known, new = kind.store(server.url, timeout=timeout), kind.store(server.url, timeout=timeout)
    known.claim("msg_1", ["h"], LEASE)
    server.signal(signal.SIGSTOP)
    for store in (known, new):
        started = time.monotonic()
        with pytest.raises(StoreUnavailable):
            store.claim("msg_2", ["h"], LEASE)
        assert time.monotonic() - started < 1 + 0.3 * slowness()
    server.signal(signal.SIGCONT)
    assert known.claim("msg_3", ["h"], LEASE).run == ("h",)


@pytest.mark.parametrize("decode", [True, False])
@pytest.mark.parametrize("protocol", [2, 3])
def test_a_client_of_any_kind_lends_its_way_to_connect_but_not_its_patience(
    kind: RedisKind, server: RedisServer, decode: bool, protocol: int
) -> None:
    client = kind.library.Redis(
        port=server.port,
        decode_responses=decode,
        protocol=protocol,
        socket_timeout=60,
        retry=kind.library.retry.Retry(redis.backoff.ConstantBackoff(10), 3),
    )
    store = kind.store(client, prefix="shop:", timeout=timedelta(seconds=1))
    claim = store.claim("msg_1", ["h", "i"], LEASE)
    assert store.confirm("msg_1", "h", claim.token) is True
    assert store.claim("msg_1", ["h", "i"], LEASE).done == ("h",)
    assert [record.state for record in store.show("msg_1")] == ["done", "running"]
    with redis.Redis(port=server.port) as admin:
        assert admin.keys() == [b"shop:message:msg_1"]
    server.signal(signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(StoreUnavailable):
        store.claim("msg_2", ["h"], LEASE)
    assert time.monotonic() - started < 1 + 0.3 * slowness()


def test_what_redis_keeps_expires_by_itself(kind: RedisKind, server: RedisServer) -> None:
    store = kind.store(server.url, retention=timedelta(hours=1))
    version = ObjectVersion("user", "user_1", 5, False, frozenset({"h"}))
    claim = store.claim("msg_1", ["h", "free"], LEASE, version)
    with redis.Redis(port=server.port) as client:
        assert {3_599 <= client.ttl(key) <= 3_600 for key in client.scan_iter()} == {True}
        store.confirm("msg_1", "h", claim.token, version)
        keys = {key.decode(): client.ttl(key) for key in client.scan_iter()}
    assert keys.keys() == {"{clerk_hooks}:message:msg_1", "{clerk_hooks}:mark:user:user_1"}
    assert all(3_599 <= seconds <= 3_600 for seconds in keys.values())
