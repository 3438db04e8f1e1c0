"""A store in Redis (or Valkey), for processes on many machines. Needs the extra ``redis``.

Each call is one round trip. The store is as durable as your Redis: if a crash or a failover loses
its last second, the handlers confirmed in that second run again. Redis must not evict keys
(``maxmemory-policy noeviction``).
"""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from hashlib import sha1
from math import ceil
from typing import Any, cast

from ..errors import ConfigurationError, StoreUnavailable
from ..idempotency import (
    CLOCK_SKEW,
    DEFAULT_RETENTION,
    DEFAULT_TIMEOUT,
    Claim,
    HandlerRecord,
    Holder,
    ObjectVersion,
    checked_retention,
    checked_timeout,
    new_token,
)
from ._lua import CLAIM, CONFIRM, FORGET, RELEASE, SHOW

try:
    from redis import BlockingConnectionPool, ConnectionPool, Redis, RedisCluster
    from redis.exceptions import NoScriptError, RedisClusterException, RedisError
except ImportError as error:
    raise ImportError(
        "clerk_hooks.stores.redis needs redis: pip install 'clerk-hooks[redis]'"
    ) from error

from ._redis_connections import connections


class RedisStore:
    """An `IdempotencyStore` in Redis 5 or newer, given a client (of redis-py) or a URL.

    All keys begin with `prefix`, whose braces keep them in one slot of a cluster. Confirmed
    handlers are remembered for `retention`. A call that fails, or takes longer than `timeout` with
    connecting (but without looking up the host's name), raises `StoreUnavailable`.

    The store connects as the client does, but opens its own connections, as many as there are calls
    at the same time. A cluster's client, or one that uses Sentinel, is used itself: give it a
    ``socket_timeout``. `clock` returns the Unix time in seconds. The clocks of all machines must
    agree to well within a lease.

    Raises `ConfigurationError`.
    """

    def __init__(
        self,
        client: Redis | RedisCluster | str,
        *,
        prefix: str = "{clerk_hooks}:",
        retention: timedelta = DEFAULT_RETENTION,
        timeout: timedelta = DEFAULT_TIMEOUT,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not isinstance(prefix, str):
            raise ConfigurationError("prefix must be text")
        self._prefix = prefix
        self._retention = checked_retention(retention)
        self._clock = clock
        self._timeout = checked_timeout(timeout)
        self._execute = _executor(client, self._timeout)

    def claim(
        self,
        message_id: str,
        handlers: Sequence[str],
        lease: timedelta,
        object: ObjectVersion | None = None,
    ) -> Claim:
        """Claim handlers of a message, as `IdempotencyStore.claim` says."""
        now, seconds, token = self._clock(), lease.total_seconds(), new_token()
        latest = repr(now + seconds + CLOCK_SKEW)
        keys = [self._message_key(message_id)]
        if object is not None:
            keys += [self._object_key("mark", object), self._object_key("holders", object)]
        kept = ceil(1000 * max(seconds, self._retention))
        head = (repr(now), token, repr(now + seconds), kept, *_version(object), message_id, latest)
        droppers = frozenset[str]() if object is None else object.handlers
        flagged = [f"{int(name in droppers)}{name}" for name in handlers]
        outcomes, until, other = map(_text, self._run(_CLAIM, keys, *head, *flagged))
        by_outcome: dict[str, list[str]] = {"run": [], "done": [], "busy": [], "stale": []}
        for name, outcome in zip(handlers, outcomes.split(), strict=True):
            by_outcome[outcome].append(name)
        run, done, busy, stale = map(tuple, by_outcome.values())
        holder = Holder(float(until), other or None) if until else None
        return Claim(token, run, done, busy, stale, holder)

    def confirm(
        self, message_id: str, handler: str, token: str, mark: ObjectVersion | None = None
    ) -> bool:
        """Record that a handler succeeded, as `IdempotencyStore.confirm` says."""
        now = self._clock()
        keys = [self._message_key(message_id)]
        if mark is not None:
            keys.append(self._object_key("mark", mark))
        kept = ceil(1000 * self._retention)
        ends = repr(now + self._retention)
        head = (repr(now), token, ends, kept, *_version(mark), message_id)
        return bool(self._run(_CONFIRM, keys, *head, handler))

    def release(self, message_id: str, handlers: Sequence[str], token: str) -> None:
        """Give up claims, as `IdempotencyStore.release` says."""
        self._run(_RELEASE, [self._message_key(message_id)], message_id, token, *handlers)

    def show(self, message_id: str) -> list[HandlerRecord]:
        """Return the records of a message, ordered by the names of its handlers."""
        found = map(_text, self._run(_SHOW, [self._message_key(message_id)]))
        now = self._clock()
        records = [_record(name, text) for name, text in zip(found, found, strict=True)]
        return sorted(record for record in records if record.expires_at > now)

    def forget(self, message_id: str) -> int:
        """Forget a message, as `IdempotencyStore.forget` says."""
        return int(self._run(_FORGET, [self._message_key(message_id)], message_id))

    def purge(self) -> int:
        """Return 0: Redis itself forgets everything older than the retention."""
        return 0

    def _message_key(self, message_id: str) -> str:
        return f"{self._prefix}message:{message_id}"

    def _object_key(self, kind: str, version: ObjectVersion) -> str:
        return f"{self._prefix}{kind}:{version.family}:{version.id}"

    def _run(self, script: "_Script", keys: Sequence[str], *arguments: "str | int") -> Any:
        deadline, operands = time.monotonic() + self._timeout, (len(keys), *keys, *arguments)
        try:
            try:
                return self._execute(deadline, "EVALSHA", script.sha, *operands)
            except NoScriptError:  # This is the very first call, or Redis was restarted.
                return self._execute(deadline, "EVAL", script.text, *operands)
        except _FAILURES as error:
            raise StoreUnavailable(f"Redis: {type(error).__name__}") from error


def _why_not(client: object) -> str:
    """What to pass in place of `client`, which is not a client of redis-py."""
    modules = {kind.__module__.partition(".")[0] for kind in type(client).__mro__}
    if "valkey" in modules:
        return (
            "client: valkey-py does not work, because it raises its own error classes; pass a "
            "redis.Redis for the same server, or its URL as redis://host:port/0"
        )
    return (
        "client must be a redis.Redis or a URL; a client of redis.asyncio does not work, as "
        "areceive calls the store in a thread"
    )


class _Script:
    """A Lua script, and the hash by which Redis knows it once it has run."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = sha1(text.encode(), usedforsecurity=False).hexdigest()


_CLAIM, _CONFIRM, _RELEASE = _Script(CLAIM), _Script(CONFIRM), _Script(RELEASE)
_SHOW, _FORGET = _Script(SHOW), _Script(FORGET)
# An impossible host or port raises one of the last two.
_FAILURES = (RedisError, RedisClusterException, OSError, ValueError, OverflowError)


def _executor(client: Redis | RedisCluster | str, timeout: float) -> Callable[..., Any]:
    """A function that runs a command. It keeps to a deadline if the connections are ours."""
    if isinstance(client, str):
        return connections(client, timeout).execute
    if not isinstance(client, (Redis, RedisCluster)):
        raise ConfigurationError(_why_not(client))
    pool: Any = getattr(client, "connection_pool", None)
    if type(pool) in (ConnectionPool, BlockingConnectionPool):
        return connections(pool, timeout).execute
    theirs: Callable[..., Any] = cast("Any", client).execute_command

    def execute(_deadline: float, *command: str | int) -> Any:
        return theirs(*command)

    return execute


def _version(version: ObjectVersion | None) -> "tuple[str | int, int]":
    """Time and kind. An empty text stands for no time: Lua does not read it as a number."""
    if version is None:
        return "", 0
    return "" if version.time is None else version.time, int(version.is_delete)


def _record(handler: str, text: str) -> HandlerRecord:
    state, ends, token = text.split(" ", 3)[:3]
    return HandlerRecord(handler, "done" if state == "done" else "running", float(ends), token)


def _text(value: "bytes | str") -> str:
    """A reply as text: some clients decode replies, others do not."""
    return value if isinstance(value, str) else value.decode()
