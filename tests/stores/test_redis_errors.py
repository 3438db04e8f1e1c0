"""What Redis says when it refuses a call is in the error, without passwords and arguments."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from clerk_hooks import ConfigurationError, StoreUnavailable
from clerk_hooks.idempotency import ObjectVersion

from .network import RedisServer, free_port
from .redis_kinds import RedisKind
from .worker import LEASE

redis = pytest.importorskip("redis")

OBJECT = ObjectVersion("user", "user_hunter2", 5, False, frozenset({"h"}))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    """Starts a Redis with options."""
    servers: list[RedisServer] = []

    def start(*options: str) -> RedisServer:
        folder = tmp_path / str(len(servers))
        folder.mkdir()
        server = RedisServer(folder, *options, persistent=False)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()


def wait_until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        pass


def refused(store: Any) -> str:
    """What is said of a claim that fails, once it is sure that nothing else is shown with it."""
    with pytest.raises(StoreUnavailable) as caught:
        store.claim("msg_hunter2", ["h"], LEASE, OBJECT)
    error = caught.value
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert "hunter2" not in str(error)
    return str(error)


def test_a_database_number_that_is_too_large(kind: RedisKind, server: RedisServer) -> None:
    store = kind.store(server.url.replace("/0", "/9999"))
    assert refused(store) == "Redis: ResponseError: DB index is out of range"


def test_a_script_of_somebody_else_that_runs_too_long(kind: RedisKind, server: RedisServer) -> None:
    store = kind.store(server.url)
    store.claim("msg_1", ["h"], LEASE)
    with redis.Redis(port=server.port) as admin, redis.Redis(port=server.port) as busy:
        admin.config_set("lua-time-limit", 1)

        def loop() -> None:
            with pytest.raises(redis.exceptions.ResponseError, match="killed"):
                busy.eval("while true do end", 0)

        thread = threading.Thread(target=loop)
        thread.start()
        try:
            while True:  # Until it is running.
                try:
                    admin.ping()
                except redis.exceptions.ResponseError:
                    break
            assert refused(store).startswith("Redis: ResponseError: BUSY Redis is busy running")
        finally:
            admin.script_kill()
            thread.join(10)


def test_a_password_that_is_missing_or_wrong(kind: RedisKind, start: Any) -> None:
    server = start("--requirepass", "right")
    address = f"127.0.0.1:{server.port}"
    missing = refused(kind.store(f"redis://{address}/0"))
    assert missing.startswith("Redis: AuthenticationError: ")
    assert "uthentication required" in missing or "uthenticate" in missing
    wrong = refused(kind.store(f"redis://:hunter2@{address}/0"))
    assert "Redis: AuthenticationError: invalid username-password pair" in wrong


def test_a_command_that_redis_does_not_know_is_named_without_its_arguments(
    kind: RedisKind, start: Any
) -> None:
    server = start("--rename-command", "EVALSHA", "", "--rename-command", "HELLO", "")
    url = f"redis://127.0.0.1:{server.port}/0"
    with_password = url.replace("//", "//:hunter2@")
    assert "ResponseError: unknown command 'EVALSHA'" in refused(kind.store(f"{url}?protocol=2"))
    # This Redis repeats the password that comes with HELLO.
    assert "unknown command 'HELLO'" in refused(kind.store(f"{with_password}?protocol=3"))


def test_a_user_without_the_right(kind: RedisKind, start: Any) -> None:
    server = start("--user", "shop", "on", ">hunter2", "~*", "+@all", "-@scripting")
    store = kind.store(f"redis://shop:hunter2@127.0.0.1:{server.port}/0")
    assert "NoPermissionError: " in (said := refused(store))
    assert "no permissions to run the 'evalsha' command" in said.lower()


def test_a_redis_without_memory(kind: RedisKind, server: RedisServer) -> None:
    with redis.Redis(port=server.port) as admin:
        admin.config_set("maxmemory", "1")
    assert "OutOfMemoryError: command not allowed when used memory" in refused(
        kind.store(server.url)
    )


def test_a_replica_that_takes_no_writes(kind: RedisKind, start: Any) -> None:
    server = start("--replicaof", "127.0.0.1", str(free_port()))
    assert "ReadOnlyError: You can't write against a read only replica" in refused(
        kind.store(server.url)
    )


def test_a_redis_that_is_still_loading(kind: RedisKind, tmp_path: Path) -> None:
    server = RedisServer(
        tmp_path,
        *("--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024"),
        persistent=False,
    )
    server.start()
    try:
        with redis.Redis(port=server.port) as admin:
            admin.mset({f"key_{n}": "x" * 100 for n in range(10_000)})
            admin.save()
        server.stop()
        server.start(is_loading=True)
        said = refused(kind.store(server.url))
        assert said == "Redis: BusyLoadingError: Redis is loading the dataset in memory"
    finally:
        server.stop()


def test_a_redis_that_cannot_save(kind: RedisKind, start: Any, tmp_path: Path) -> None:
    server = start("--dbfilename", "taken.rdb")
    (tmp_path / "0" / "taken.rdb").mkdir()
    with redis.Redis(port=server.port) as admin:
        admin.config_set("save", "900 1")
        admin.bgsave()
        wait_until(lambda: admin.info("persistence")["rdb_last_bgsave_status"] == "err")
        assert "MISCONF Redis is configured to save" in refused(kind.store(server.url))


def test_too_many_clients(kind: RedisKind, start: Any) -> None:
    server = start("--maxclients", "1")
    with redis.Redis(port=server.port) as first:
        first.ping()
        assert refused(kind.store(server.url)).startswith("Redis: ConnectionError")


CLUSTER = ("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf")


@contextmanager
def node(start: Any, slots: range) -> Iterator[Any]:
    """The client of a node of a cluster that has these slots."""
    server = start(*CLUSTER, "--cluster-port", str(free_port()))
    with redis.Redis(port=server.port) as client:
        if slots:
            client.execute_command("CLUSTER", "ADDSLOTS", *slots)
        yield client


def port_of(client: Any) -> int:
    return int(client.connection_pool.connection_kwargs["port"])


def test_a_plain_client_of_a_cluster(kind: RedisKind, start: Any) -> None:
    """Without braces in the prefix, and with keys that are on another node."""
    with node(start, range(16384)) as one, node(start, range(0)) as other:
        wait_until(lambda: "cluster_state:ok" in str(one.execute_command("CLUSTER", "INFO")))
        url = f"redis://127.0.0.1:{port_of(one)}/0"
        said = refused(kind.store(url, prefix="shop:"))
        assert "Keys in request don't hash to the same slot: " in said
        assert said.endswith("on a cluster the prefix needs braces, as in '{clerk_hooks}:'")
        bus = other.execute_command("CONFIG", "GET", "cluster-port")
        bus = bus[b"cluster-port"] if isinstance(bus, dict) else bus[1]
        one.execute_command("CLUSTER", "MEET", "127.0.0.1", port_of(other), int(bus))
        name = other.execute_command("CLUSTER", "MYID").decode()
        wait_until(lambda: name in str(one.execute_command("CLUSTER", "NODES")))
        slot = one.execute_command("CLUSTER", "KEYSLOT", "{clerk_hooks}:")
        wait_until(lambda: moved(one, slot, name))
        said = refused(kind.store(url))
        assert f" {slot} 127.0.0.1:{port_of(other)}: " in said
        assert said.endswith("this server is a node of a cluster: pass a RedisCluster")


def moved(client: Any, slot: int, node: str) -> bool:
    try:
        client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", node)
    except redis.exceptions.ResponseError:  # They have not shaken hands yet.
        return False
    return True


def test_a_client_of_a_cluster_works_and_wants_braces_in_the_prefix(
    kind: RedisKind, start: Any
) -> None:
    with node(start, range(16384)) as one:
        wait_until(lambda: "cluster_state:ok" in str(one.execute_command("CLUSTER", "INFO")))
        make = kind.library.RedisCluster
        cluster = make(host="127.0.0.1", port=port_of(one))
        store = kind.store(cluster)
        claim = store.claim("msg_1", ["h"], LEASE, OBJECT)
        assert store.confirm("msg_1", "h", claim.token, OBJECT)
        for prefix in ("shop:", "{}shop:", "shop}{:"):
            with pytest.raises(ConfigurationError, match="prefix: a cluster keeps keys together"):
                kind.store(cluster, prefix=prefix)
        store.run(cluster.aclose()) if kind.is_async else cluster.close()


def test_nobody_listens(kind: RedisKind) -> None:
    for host in ("127.0.0.1", "localhost"):
        said = refused(kind.store(f"redis://:hunter2@{host}:{free_port()}/0"))
        assert said == "Redis: ConnectionError: Connection refused"


def test_a_host_that_is_not_there_is_not_repeated(kind: RedisKind) -> None:
    """A password with a slash or a question mark in it ends up as the host."""
    assert refused(kind.store("redis://hunter2.invalid")).startswith("Redis: ConnectionError")


@pytest.mark.parametrize(
    ("scheme", "words"), [("redis", "Redis: "), ("rediss", "Redis: ConnectionError: ")]
)
def test_a_server_that_is_not_redis(kind: RedisKind, scheme: str, words: str) -> None:
    def serve() -> None:
        while connection := listener.accept()[0]:
            with connection:
                if connection.recv(65536) == b"end":
                    return
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nx: hunter2\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        said = refused(kind.store(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/0"))
        assert said.startswith(words)
        assert "not permitted" not in said  # The number of an error of TLS means something else.
        with socket.create_connection(listener.getsockname()) as last:
            last.sendall(b"end")
        thread.join(10)
