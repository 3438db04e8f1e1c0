"""Connections to Redis that keep to deadlines."""

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from ..errors import ConfigurationError


def connections(source: ConnectionPool | str, timeout: float) -> "Connections":
    """Connections with the settings of a pool or a URL, but which keep to deadlines."""
    half = timeout / 2  # A host can have two addresses, and TLS needs a handshake.
    added = ("maint_notifications", "oss_cluster", "orig_")  # redis-py adds these for its own pool.
    try:
        pool: Any = ConnectionPool.from_url(source) if isinstance(source, str) else source  # pyright: ignore[reportUnknownMemberType] - redis-py types no keywords
        options = {k: v for k, v in pool.connection_kwargs.items() if not k.startswith(added)}
        options |= {"socket_connect_timeout": half, "socket_timeout": half}
        options["retry"] = Retry(NoBackoff(), 0)
        make = partial(type("Connection", (_Punctual, pool.connection_class), {}), **options)
        make()  # Does not connect yet, but refuses options that are unknown or wrong.
    except Exception:  # noqa: BLE001 - redis-py raises anything, perhaps with the password in it.
        raise ConfigurationError(
            "client: not a URL like redis://host/0, or an option is wrong"
        ) from None
    return Connections(make)


class _Punctual:
    """Makes a connection of redis-py keep to `deadline` overall, not anew for each reply."""

    deadline: float  # By time.monotonic.
    _sock: Any

    def send_packed_command(self, *arguments: Any, **options: Any) -> None:
        self._hurry()
        cast("Any", super()).send_packed_command(*arguments, **options)

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        self._hurry()
        return cast("Any", super()).read_response(*arguments, **options)

    def _hurry(self) -> None:
        if self._sock is not None:  # At least 1 ms: 0 would mean non-blocking mode.
            self._sock.settimeout(max(self.deadline - time.monotonic(), 0.001))


class Connections:
    """Runs commands on connections created by `make`, and keeps the idle ones.

    A `Redis` does the same, but with so much overhead that a round trip takes half as long again.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make  # A pool's own method counts new connections, but never closed ones.
        self._idle: list[Any] = []
        self._process = os.getpid()

    def execute(self, deadline: float, *command: "str | int") -> Any:
        """Send a command, and return the raw reply."""
        connection = self._idle_connection()
        if connection is None:
            connection = self._connected(deadline)
        connection.deadline = deadline
        try:
            connection.send_packed_command([_packed(command)])
            reply = connection.read_response()
        except ResponseError:
            self._idle.append(connection)
            raise
        except BaseException:
            connection.disconnect()
            raise
        self._idle.append(connection)
        return reply

    def _connected(self, deadline: float) -> Any:
        connection = self._make()
        connection.deadline = deadline
        try:
            connection.connect()
        except BaseException:
            connection.disconnect()
            raise
        return connection

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().disconnect()

    def _idle_connection(self) -> Any:
        """An idle connection that Redis has not closed meanwhile, if there is one."""
        if self._process != os.getpid():  # The parent's connections must be left alone.
            self._idle, self._process = [], os.getpid()
        while True:
            try:
                connection = self._idle.pop()  # Atomic: no two threads get the same one.
            except IndexError:
                return None
            try:
                if not connection.can_read(timeout=0):
                    return connection
            except (RedisError, OSError):
                pass
            connection.disconnect()


def _packed(command: "tuple[str | int, ...]") -> bytes:
    """A command in Redis's protocol: an array of strings, each after its length in bytes."""
    parts = [b"*%d\r\n" % len(command)]
    for argument in command:
        text = str(argument).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(text), text))
    return b"".join(parts)
