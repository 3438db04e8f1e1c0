"""Cuts the connections of servers that have gone silent.

A synchronous driver waits for a reply until the kernel gives the connection up: minutes or for ever
where a server is frozen, or a network swallows packets. So a thread, which all stores share, shuts
the socket of a connection that is waited on for too long; its driver then sees that it is broken.
"""

import os
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from threading import Condition, Thread

from sqlalchemy.engine import Connection

from ._fork import leave_when_forked


class _Watchdog:
    """The thread, and the sockets that it watches."""

    def __init__(self) -> None:
        self._begin()
        leave_when_forked(self)

    def leave_to_parent(self) -> None:
        """Begin anew: a process that was forked has none of its parent's threads."""
        self._begin()

    def _begin(self) -> None:
        self._changed = Condition()
        self._watched: dict[int, float] = {}
        self._wakes_at = float("inf")
        self._thread: Thread | None = None

    def add(self, socket_: int, deadline: float) -> None:
        """Shut `socket_` at `deadline` of the monotonic clock, unless it is removed before."""
        with self._changed:
            self._watched[socket_] = deadline
            if self._thread is None:
                self._thread = Thread(target=self._watch, name="clerk_hooks", daemon=True)
                self._thread.start()
            if deadline < self._wakes_at:  # Seldom, as it sleeps until an earlier deadline.
                self._changed.notify()

    def remove(self, socket_: int) -> None:
        """Leave `socket_` alone from now on."""
        with self._changed:
            self._watched.pop(socket_, None)

    def _watch(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for socket_, deadline in list(self._watched.items()):
                    if deadline <= now:
                        del self._watched[socket_]
                        _shut(socket_)
                self._wakes_at = min(self._watched.values(), default=float("inf"))
                self._changed.wait(self._wakes_at - now if self._watched else None)


_watchdog = _Watchdog()


@contextmanager
def watched(connection: Connection, seconds: float) -> Generator[None]:
    """Cut `connection` where what is done with it takes longer than `seconds`.

    Only where the driver tells its socket, as those of PostgreSQL do, or keeps it as PyMySQL does.
    """
    driver = connection.connection.dbapi_connection
    fileno = getattr(driver, "fileno", None) or getattr(
        getattr(driver, "_sock", None), "fileno", None
    )
    socket_ = None
    if fileno is not None:
        with suppress(OSError):
            # One that nobody can close, and give to somebody else, while it is watched.
            socket_ = os.dup(fileno())
    if socket_ is None:
        yield
        return
    _watchdog.add(socket_, time.monotonic() + seconds)
    try:
        yield
    finally:
        _watchdog.remove(socket_)
        os.close(socket_)


def _shut(number: int) -> None:
    with suppress(OSError):
        duplicate = socket.socket(fileno=os.dup(number))
        with duplicate:
            duplicate.shutdown(socket.SHUT_RDWR)
