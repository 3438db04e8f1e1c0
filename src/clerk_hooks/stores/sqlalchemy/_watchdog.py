"""Cuts connections to servers that have gone silent.

A synchronous driver waits for a reply until the kernel gives up on the connection. If a server is
frozen, or a network drops packets, that takes minutes or forever. So one thread, which all stores
share, shuts the socket of a connection that has been waiting too long. Its driver then sees that
the connection is broken.
"""

import os
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from threading import Condition, Thread

from sqlalchemy.engine import Connection

from .._fork import leave_when_forked


class _Watchdog:
    """The thread and the sockets that it watches."""

    def __init__(self) -> None:
        self._begin()
        leave_when_forked(self)

    def leave_to_parent(self) -> None:
        """Start again: a forked process has none of its parent's threads."""
        self._begin()

    def _begin(self) -> None:
        self._changed = Condition()
        self._watched: dict[int, float] = {}
        self._wakes_at = float("inf")
        self._thread: Thread | None = None

    def add(self, socket_: int, deadline: float) -> None:
        """Shut `socket_` at `deadline` (monotonic clock), unless it is removed before then."""
        with self._changed:
            self._watched[socket_] = deadline
            if self._thread is None:
                self._thread = Thread(target=self._watch, name="clerk_hooks", daemon=True)
                self._thread.start()
            if deadline < self._wakes_at:  # Rare: the thread usually wakes earlier anyway.
                self._changed.notify()

    def remove(self, socket_: int) -> None:
        """Stop watching `socket_`."""
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
    """Cut `connection` if the work in this block takes longer than `seconds`.

    This works only if the driver shows its socket, as PostgreSQL's drivers and PyMySQL do.
    """
    driver = connection.connection.dbapi_connection
    fileno = getattr(driver, "fileno", None) or getattr(
        getattr(driver, "_sock", None), "fileno", None
    )
    socket_ = None
    if fileno is not None:
        with suppress(OSError):
            # Nobody can close a duplicate, so its number is not reused while it is watched.
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
