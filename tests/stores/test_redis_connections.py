"""Connections that are lost, many at once, slow, or cannot be made: what a `RedisStore` does."""

from __future__ import annotations

import socket
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from clerk_hooks import ConfigurationError, StoreUnavailable
from clerk_hooks.stores.redis import RedisStore

from .network import RedisServer
from .worker import LEASE

redis = pytest.importorskip("redis")


@pytest.mark.parametrize("limit", ["max_connections=5", ""])
def test_the_store_outlives_any_number_of_lost_connections(server: RedisServer, limit: str) -> None:
    store = RedisStore(f"{server.url}?{limit}")
    with redis.Redis(port=server.port) as admin:
        most = 5 if limit else redis.ConnectionPool().max_connections
        for number in range(min(most, 200) + 3):
            assert store.claim(f"msg_{number}", ["h"], LEASE).run == ("h",)
            assert admin.client_kill_filter(_type="normal", skipme=True) == 1


def test_more_threads_than_a_clients_pool_has_connections_are_all_served(
    server: RedisServer,
) -> None:
    pool = redis.BlockingConnectionPool(port=server.port, max_connections=2, timeout=5)
    store = RedisStore(redis.Redis(connection_pool=pool))
    together = threading.Barrier(12)

    def claim(number: int) -> tuple[str, ...]:
        together.wait(10)
        return store.claim(f"msg_{number}", ["h"], LEASE).run

    with ThreadPoolExecutor(12) as threads:
        assert set(threads.map(claim, range(12))) == {("h",)}


@pytest.mark.parametrize(
    "url",
    [
        "redis://host/0?hunter2=hunter2",
        "redis://host/0?protocol=hunter2",
        "redis://host/0?parser_class=hunter2",
        "redis://host/0?port=hunter2",
        "redis://host/0?db=hunter2",
        "redis://:hunter2@host:99999/0",
        "rediss://:hunter2@host/0?ssl_cert_reqs=hunter2",
        "unix:///hunter2?hunter2=1",
    ],
)
def test_a_url_with_a_wrong_option_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^client: .*option is wrong$") as caught:
        RedisStore(url)
    shown = caught.value
    assert "hunter2" not in str(shown)
    assert shown.__cause__ is None
    assert shown.__suppress_context__
    assert "hunter2=" not in "".join(traceback.format_exception_only(shown))


def test_a_client_with_a_wrong_option_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^client: .*option is wrong$"):
        RedisStore(redis.Redis(port="hunter2"))


@pytest.mark.parametrize("url", ["redis://a..b/0", "redis://127.0.0.1/0?port=99999"])
def test_an_address_that_cannot_be_is_unavailable(url: str) -> None:
    with pytest.raises(StoreUnavailable, match=r"^Redis: \w+$"):
        RedisStore(url).claim("msg_1", ["h"], LEASE)


def test_replies_that_are_each_in_time_do_not_add_up_to_more_than_the_timeout() -> None:
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
        store = RedisStore(url, timeout=timedelta(seconds=0.8))
        started = time.monotonic()
        with pytest.raises(StoreUnavailable):
            store.claim("msg_1", ["h"], LEASE)
        took = time.monotonic() - started
        ended.set()
        thread.join(10)
    assert answered
    assert took < 1.1
