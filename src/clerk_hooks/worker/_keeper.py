"""Keeps what a process runs: renews its rows, writes the row of the living worker, purges."""

import logging
import os
import platform
from math import inf
from threading import Event, Lock, Thread
from typing import Any, NamedTuple

from ..errors import ConfigurationError, StoreUnavailable
from ..logs import log
from ..messages import Message
from ._logbook import log_lost, log_overdue
from ._settings import Settings

BEAT = 10.0
"""Seconds between two heartbeats."""
PURGE = 60.0
"""Seconds between two purges that find little."""
BATCH = 1000
"""Rows that one purge deletes at most."""


class _Kept(NamedTuple):
    """A row that this process runs."""

    message: Message
    until: float
    """Until when it is renewed, by the clock; in the past for ever once that has been logged."""


class Keeper:
    """What one process runs for a worker, and a thread that keeps it.

    The thread lives while something runs, or while it is held.
    """

    def __init__(self, settings: Settings) -> None:
        self._ask = settings.ask
        self._slots = settings.slots
        self._lease = settings.lease
        self._renewal = settings.lease.total_seconds() / 3
        self._max_run = settings.max_run.total_seconds()
        self._clock = clock = settings.clock
        self.name = f"{platform.node()[:40]}:{os.getpid()}:{os.urandom(3).hex()}"
        """The worker's own name among the living ones."""
        self._lock = Lock()  # Guards the five below.
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._entered = 0
        self._is_alone = False
        self._holds = 0
        self._thread: Thread | None = None
        self._wake = Event()
        self._next_renewal = clock()
        self._next_beat = clock()
        self._next_purge = clock() + PURGE

    @property
    def running(self) -> int:
        """How many deliveries this process runs."""
        return len(self._kept)

    def enter(self, *, alone: bool = False) -> bool:
        """Reserve a place for a row before it is taken; `alone` excludes all others.

        Returns whether there is one. `leave` gives it back.
        """
        with self._lock:
            if self._is_alone or (alone and self._entered):
                return False
            self._entered += 1
            self._is_alone = alone
            return True

    def join(self) -> None:
        """Reserve another place of the same kind as the caller has."""
        with self._lock:
            self._entered += 1

    def leave(self) -> None:
        """Give up a place."""
        with self._lock:
            self._entered -= 1
            if not self._entered:
                self._is_alone = False

    def keep(self, message: Message) -> None:
        """Renew the row of `message` from now on, until it is let go."""
        with self._lock:
            self._kept[_key(message)] = _Kept(message, self._clock() + self._max_run)
            self._start()

    def let_go(self, message: Message) -> None:
        """Do not renew the row any more."""
        with self._lock:
            self._kept.pop(_key(message), None)

    def hold(self, slots: int) -> None:
        """Keep the heartbeat and the purges going even if nothing runs, until `end_hold`."""
        with self._lock:
            self._slots = slots
            self._holds += 1
            self._start()

    def end_hold(self) -> None:
        """The process ends: its row goes, as far as the inbox answers."""
        with self._lock:
            self._holds -= 1
        self._wake.set()
        self._try("beat", self.name, 0, 0)

    def _start(self) -> None:
        if self._thread is None:
            self._wake.clear()
            self._next_renewal = self._clock() + self._renewal  # What was just taken can wait.
            self._thread = Thread(target=self._run, name="clerk_hooks keeper", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            delay = 1.0
            try:
                delay = self.tick()
            except Exception as error:  # noqa: BLE001 - without it, rows would be taken twice
                log(logging.CRITICAL, "a defect in the worker: please report it", {}, error)
            self._wake.wait(delay)
            with self._lock:
                self._wake.clear()
                if not self._kept and not self._holds:
                    self._thread = None
                    return

    def tick(self) -> float:
        """Do what is due; returns the seconds until something is."""
        if self._clock() >= self._next_renewal:
            is_answered = self._renew()
            pause = self._renewal if is_answered else min(self._renewal, 5.0)
            self._next_renewal = self._clock() + pause
        if self._clock() >= self._next_beat:
            self._next_beat = self._clock() + BEAT
            self._try("beat", self.name, self._slots, self.running)
        if self._clock() >= self._next_purge:
            count = self._try("purge", BATCH)
            pause = 1.0 if count == BATCH else PURGE
            self._next_purge = self._clock() + pause
        due = min(self._next_renewal, self._next_beat, self._next_purge)
        return max(0.0, due - self._clock())

    def _renew(self) -> bool:
        now = self._clock()
        with self._lock:
            messages = [kept.message for kept in self._kept.values() if kept.until > now]
            overdue = [kept for kept in self._kept.values() if -inf < kept.until <= now]
            for kept in overdue:
                self._kept[_key(kept.message)] = _Kept(kept.message, -inf)
        for kept in overdue:
            log_overdue(kept.message, self._max_run)
        if not messages:
            return True
        held: frozenset[str] | None = self._try("renew", messages, self._lease)
        if held is None:
            return False
        for message in messages:
            if message.delivery.message_id not in held:
                with self._lock:  # Unless it was settled meanwhile.
                    is_lost = self._kept.pop(_key(message), None) is not None
                if is_lost:
                    log_lost(message)
        return True

    def _try(self, name: str, *arguments: object) -> Any:
        """The answer of the inbox; None if there is none."""
        try:
            return self._ask(name, *arguments)
        except (ConfigurationError, StoreUnavailable):
            return None


def _key(message: Message) -> tuple[str, str]:
    # Rows that are taken in one call may have one token.
    return message.delivery.message_id, message.token
