"""A thread that makes the calls of one store, for event loops.

A store that does one thing at a time gains nothing from a second thread, and loses much: two that
want the same lock keep handing Python's own lock to each other. A pool loses as much again, since
each of its calls has a future, a lock and a condition.
"""

# Theory of operation
#
# The calls wait in a queue. A thread takes them one after the other, and ends when it has had
# nothing to do for a while. It is a daemon, so it never holds up the end of the process: a call
# that is still being made then has lost its event loop, and with it its caller.
#
# If one call takes long, those behind it have less time left (`left`). One that has not begun in
# time is called off by its event loop, which `ThreadCall` sees to: so the others get an answer even
# if the thread hangs for ever.
#
# A forked process has a queue and a thread of its own, and never touches the lock of its parent's.

import os
import threading
from collections.abc import Callable
from math import inf
from queue import Empty, SimpleQueue
from time import monotonic

_IDLE = 1.0  # Seconds after which a thread without work ends.

_now = threading.local()


def left(seconds: float) -> float:
    """Of so many seconds that a store has for a call, those that remain in this thread."""
    ends: float = getattr(_now, "ends", inf)
    return max(0.0, min(seconds, ends - monotonic()))


class OneThread:
    """Makes calls one after the other. Each has to begin within `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._queues: dict[tuple[int, int], _Queue] = {}

    def submit(self, call: Callable[[], object]) -> None:
        """Let the thread make `call`, which must not raise, after those before it.

        Raises `RuntimeError` if there can be no thread.
        """
        # One atomic step, and no lock that a fork could find locked.
        process = os.getpid(), _forks[0]
        queue = self._queues.get(process) or self._queues.setdefault(process, _Queue())
        queue.put(call, monotonic() + self.seconds)


class _Queue:
    """The calls of one process."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Callable[[], object], float]] = SimpleQueue()
        self._lock = threading.Lock()  # A thread that ends leaves no call behind.
        self._has_thread = False

    def put(self, call: Callable[[], object], ends: float) -> None:
        """Add `call`, whose time is up at `ends`, by `monotonic`."""
        with self._lock:
            if not self._has_thread:
                threading.Thread(target=self._work, name="clerk_hooks store", daemon=True).start()
                self._has_thread = True
            self._calls.put((call, ends))

    def _work(self) -> None:
        while True:
            try:
                call, _now.ends = self._calls.get(timeout=_IDLE)
            except Empty:
                with self._lock:
                    if self._calls.empty():
                        self._has_thread = False
                        return
            else:
                call()
                del call  # It has what the caller is waiting for, and more.


_forks = [0]


def _count_fork() -> None:
    # A child may get the id of a process that had a thread before it.
    _forks[0] += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_count_fork)
