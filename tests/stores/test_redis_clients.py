"""Clients that the Redis stores accept, and their connections: lost, many, slow, forked."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import threading
import time
import traceback
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from clerk_hooks import ConfigurationError, Endpoint, Router, StoreUnavailable, sign
from clerk_hooks.stores.redis import AsyncRedisStore, RedisStore

from .backends import slowness
from .network import RedisServer
from .redis_kinds import RedisKind
from .worker import LEASE, PAYLOAD, SECRET

redis = pytest.importorskip("redis")


@pytest.mark.parametrize("limit", ["max_connections=5", ""])
def test_the_store_outlives_any_number_of_lost_connections(
    kind: RedisKind, server: RedisServer, limit: str
) -> None:
    store = kind.store(f"{server.url}?{limit}")
    with redis.Redis(port=server.port) as admin:
        most = 5 if limit else redis.ConnectionPool().max_connections
        for number in range(min(most, 200) + 3):
            assert store.claim(f"msg_{number}", ["h"], LEASE).run == ("h",)
            assert admin.client_kill_filter(_type="normal", skipme=True) == 1


def claim_together(store: Any, number: int) -> set[tuple[str, ...]]:
    """What as many threads get that all claim at the same time."""
    together = threading.Barrier(number)

    def claim(number: int) -> tuple[str, ...]:
        together.wait(10)
        run: tuple[str, ...] = store.claim(f"msg_{number}", ["h"], LEASE).run
        return run

    with ThreadPoolExecutor(number) as threads:
        return set(threads.map(claim, range(number)))


@pytest.mark.parametrize("blocking", [True, False])
def test_more_callers_than_a_clients_pool_has_connections_are_all_served(
    kind: RedisKind, server: RedisServer, blocking: bool
) -> None:
    pools = kind.library.BlockingConnectionPool if blocking else kind.library.ConnectionPool
    pool = pools(port=server.port, max_connections=2)
    store = kind.store(kind.library.Redis(connection_pool=pool))
    assert claim_together(store, 12) == {("h",)}
    with redis.Redis(port=server.port) as admin:
        assert admin.info("clients")["connected_clients"] == 3


def test_more_callers_than_connections_are_all_served_without_a_limit(
    kind: RedisKind, server: RedisServer
) -> None:
    store = kind.store(server.url, timeout=timedelta(seconds=60))  # Of all 120 connections.
    assert claim_together(store, 120) == {("h",)}


def test_a_pool_that_the_app_has_used_up_stops_no_webhook(server: RedisServer) -> None:
    client = redis.Redis(port=server.port, max_connections=1)
    taken = client.connection_pool.get_connection()
    store = RedisStore(client, timeout=timedelta(seconds=5))
    assert store.claim("msg_1", ["h"], LEASE).run == ("h",)
    client.connection_pool.release(taken)
    client.close()
    store.close()


def test_without_a_free_connection_the_reply_is_503_within_the_timeout(
    kind: RedisKind, server: RedisServer
) -> None:
    """Redis stands still, one delivery waits for it on the only connection, and others for that."""
    store = kind.store(f"{server.url}?max_connections=1", timeout=timedelta(seconds=1))
    router = Router()
    router.on("user.created", name="h")(lambda event: None)
    endpoint = Endpoint(router, secret=SECRET, store=store)
    headers = sign(PAYLOAD, secret=SECRET, message_id="msg_1")

    def receive(_: object) -> tuple[int, float]:
        started = time.monotonic()
        return endpoint.receive(PAYLOAD, headers).status, time.monotonic() - started

    store.claim("msg_0", ["h"], LEASE)
    server.signal(signal.SIGSTOP)
    with ThreadPoolExecutor(4) as threads:
        replies = [*threads.map(receive, range(4))]
    server.signal(signal.SIGCONT)
    assert {status for status, _ in replies} == {503}
    assert max(seconds for _, seconds in replies) < 1 + slowness()
    assert receive(None)[0] in (200, 409)  # One may have reached Redis, which then woke up.


WRONG = [
    "redis://host/0?hunter2=hunter2",
    "redis://host/0?protocol=hunter2",
    "redis://host/0?parser_class=hunter2",
    "redis://host/0?port=hunter2",
    "redis://host/0?db=hunter2",
    "redis://:hunter2@host:99999/0",
    "rediss://:hunter2@host/0?ssl_cert_reqs=hunter2",
    "unix:///hunter2?hunter2=1",
    "nonsense",
    "http://user:hunter2@host",
    "redis://:hunter2@host:port",
]


@pytest.mark.parametrize("url", WRONG)
def test_a_url_with_a_wrong_option_is_refused_and_not_repeated(kind: RedisKind, url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^client: .*option is wrong$") as caught:
        kind.store(url)
    shown = caught.value
    assert "hunter2" not in str(shown)
    assert shown.__cause__ is None
    assert shown.__suppress_context__
    assert "hunter2=" not in "".join(traceback.format_exception_only(shown))


def test_a_client_with_a_wrong_option_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^client: .*option is wrong$"):
        RedisStore(redis.Redis(port="hunter2"))


@pytest.mark.parametrize("client", [None, 5, object(), redis.Redis])
def test_the_client_is_one_of_redis_or_a_url(kind: RedisKind, client: Any) -> None:
    name = r"redis\.asyncio\.Redis" if kind.is_async else r"redis\.Redis"
    with pytest.raises(ConfigurationError, match=f"^client must be a {name} or a URL$"):
        kind.store(client)


def test_a_client_of_asyncio_is_for_the_other_store() -> None:
    with pytest.raises(ConfigurationError, match=r"redis\.asyncio; use AsyncRedisStore, or pass"):
        RedisStore(redis.asyncio.Redis())  # type: ignore[arg-type]


def test_a_synchronous_client_is_for_the_other_store() -> None:
    with pytest.raises(ConfigurationError, match=r"synchronous; use RedisStore, or pass"):
        AsyncRedisStore(redis.Redis())  # type: ignore[arg-type]


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-16"])
def test_the_encoding_of_the_apps_own_values_is_not_that_of_the_store(
    kind: RedisKind, encoding: str, server: RedisServer
) -> None:
    client = kind.library.Redis(port=server.port, encoding=encoding)
    token = kind.store(client).claim("msg_1", ["wörk"], LEASE).token
    other = kind.store(server.url)
    assert other.confirm("msg_1", "wörk", token)
    assert [record.handler for record in kind.store(client).show("msg_1")] == ["wörk"]


def test_a_pipeline_is_refused_with_what_to_pass(kind: RedisKind) -> None:
    client = redis.asyncio.Redis() if kind.is_async else redis.Redis()
    with pytest.raises(ConfigurationError, match="a pipeline only collects commands"):
        kind.store(client.pipeline())


def test_a_pipeline_of_a_cluster_is_refused(kind: RedisKind) -> None:
    library: Any = redis.asyncio if kind.is_async else redis
    pipeline = library.cluster.ClusterPipeline
    with pytest.raises(ConfigurationError, match=r"^client"):
        kind.store(pipeline.__new__(pipeline))


def test_a_client_of_valkey_py_is_refused_with_what_to_pass(kind: RedisKind) -> None:
    import valkey
    import valkey.asyncio

    client = valkey.asyncio.Valkey() if kind.is_async else valkey.Valkey()
    name = r"redis\.asyncio\.Redis" if kind.is_async else r"redis\.Redis"
    hint = rf"valkey-py does not work.* pass a {name} .*redis://host:port/0"
    with pytest.raises(ConfigurationError, match=hint):
        kind.store(client)


def test_the_prefix_is_text(kind: RedisKind) -> None:
    with pytest.raises(ConfigurationError, match="prefix must be text"):
        kind.store("redis://host", prefix=b"p")


@pytest.mark.parametrize("url", ["redis://a..b/0", "redis://127.0.0.1/0?port=99999"])
def test_an_address_that_cannot_be_is_unavailable(kind: RedisKind, url: str) -> None:
    with pytest.raises(StoreUnavailable, match=r"^Redis: \w+"):
        kind.store(url).claim("msg_1", ["h"], LEASE)


def test_replies_that_are_each_in_time_do_not_add_up_to_more_than_the_timeout(
    kind: RedisKind,
) -> None:
    answered = []
    ended = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            while commands := connection.recv(65536).count(b"*"):
                for _ in range(commands):
                    if ended.wait(0.3):
                        return
                    connection.sendall(b"+OK\r\n")
                    answered.append(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        url = f"redis://127.0.0.1:{listener.getsockname()[1]}/1?protocol=2"
        store = kind.store(url, timeout=timedelta(seconds=1))
        started = time.monotonic()
        with pytest.raises(StoreUnavailable, match=r"^Redis: no answer within 1 s$"):
            store.claim("msg_1", ["h"], LEASE)
        took = time.monotonic() - started
        ended.set()
        thread.join(10)
    assert answered
    assert took < 1 + 0.3 * slowness()


def test_a_store_that_was_closed_opens_new_connections(
    kind: RedisKind, server: RedisServer
) -> None:
    store = kind.store(server.url)
    with redis.Redis(port=server.port) as admin:
        for number in range(2):
            store.claim(f"msg_{number}", ["h"], LEASE)
            assert admin.info("clients")["connected_clients"] == 2
            if kind.is_async:
                store.run(store.store.aclose())
            else:
                store.close()
            while admin.info("clients")["connected_clients"] > 1:
                pass  # Redis notices it in its own time.


def test_a_client_that_another_event_loop_has_used_can_be_passed(server: RedisServer) -> None:
    """And the store can be used on a third one, while the second one is still running."""

    async def claim(store: AsyncRedisStore, message_id: str) -> tuple[str, ...]:
        return (await store.aclaim(message_id, ["h"], LEASE)).run

    client = redis.asyncio.Redis(port=server.port)
    other = asyncio.new_event_loop()
    other.run_until_complete(client.ping())
    store = AsyncRedisStore(client)
    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    for number in range(3):
        for loop in (first, second):
            claimed = loop.run_until_complete(claim(store, f"msg_{number}_{id(loop)}"))
            assert claimed == ("h",)
    other.run_until_complete(client.aclose())
    for loop in (first, second):
        loop.run_until_complete(store.aclose())
    for loop in (other, first, second):
        loop.close()


def test_an_endpoint_with_the_async_store_is_awaited_and_not_called(server: RedisServer) -> None:
    router = Router()
    ran: list[object] = []
    router.on("user.created", name="h")(ran.append)
    store = AsyncRedisStore(server.url)
    endpoint = Endpoint(router, secret=SECRET, store=store)
    headers = sign(PAYLOAD, secret=SECRET, message_id="msg_1")
    with pytest.raises(ConfigurationError, match=r"AsyncRedisStore.* await aprocess") as caught:
        endpoint.receive(PAYLOAD, headers)
    assert caught.value.reason == "async_store"

    async def deliver() -> list[bytes]:
        replies = [await endpoint.areceive(PAYLOAD, headers) for _ in range(2)]
        await store.aclose()
        return [reply.body for reply in replies]

    assert asyncio.run(deliver()) == [b'{"outcome":"handled"}', b'{"outcome":"duplicate"}']
    assert len(ran) == 1


def test_the_async_store_is_awaited_without_a_thread(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_thread(*_: object) -> None:
        raise AssertionError("a thread was asked for")

    monkeypatch.setattr(asyncio, "to_thread", no_thread)
    router = Router()

    @router.on("user.created", name="h")
    async def handler(event: object) -> None: ...

    async def deliver() -> int:
        store = AsyncRedisStore(server.url)
        endpoint = Endpoint(router, secret=SECRET, store=store)
        reply = await endpoint.areceive(PAYLOAD, sign(PAYLOAD, secret=SECRET))
        await store.aclose()
        return reply.status

    assert asyncio.run(deliver()) == 200


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_connections_of_loops_that_have_ended_do_not_pile_up(server: RedisServer) -> None:
    """As where each delivery has an `asyncio.run` of its own, and nobody closes the store."""
    gc.collect()
    gc.freeze()  # What is there before: else it takes a second to collect what is not.
    try:
        store = AsyncRedisStore(server.url)
        for number in range(20):
            asyncio.run(store.aclaim(f"msg_{number}", ["h"], LEASE))
            gc.collect()
        with redis.Redis(port=server.port) as admin:
            assert admin.info("clients")["connected_clients"] < 5
        del store
        gc.collect()
    finally:
        gc.unfreeze()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_leaves_the_connections_of_its_parents_loop_alone(
    server: RedisServer,
) -> None:
    async def claim(message_id: str) -> tuple[str, ...]:
        return (await store.aclaim(message_id, ["h"], LEASE)).run

    store = AsyncRedisStore(server.url)
    loop = asyncio.new_event_loop()
    assert loop.run_until_complete(claim("msg_1")) == ("h",)
    child = os.fork()
    if child == 0:
        try:
            del loop
            gc.collect()

            async def claim_and_close() -> tuple[str, ...]:
                run = await claim("msg_child")
                gc.collect()
                await store.aclose()
                return run

            os._exit(0 if asyncio.run(claim_and_close()) == ("h",) else 1)
        finally:
            os._exit(2)
    for number in range(50):
        assert loop.run_until_complete(claim(f"msg_parent_{number}")) == ("h",)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert loop.run_until_complete(claim("msg_2")) == ("h",)
    with redis.Redis(port=server.port) as admin:  # Nobody had to connect anew.
        assert admin.info("stats")["total_connections_received"] == 3
    loop.run_until_complete(store.aclose())
    loop.close()


def test_a_forked_process_does_not_wait_for_a_connection_of_its_parents_threads(
    server: RedisServer,
) -> None:
    begun, may_go_on = threading.Event(), threading.Event()

    def connect(connection: Any) -> None:
        begun.set()
        may_go_on.wait(60)
        connection.on_connect()

    client = redis.Redis(port=server.port, max_connections=1, redis_connect_func=connect)
    store = RedisStore(client, timeout=timedelta(seconds=20))
    thread = threading.Thread(target=store.show, args=("msg_1",))
    thread.start()
    assert begun.wait(60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Of the fork beside a thread.
        child = os.fork()
    if child == 0:
        try:
            may_go_on.set()
            os._exit(0 if store.claim("msg_child", ["h"], LEASE).run == ("h",) else 1)
        finally:
            os._exit(2)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    may_go_on.set()
    thread.join()
    store.close()
    client.close()
    assert status == 0
