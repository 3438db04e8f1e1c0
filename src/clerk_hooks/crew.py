"""The calls that one process makes at a time, the threads that make them, and when it is stuck."""

# Theory of operation
#
# A queue that is frozen says neither yes nor no, and its client may wait for minutes. Svix gives up
# after 15 s. So each call is made where its caller can leave it behind: a sync function in a thread
# of a small pool, an async one in a task, of the running event loop or of the process's own. If a
# sync function returns something to await, that is awaited as an async function would be.
#
# States of a call, which the lock of its crew guards:
#
#   waiting --> running --> over
#      |           |          ^
#      |           +--> left -+
#      +--> over, and never made
#
# - The caller waits until the call is over or its time is up, whichever comes first. Then it takes
#   a waiting call back, which is never made. It leaves a running call behind: a task is cancelled,
#   and a thread goes on. Nobody learns what becomes of such a call; it may well succeed.
# - A crew is what one process has: up to `SIZE` threads, made when they are needed, which end when
#   they have been idle for a while. They are daemons, so they never hold up the end of the process.
#   A forked process makes a crew of its own, and never touches the lock of its parent's.
# - A crew is stuck when all its places are taken by calls that have outlived their time. Then calls
#   are refused at once, also those that wait, until a call ends, however it ends.
# - Some calls never end: their client has no timeout, and the other side has vanished without a
#   word. So a crew that stays stuck lets one more call try every `PROBE` seconds, in a place of its
#   own. When any call succeeds, the calls that have not ended count no longer: there are `SIZE`
#   places for others again. In all there are at most `SIZE` + `SPARE`.

from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from threading import Condition, Lock, Thread
from time import monotonic
from typing import Literal

from .waiting import discard, finished

SIZE = 8
"""Threads of a crew; and how many calls may outlive their time before others are refused."""

SPARE = 24
"""Places that it may get in addition, for those whose calls never end."""

PROBE = 30.0
"""Seconds until a stuck crew lets one more call try."""

_IDLE = 10.0  # Seconds after which a thread without work ends.


class Call:
    """One call: where it stands, and what came of it."""

    __slots__ = (
        "_context",
        "_kind",
        "_make",
        "_pending",
        "ends",
        "error",
        "is_refused",
        "result",
        "state",
        "task",
        "wake",
    )

    def __init__(
        self, kind: str, make: Callable[[], object], ends: float, pending: object = None
    ) -> None:
        self._kind = kind
        self._make = make
        self._pending = pending
        self._context = copy_context()
        self.ends = ends
        """When its time is up, by `monotonic`."""
        self.state: Literal["waiting", "running", "left", "over"] = "waiting"
        self.is_refused = False
        """Whether it is over without having been made."""
        self.result: object = None
        # Of a task that is cancelled before its first step; nobody else may see it.
        self.error: BaseException | None = RuntimeError("the call was not made")
        self.wake: Callable[[], object]
        """Wakes the caller; called once, when it is over, unless the caller has left it."""
        self.task: object = None
        """The task that makes it: asyncio itself would let it be collected."""

    def run(self) -> None:
        """Make the call; in a thread of the pool."""
        try:
            self.result = self._context.run(self._make)
            self.error = None
        except BaseException as error:  # noqa: BLE001 - the caller raises it
            self.error = error

    async def run_async(self) -> None:
        """Make the call, and await what it returns; in a task."""
        self._pending = None
        try:
            self.result = await finished(self._make(), self._kind)
            self.error = None
        except BaseException as error:  # noqa: BLE001 - the caller raises it
            self.error = error

    def refuse(self) -> None:
        """Let it be over without being made."""
        self.state, self.is_refused = "over", True
        self.discard()
        self.wake()

    def discard(self) -> None:
        """Close what nobody will await, if the call was not made."""
        discard(self._pending)


class Crew:
    """The calls of one process, and the threads that make them."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._lock = Lock()  # Guards all that follows.
        self._has_work = Condition(self._lock)
        self._waiting: deque[Call] = deque()
        self._running: set[Call] = set()  # In threads, and the tasks that were left.
        self._threads = 0
        self._idle = 0
        self._places = SIZE
        self._is_stuck = False
        self._next_try = 0.0  # When one more call may try, if it is stuck.

    def submit(self, call: Call) -> None:
        """Let a thread make `call` as soon as one is free."""
        with self._lock:
            if self._refuses(call):
                return
            self._waiting.append(call)
            if self._idle:
                self._has_work.notify()
            if self._idle < len(self._waiting) and self._threads < self._places:
                self._start_thread(call)

    def enter(self, call: Call) -> bool:
        """Let `call` begin, in a task; returns whether it may."""
        with self._lock:
            if self._refuses(call):
                return False
            call.state = "running"
            return True

    def leave(self, call: Call) -> bool:
        """The caller of `call` waits no longer. Returns False if it is over by now."""
        with self._lock:
            if call.state == "over":
                return False
            if call.state == "waiting":
                self._waiting.remove(call)
                call.state = "over"
                return True
            call.state = "left"
            self._running.add(call)
            self._look()
            while self._is_stuck and self._waiting:
                self._waiting.popleft().refuse()
            return True

    def end(self, call: Call) -> None:
        """`call` was made."""
        with self._lock:
            self._running.discard(call)
            self._is_stuck = False
            late = self._late()
            if call.error is None or not late:
                self._places = SIZE + min(late, SPARE)
            was_left, call.state = call.state == "left", "over"
        call.discard()
        if was_left:
            discard(call.result)
        else:
            call.wake()

    def _late(self) -> int:
        """How many calls have outlived their time, and still run."""
        if not self._running:
            return 0
        now = monotonic()
        return sum(call.ends <= now for call in self._running)

    def _look(self) -> None:
        """Note whether it is stuck."""
        if not self._is_stuck and self._late() >= self._places:
            self._is_stuck = True
            self._next_try = monotonic() + PROBE

    def _refuses(self, call: Call) -> bool:
        """Refuse `call` if the crew is stuck, and it is not time to try one more."""
        self._look()
        if not self._is_stuck:
            return False
        now = monotonic()
        if now >= self._next_try and self._places < SIZE + SPARE:
            self._places += 1
            self._next_try = now + PROBE
            return False
        call.refuse()
        return True

    def _start_thread(self, call: Call) -> None:
        thread = Thread(target=self._work, name=f"clerk_hooks {self._kind}", daemon=True)
        self._threads += 1
        try:
            thread.start()
        except RuntimeError:  # The system has no more threads, or the interpreter ends.
            self._threads -= 1
            if not self._threads:
                self._waiting.remove(call)
                raise

    def _work(self) -> None:
        while (call := self._next()) is not None:
            call.run()
            self.end(call)
            del call

    def _next(self) -> Call | None:
        """The next call for this thread; None if it is to end."""
        with self._lock:
            while not self._waiting:
                self._idle += 1
                is_notified = self._has_work.wait(_IDLE)
                self._idle -= 1
                if not self._waiting and (not is_notified or self._threads > self._places):
                    self._threads -= 1
                    return None
            call = self._waiting.popleft()
            call.state = "running"
            self._running.add(call)
            return call
