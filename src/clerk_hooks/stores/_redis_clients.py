"""Clients of redis-py that keep to a store's timeout, made from those that the app has.

Connections, their pool, retries and forks are redis-py's. An earlier version had connections and a
pool of its own, which took some 10 us less for each call. It was a quarter of our code for Redis,
and all of it had to be right under threads, forks and restarts, as redis-py's is already.

The pool is always a new one, with the settings of the app's, for three reasons. The app's timeouts
and retries add up to minutes (10 retries of 5 s are redis-py's default). A pool of asyncio belongs
to the event loop that used it first. And an app that has used up its pool still gets its webhooks.

A command is sent once more if its connection turns out to be lost, as idle ones often are behind a
firewall. Redis may have run it the first time; `_lua.py` says why that does no harm.
"""

import asyncio
import re
import threading
import time
from collections.abc import Callable
from math import inf
from types import ModuleType
from typing import Any, cast

import redis
import redis.asyncio
from redis.backoff import NoBackoff

from ..errors import ConfigurationError
from ._fork import leave_when_forked

_MOST = 100
"""Connections of a pool, unless its settings say fewer. More calls than that wait for one."""


def client_maker(client: object, library: ModuleType, prefix: str) -> Callable[[], Any]:
    """A function that makes a client with the settings of `client`, which may be a URL.

    `library` is ``redis`` or ``redis.asyncio``. The clients for ``redis`` keep to what `begin_call`
    has said; those for ``redis.asyncio`` wait for ever. A client of a cluster or of Sentinel is
    returned itself. Raises `ConfigurationError`.
    """
    names: Any = library
    _check(client, names, prefix)
    source: Any = client if isinstance(client, str) else getattr(client, "connection_pool", None)
    if type(source) not in (str, names.ConnectionPool, names.BlockingConnectionPool):
        return lambda: client
    build = _Direct if library is redis else _AsyncDirect

    def make() -> Any:
        theirs = names.ConnectionPool.from_url(source) if isinstance(source, str) else source
        settings = _settings(theirs) | {
            "retry": names.retry.Retry(NoBackoff(), 1),
            "retry_on_error": [redis.ConnectionError],  # redis-py 5 retries nothing else.
        }
        made = build(theirs.connection_class, settings)
        pool: Any = made.connection_pool
        pool.connection_class(**pool.connection_kwargs)  # Refuses options that are wrong.
        return made

    try:
        make()  # Does not connect.
    except Exception:  # noqa: BLE001 - redis-py raises anything, perhaps with the password in it.
        raise ConfigurationError(
            "client: not a URL like redis://host/0, or an option is wrong"
        ) from None
    return make


def begin_call(timeout: float) -> None:
    """Give the call that this thread makes next `timeout` seconds."""
    _call.ends = time.monotonic() + timeout


class _Direct:
    """Runs commands on a pool of ``redis``, as its client does, with a third of its overhead.

    It leaves out the client's metrics, and a semaphore costs less than a blocking pool.
    """

    def __init__(self, kind: type, settings: dict[str, Any]) -> None:
        punctual = type("Connection", (_Punctual, kind), {})
        pool: Any = redis.ConnectionPool
        self.connection_pool = pool(connection_class=punctual, **settings)
        self.leave_to_parent()
        leave_when_forked(self)

    def leave_to_parent(self) -> None:
        """Begin to count again: in a forked process, no thread has a connection."""
        self._free = threading.Semaphore(self.connection_pool.max_connections)

    def execute_command(self, *command: str | int) -> Any:
        """The reply to `command`, as Redis sent it."""
        if not self._free.acquire(timeout=_remaining()):
            raise redis.ConnectionError("No connection available.")
        try:
            connection = self.connection_pool.get_connection()

            def exchange() -> Any:
                connection.send_command(*command)
                return connection.read_response()

            def disconnect(_: Exception) -> None:
                connection.disconnect()

            try:
                return connection.retry.call_with_retry(exchange, disconnect)
            finally:
                self.connection_pool.release(connection)
        finally:
            self._free.release()


