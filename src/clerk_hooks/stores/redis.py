"""Stores in Redis (or Valkey), for processes on many machines. They need the extra ``redis``.

Each call is one round trip. The stores are as durable as your Redis: if a crash or a failover loses
its last second, the handlers confirmed in that second run again. Redis must not evict keys
(``maxmemory-policy noeviction``).
"""

import asyncio
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from ..idempotency import (
    DEFAULT_RETENTION,
    DEFAULT_TIMEOUT,
    checked_clock,
    checked_retention,
    checked_timeout,
)
from ..store_methods import AsyncStoreMethods, Result, StoreMethods

try:
    import redis
    import redis.asyncio
    from redis.exceptions import NoScriptError
except ImportError as error:
    raise ImportError(
        "clerk_hooks.stores.redis needs redis: pip install 'clerk-hooks[redis]'"
    ) from error

from ._redis_calls import Call, Calls
from ._redis_clients import begin_call, client_maker
from ._redis_errors import unavailable


class RedisStore(StoreMethods):
    """An `IdempotencyStore` in Redis 5 or newer, given a client of redis-py or a URL.

    All keys begin with `prefix`, whose braces keep them in one slot of a cluster. Confirmed
    handlers are remembered for `retention`. A call that fails, or takes longer than `timeout` with
    connecting (but without looking up the host's name), raises `StoreUnavailable`.

    The store has its own connections, with the settings of the client. A client of a cluster or of
    Sentinel is used itself: give it a ``socket_timeout``. `clock` returns the Unix time in seconds.
    The clocks of all machines must agree to well within a lease.

    For async programs there is `AsyncRedisStore`. Raises `ConfigurationError`.
    """

    def __init__(
        self,
        client: redis.Redis | redis.RedisCluster | str,
        *,
        prefix: str = "{clerk_hooks}:",
        retention: timedelta = DEFAULT_RETENTION,
        timeout: timedelta = DEFAULT_TIMEOUT,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._calls = Calls(prefix, checked_retention(retention), checked_clock(clock))
        self._timeout = checked_timeout(timeout)
        self._client = client_maker(client, redis, prefix)()
        self._theirs = client

    def purge(self) -> int:
        """Return 0: Redis itself forgets everything older than the retention."""
        return 0

    def close(self) -> None:
        """Close the store's own connections. A later call opens new ones."""
        if self._client is not self._theirs:
            self._client.connection_pool.disconnect()

    def _do(self, method: Callable[..., Result], *arguments: Any) -> Result:
        call: Call[Result] = getattr(self._calls, method.__name__)(*arguments)
        begin_call(self._timeout)
        try:
            try:
                reply = self._client.execute_command(*call.by_hash)
            except NoScriptError:
                reply = self._client.execute_command(*call.in_full)
        except Exception as error:  # noqa: BLE001 - an impossible host raises anything
            raise unavailable(error, self._timeout) from None
        return call.read(reply)


class AsyncRedisStore(AsyncStoreMethods):
    """An `AsyncIdempotencyStore` in Redis: like `RedisStore`, for a client of ``redis.asyncio``.

    It answers without a thread. It has its own connections on each event loop that uses it, so the
    client may belong to another loop. `timeout` holds for clients of a cluster and of Sentinel too,
    and includes looking up the host's name.
    """

    def __init__(
        self,
        client: redis.asyncio.Redis | redis.asyncio.RedisCluster | str,
        *,
        prefix: str = "{clerk_hooks}:",
        retention: timedelta = DEFAULT_RETENTION,
        timeout: timedelta = DEFAULT_TIMEOUT,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._calls = Calls(prefix, checked_retention(retention), checked_clock(clock))
        self._timeout = checked_timeout(timeout)
        self._theirs = client
        self._make_client = client_maker(client, redis.asyncio, prefix)
        # A forked process has loops of its own, and so leaves alone what its parent has here.
        self._clients: dict[asyncio.AbstractEventLoop, Any] = {}

    async def apurge(self) -> int:
        """Return 0: Redis itself forgets everything older than the retention."""
        return 0

    async def aclose(self) -> None:
        """Close the store's own connections on the running event loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None and client is not self._theirs:
            await client.connection_pool.disconnect()

    async def _ado(self, method: Callable[..., Result], *arguments: Any) -> Result:
        call: Call[Result] = getattr(self._calls, method.__name__)(*arguments)
        try:
            if sys.version_info >= (3, 11):  # It needs no task of its own, as wait_for does.
                async with asyncio.timeout(self._timeout):
                    reply = await self._ask(call)
            else:
                reply = await asyncio.wait_for(self._ask(call), self._timeout)
        except Exception as error:  # noqa: BLE001 - an impossible host raises anything
            raise unavailable(error, self._timeout) from None
        return call.read(reply)

    async def _ask(self, call: Call[Any]) -> object:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            for old in [other for other in list(self._clients) if other.is_closed()]:
                self._clients.pop(old, None)  # Nobody can use or close its connections any more.
            client = self._clients[loop] = self._make_client()
        try:
            return await client.execute_command(*call.by_hash)
        except NoScriptError:
            return await client.execute_command(*call.in_full)
