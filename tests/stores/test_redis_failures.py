"""A Redis that is killed, restarted or frozen: never acknowledged, never waited for too long."""

from __future__ import annotations

import signal
import time
from datetime import timedelta

import pytest

from clerk_hooks import Endpoint, Router, StoreUnavailable, sign
from clerk_hooks.stores.redis import RedisStore

from .backends import slowness
from .network import RedisServer
from .worker import LEASE, PAYLOAD, SECRET

redis = pytest.importorskip("redis")


class Shop:
    """An endpoint with a handler that counts, and can do something while it runs."""

    def __init__(self, store: RedisStore) -> None:
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
    server: RedisServer,
) -> None:
    shop = Shop(RedisStore(server.url))
    assert shop.receive("msg_1") == 200
    server.stop()
    assert [shop.receive("msg_1"), shop.receive("msg_2")] == [503, 503]
    assert shop.runs == 1
    server.start()
    assert [shop.receive("msg_1"), shop.receive("msg_2")] == [200, 200]
    assert shop.runs == 2


def test_redis_restarted_between_two_deliveries_is_not_even_noticed(server: RedisServer) -> None:
    shop = Shop(RedisStore(server.url))
    assert shop.receive("msg_1") == 200
    server.stop()
    server.start()  # Without the scripts.
    assert [shop.receive("msg_1"), shop.receive("msg_2")] == [200, 200]
    assert shop.runs == 2


def test_redis_that_dies_while_a_handler_runs_gets_the_event_retried(server: RedisServer) -> None:
    shop = Shop(RedisStore(server.url))
    shop.during.append(server.stop)
    assert shop.receive("msg_1") == 503
    server.start()
    assert shop.receive("msg_1") == 409  # Until the lease is over.
    assert shop.runs == 1


def test_a_frozen_redis_is_not_waited_for_longer_than_the_timeout(server: RedisServer) -> None:
    timeout = timedelta(seconds=1)
    known, new = RedisStore(server.url, timeout=timeout), RedisStore(server.url, timeout=timeout)
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
    server: RedisServer, decode: bool, protocol: int
) -> None:
    client = redis.Redis(
        port=server.port,
        decode_responses=decode,
        protocol=protocol,
        socket_timeout=60,
        retry=redis.retry.Retry(redis.backoff.ConstantBackoff(10), 3),
    )
    store = RedisStore(client, prefix="shop:", timeout=timedelta(seconds=1))
    claim = store.claim("msg_1", ["h", "i"], LEASE)
    assert store.confirm("msg_1", "h", claim.token) is True
    assert store.claim("msg_1", ["h", "i"], LEASE).done == ("h",)
    assert [record.state for record in store.show("msg_1")] == ["done", "running"]
    assert client.keys() in (["shop:message:msg_1"], [b"shop:message:msg_1"])
    server.signal(signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(StoreUnavailable):
        store.claim("msg_2", ["h"], LEASE)
    assert time.monotonic() - started < 1 + 0.3 * slowness()
    client.close()


def test_what_redis_keeps_expires_by_itself(server: RedisServer) -> None:
    from clerk_hooks.idempotency import ObjectVersion

    store = RedisStore(server.url, retention=timedelta(hours=1))
    version = ObjectVersion("user", "user_1", 5, False, frozenset({"h"}))
    claim = store.claim("msg_1", ["h", "free"], LEASE, version)
    with redis.Redis(port=server.port) as client:
        assert {3_599 <= client.ttl(key) <= 3_600 for key in client.scan_iter()} == {True}
        store.confirm("msg_1", "h", claim.token, version)
        keys = {key.decode(): client.ttl(key) for key in client.scan_iter()}
    assert keys.keys() == {"{clerk_hooks}:message:msg_1", "{clerk_hooks}:mark:user:user_1"}
    assert all(3_599 <= seconds <= 3_600 for seconds in keys.values())


def test_a_redis_that_refuses_writes_is_unavailable(server: RedisServer) -> None:
    with redis.Redis(port=server.port) as client:
        client.config_set("maxmemory", "1")
    with pytest.raises(StoreUnavailable, match="Redis: OutOfMemoryError"):
        RedisStore(server.url).claim("msg_1", ["h"], LEASE)
