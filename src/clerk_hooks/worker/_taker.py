"""The taker of a process: takes what is due, hands it to the slots, and ends in an orderly way."""

import logging
from functools import partial
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Literal, TypeAlias

from ..errors import ConfigurationError, StoreUnavailable
from ..logs import log
from ..messages import Message, Step
from ._keeper import Keeper
from ._schedule import Schedule
from ._settings import Settings
from ._threads import Threads
from ._work import Work

_Event: TypeAlias = "_Slot | Literal['stop']"

_LOOK_UP = 1.0  # Seconds after which a waiting taker looks for a signal that it has missed.


class _Slot:
    """One message from its take to its end."""

    def __init__(self, message: Message, *, is_alone: bool) -> None:
        self.message = message
        self.is_alone = is_alone
        self.step: Step | None = None
        self._lock = Lock()
        self._is_decided = False

    def decide(self) -> bool:
        """Whether the caller is the first: it begins the message, or calls it off."""
        with self._lock:
            is_first = not self._is_decided
            self._is_decided = True
            return is_first


class Taker:
    """Takes rows for the slots of one process; `run` is for one thread, `stop` for signals."""

    def __init__(self, settings: Settings, work: Work, keeper: Keeper, threads: Threads) -> None:
        self._ask = settings.ask
        self._lease = settings.lease
        self._clock = settings.clock
        self._work = work
        self._keeper = keeper
        self._threads = threads
        self._schedule = Schedule(settings.slots, self._clock())
        self._slots: set[_Slot] = set()
        # It may be put to from a signal handler, which interrupts this thread anywhere.
        self._events: SimpleQueue[_Event] = SimpleQueue()
        self._stops = 0
        self.handled = 0
        """How many deliveries have ended."""

    def stop(self) -> None:
        """Take nothing more, and finish what runs; the second time, do not wait for that."""
        self._events.put("stop")

    def run(self, grace: float, *, until_idle: bool = False) -> list[Message]:
        """Take and run, until `stop` or, with `until_idle`, until nothing is due.

        After `stop`, the deliveries that run have `grace` seconds to end. Returns those that have
        begun and did not end. What has not begun is put back.
        """
        while not self._stops:
            seconds = self._turn()
            if until_idle and self._schedule.is_idle:
                return []
            self._wait(seconds)
        deadline = self._clock() + grace
        while self._slots and self._stops == 1 and (left := deadline - self._clock()) > 0:
            self._wait(left)
        for slot in [slot for slot in self._slots if slot.decide()]:
            self._work.put_back(slot.message)
            self._slots.discard(slot)
        self._drain()
        return [slot.message for slot in self._slots]

    def _turn(self) -> float:
        """Do what is to be done now; returns the seconds to wait."""
        schedule = self._schedule
        is_alone = any(slot.is_alone for slot in self._slots)
        action = schedule.action(self._clock(), len(self._slots), is_alone=is_alone)
        if action.kind == "wait":
            return action.seconds
        try:
            if action.kind == "look":
                lag: float | None = self._ask("lag", unsettled=True)
                schedule.looked(lag, self._clock())
            elif action.kind == "take":
                count = self._take(action.rows, is_alone=False)
                schedule.took(action.rows, count, self._clock(), len(self._slots))
            else:
                count = self._take(1, is_alone=True)
                schedule.took_alone(count, self._clock())
        except (ConfigurationError, StoreUnavailable):
            schedule.failed(self._clock())
        return 0.0

    def _take(self, count: int, *, is_alone: bool) -> int:
        if not self._keeper.enter(alone=is_alone):  # `run_one`, in another thread.
            return 0
        try:
            options = {"unsettled": True} if is_alone else {}
            messages: list[Message] = self._ask("take", count, self._lease, **options)
            for message in messages:
                self._keeper.join()
                slot = _Slot(message, is_alone=is_alone)
                self._slots.add(slot)
                self._threads.submit(partial(self._fill, slot))
        finally:
            self._keeper.leave()
        return len(messages)

    def _fill(self, slot: _Slot) -> None:
        """Run a slot's message; in a thread of its own."""
        if not slot.decide():
            return
        try:
            slot.step = self._work.handle(slot.message)
        except BaseException as error:  # noqa: BLE001 - the lease gives the row back
            log(logging.CRITICAL, "a defect in the worker: please report it", {}, error)
        finally:
            self._keeper.leave()
            self._events.put(slot)

    def _wait(self, seconds: float) -> None:
        """Wait for an event, and note all that have come."""
        if seconds > 0:
            try:
                # A signal that comes just before Python waits does not end the wait.
                self._note(self._events.get(timeout=min(seconds, _LOOK_UP)))
            except Empty:
                return
        self._drain()

    def _drain(self) -> None:
        while not self._events.empty():
            self._note(self._events.get())

    def _note(self, event: _Event) -> None:
        if not isinstance(event, _Slot):
            self._stops += 1
            if self._stops == 1:
                fields = {"running": len(self._slots)}
                log(logging.INFO, "stopping; %(running)d deliveries are running", fields)
            return
        self._slots.discard(event)
        self.handled += 1
        is_pause = event.step is not None and event.step.is_pause
        self._schedule.ended(self._clock(), len(self._slots), is_pause=is_pause)