class _AsyncDirect:
    """The same for a pool of ``redis.asyncio``."""

    def __init__(self, kind: type, settings: dict[str, Any]) -> None:
        pool: Any = redis.asyncio.ConnectionPool(connection_class=kind, **settings)
        self.connection_pool = pool
        self._free = asyncio.Semaphore(pool.max_connections)

    async def execute_command(self, *command: str | int) -> Any:
        """The reply to `command`, as Redis sent it."""
        async with self._free:
            connection = await self.connection_pool.get_connection()

            async def exchange() -> Any:
                await connection.send_command(*command)
                return await connection.read_response()

            async def disconnect(_: Exception) -> None:
                await connection.disconnect()

            try:
                return await connection.retry.call_with_retry(exchange, disconnect)
            finally:
                await self.connection_pool.release(connection)


class _Call(threading.local):
    """The call that a thread is making."""

    ends = inf
    """By time.monotonic."""


_call = _Call()


class _Punctual:
    """Makes a connection of ``redis`` keep to one deadline, not begin anew with each reply."""

    _sock: Any

    def _connect(self) -> Any:
        # A host can have two addresses, and TLS needs a handshake.
        self.socket_connect_timeout = self.socket_timeout = _remaining() / 3
        return cast("Any", super())._connect()  # noqa: SLF001 - for subclasses to override

    def send_packed_command(self, *arguments: Any, **options: Any) -> None:
        self._hurry()
        cast("Any", super()).send_packed_command(*arguments, **options)

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        self._hurry()
        return cast("Any", super()).read_response(*arguments, **options)

    def _hurry(self) -> None:
        if self._sock is not None:
            self._sock.settimeout(_remaining())


def _remaining() -> float:
    return max(_call.ends - time.monotonic(), 0.001)  # 0 would mean non-blocking mode.


def _settings(pool: Any) -> dict[str, Any]:
    """The options of a pool, without timeouts, retries, encodings, and what redis-py adds."""
    others = ("maint_notifications", "oss_cluster", "orig_", "retry")
    kept = {k: v for k, v in pool.connection_kwargs.items() if not k.startswith(others)}
    most = min(pool.max_connections, _MOST)
    ours = {"encoding": "utf-8", "encoding_errors": "strict", "max_connections": most}
    return kept | ours | {"socket_timeout": None, "socket_connect_timeout": None}


def _check(client: object, library: Any, prefix: str) -> None:
    """Check that `client` is one of `library` or a URL, and that `prefix` does for it."""
    if isinstance(client, str):
        return
    if not isinstance(client, (library.Redis, library.RedisCluster)):
        raise ConfigurationError(_why_not(client, f"{library.__name__}.Redis"))
    if isinstance(client, (library.client.Pipeline, library.cluster.ClusterPipeline)):
        raise ConfigurationError(
            "client: a pipeline only collects commands; pass the client that it was made from"
        )
    if isinstance(client, library.RedisCluster) and not re.match(r"[^{]*\{[^}]+\}", prefix):
        raise ConfigurationError(
            "prefix: a cluster keeps keys together only if they have the same text in braces, such "
            "as '{clerk_hooks}:'"
        )


def _why_not(client: object, name: str) -> str:
    """What to pass in place of `client`, which is not a `name`."""
    if any(kind.__module__.partition(".")[0] == "valkey" for kind in type(client).__mro__):
        return (
            "client: valkey-py does not work, because it raises its own error classes; pass a "
            f"{name} for the same server, or its URL as redis://host:port/0"
        )
    if isinstance(client, (redis.asyncio.Redis, redis.asyncio.RedisCluster)):
        return f"client: it is one of redis.asyncio; use AsyncRedisStore, or pass a {name} or a URL"
    if isinstance(client, (redis.Redis, redis.RedisCluster)):
        return f"client: it is synchronous; use RedisStore, or pass a {name} or a URL"
    return f"client must be a {name} or a URL"
