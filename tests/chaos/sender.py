"""A sender that behaves as Svix does, with its times compressed.

At least once, in no order, some messages twice at a time and some again after they were
acknowledged; whatever is not answered with a 2xx in time is tried again, later and later.
"""

import heapq
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from http.client import HTTPConnection, HTTPException
from typing import NamedTuple, TypeAlias

from clerk_hooks import sign

from .plan import SECRET, Faulty, Message

Sent: TypeAlias = Message | Faulty


class Times(NamedTuple):
    """How long everything takes, in seconds; as it stands, compressed."""

    timeout: float = 0.75
    """How long the sender waits for a reply: 15 s."""
    retries: tuple[float, ...] = (0.25, 1.0, 2.5, 3.5, 4.0, 5.0, 5.0)
    """5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h; a lease ends before the third."""
    lease: float = 3.0
    """What the servers are set to: 60 s."""

    def slower(self, factor: float) -> "Times":
        """These times on a machine that is that many times as slow."""
        retries = tuple(delay * factor for delay in self.retries)
        return Times(self.timeout * factor, retries, self.lease * factor)


TWICE = 0.1
"""The share of messages that are sent twice at a time, and that are sent again at the end."""


class Sender:
    """Sends `messages` to a port of this machine, some `rate` new ones per second.

    After every `kill_every` attempts it calls `kill`.
    """

    def __init__(
        self,
        port: int,
        messages: Sequence[Sent],
        chance: random.Random,
        *,
        rate: float,
        times: Times,
        kill_every: int | None,
        kill: Callable[[], object],
    ) -> None:
        self._port = port
        self._times = times
        self._chance = chance
        self._kill_every = kill_every
        self._kill = kill
        self._turns = threading.Condition()
        self._queue: list[tuple[float, int, int, Sent]] = []
        self._open = 0
        self._numbers = iter(range(10**9))
        self.acknowledged: dict[str, int] = {}
        """Message id -> when the first 2xx came (monotonic nanoseconds)."""
        self.replies: Counter[str] = Counter()
        """How many attempts ended how: a status, ``timeout`` or ``broken``."""
        started = time.monotonic()
        for place, message in enumerate(messages):
            copies = 2 if chance.random() < TWICE else 1
            for _ in range(copies):
                self._add(started + place / rate, 0, message)

    @property
    def sent(self) -> int:
        """Attempts so far."""
        return self.replies.total()

    def run(self, threads: int) -> None:
        """Send until nothing is left to be tried."""
        workers = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    def _add(self, due: float, attempt: int, message: Sent) -> None:
        with self._turns:
            heapq.heappush(self._queue, (due, next(self._numbers), attempt, message))
            self._open += 1
            self._turns.notify()

    def _work(self) -> None:
        while (turn := self._next()) is not None:
            attempt, message = turn
            try:
                self._settle(attempt, message, self._post(message))
            finally:
                with self._turns:
                    self._open -= 1
                    self._turns.notify_all()

    def _next(self) -> tuple[int, Sent] | None:
        with self._turns:
            while self._open:
                now = time.monotonic()
                if self._queue and self._queue[0][0] <= now:
                    _, _, attempt, message = heapq.heappop(self._queue)
                    return attempt, message
                self._turns.wait(self._queue[0][0] - now if self._queue else None)
        return None

    def _settle(self, attempt: int, message: Sent, reply: str) -> None:
        retries = self._times.retries
        with self._turns:
            self.replies[reply] += 1
            if self._kill_every and self.sent % self._kill_every == 0:
                self._kill()
            if reply.startswith("2"):
                is_first = message.id not in self.acknowledged
                self.acknowledged.setdefault(message.id, time.monotonic_ns())
                again = is_first and self._chance.random() < TWICE
                delay = 0.1 if again else None
                attempt = len(retries)  # A duplicate is not tried again itself.
            else:
                delay = retries[attempt] if attempt < len(retries) else None
                delay = delay and delay * self._chance.uniform(0.9, 1.2)
        if delay is not None:
            self._add(time.monotonic() + delay, attempt + 1, message)

    def _post(self, message: Sent) -> str:
        """One attempt: the status of the reply, or how it failed."""
        body = message.payload
        headers = sign(body, secret=SECRET, message_id=message.id)
        connection = HTTPConnection("127.0.0.1", self._port, timeout=self._times.timeout)
        try:
            connection.request("POST", "/", body, headers)
            response = connection.getresponse()
            response.read()
        except TimeoutError:
            return "timeout"
        except (OSError, HTTPException):
            return "broken"
        else:
            return str(response.status)
        finally:
            connection.close()
