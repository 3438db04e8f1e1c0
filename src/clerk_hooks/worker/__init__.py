"""The worker: takes deliveries from an inbox, runs their handlers, and settles them."""

# Theory of operation
#
# `inbox.py` says which states a row has, and which step follows a run. This package moves rows
# through those states. One process has, for one `Worker`:
#
#   taker (`_taker.py`, in the thread that calls `run`)
#     |  asks `_schedule.py` what to do next: take, take a row that runs alone, look, or wait
#     v
#   slots (`_threads.py`: a thread per slot, which stays)
#     |  `_work.py`: run (`_run.py`), next step, settle
#     v
#   the taker again, which learns that a slot is free
#
#   keeper (`_keeper.py`, a thread): renews the rows that run, writes the row of the living worker
#   every 10 s, and deletes old rows in batches
#
# `run_one` makes one call of `_work.py` in the caller's thread, beside the same keeper. A process
# that was forked gets its own of all this.
#
# One message goes through these steps:
#
# 1. The taker takes it, never more rows than slots are free, so that a row which is taken begins.
# 2. A slot decides that it begins. If the process ends before that, the taker has decided otherwise
#    and puts the row back; one of the two is first.
# 3. `spent` may say that it may not run again. Otherwise it runs.
# 4. `next_step` says what follows. The slot settles that until the inbox answers: done, due again,
#    dead, or taken over by somebody else. It is renewed meanwhile, but never for longer than
#    `max_run` after it began; then others may take it.
#
# What a crash leaves: rows without a settle, which are due when their leases are over. They
# may have killed the process, so they run alone: while such a row runs, the process runs nothing
# else. The rules:
#
# - While slots are busy, the taker looks every 5 s whether such a row has been due for 30 s. If so,
#   it takes nothing until all slots are empty; then it takes that row. When that has ended, the
#   others have a turn before the next one.
# - A worker that has nothing else to do takes such a row at once.
# - `run_one` does nothing if the row must run alone and the process runs another one, or the other
#   way round. Whoever has called it calls again (the sweep), or another worker takes the row.
#
# Pauses. If the inbox does not answer, the taker waits 1 s, doubling to 30 s. If a run ends because
# the store does not answer, it waits in the same way, and then takes a single row: if that ends
# otherwise, or still runs after 10 s, the store is back.
#
# The end. After the first signal, nothing is taken, and what runs may end. After the second one, or
# when the grace is over, what has not begun is put back. What still runs then ends with the
# process, its row is due when its lease is over, and the exit status says so.
#
# Threads and loops. A run has one thread, in which the store and sync handlers are called; async
# handlers are awaited on the process's loop (eventloop.py), so a hundred of them wait at once. If
# the store or the context can only be awaited, the whole run is a task of that loop, and the thread
# waits for it; sync handlers get another thread. An inbox that can only be awaited is awaited on
# that loop too.

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from threading import Event

from ..errors import ConfigurationError, StoreUnavailable
from ..inbox import AsyncInbox, Inbox, RetryPolicy
from ..logs import log
from ..messages import Message
from ..processing import Processor
from ..router import registry_of
from ._calls import is_inbox
from ._keeper import Keeper
from ._logbook import Complaints
from ._run import Context, Runner
from ._settings import Settings
from ._signals import stopping
from ._taker import Taker
from ._threads import Threads
from ._until_idle import arun_until_idle, run_until_idle
from ._work import Work

__all__ = ["Worker"]

_CUT_OFF = 70  # As the system's EX_SOFTWARE.


class Worker:
    """Runs the handlers of the deliveries that an inbox keeps.

    `processor` has the handlers, and may have a store and observers. `slots` is how many deliveries
    one process runs at a time. `policy` says how often, and when, it runs one again. A row is taken
    for the time of `lease`, and renewed while its delivery runs, but for at most `max_run`.
    `context` makes a context manager, given a delivery, that surrounds each run: a sync one, or an
    async one for async handlers. Its value is the delivery's `context`.

    Raises `ConfigurationError`.
    """

    def __init__(  # noqa: PLR0913 - settings, by keyword
        self,
        processor: Processor,
        inbox: Inbox | AsyncInbox,
        *,
        slots: int = 10,
        policy: RetryPolicy = RetryPolicy(),  # noqa: B008 - immutable
        lease: timedelta = timedelta(seconds=60),
        max_run: timedelta = timedelta(minutes=15),
        context: Context | None = None,
    ) -> None:
        if not isinstance(processor, Processor):
            raise ConfigurationError(f"processor must be a Processor, not {_kind(processor)}")
        if not is_inbox(inbox):
            raise ConfigurationError(f"inbox must be an Inbox or an AsyncInbox, not {_kind(inbox)}")
        if not isinstance(policy, RetryPolicy) or policy.attempts < 1:
            raise ConfigurationError("policy must be a RetryPolicy with at least 1 attempt")
        if context is not None and not callable(context):
            raise ConfigurationError("context must be a function of a delivery")
        for name, value in (("lease", lease), ("max_run", max_run)):
            if not isinstance(value, timedelta) or value <= timedelta(0):
                raise ConfigurationError(f"{name} must be a positive timedelta")
        self.processor = processor
        self.inbox = inbox
        self.slots = _checked_slots(slots)
        self.policy = policy
        self.lease = lease
        self.max_run = max_run
        self._context = context
        self._homes: dict[int, _Home] = {}
        self._taker: Taker | None = None

    def run(self, *, slots: int | None = None, grace: timedelta = timedelta(seconds=25)) -> int:
        """Take and run deliveries until the process gets SIGTERM or SIGINT, or `stop` is called.

        Then the deliveries that run have `grace` to end; a second signal ends that time. `slots`
        stands for the worker's own. Returns the exit status: 0, or 70 if deliveries were cut off.

        Raises `ConfigurationError` if the worker cannot begin.
        """
        home = self._ready()
        count = self.slots if slots is None else _checked_slots(slots)
        if self._taker is not None:
            raise ConfigurationError("the worker runs already, in another thread")
        self._taker = taker = home.taker(count)
        fields = {"worker": home.keeper.name, "slots": count}
        with stopping(taker.stop):
            home.keeper.hold(count)
            try:
                with suppress(StoreUnavailable):  # It may come later.
                    home.settings.ask("beat", home.keeper.name, count, 0)
                log(logging.INFO, "worker %(worker)s begins, with %(slots)d slots", fields)
                cut_off = taker.run(grace.total_seconds())
            finally:
                self._taker = None
                home.gives_up.set()
                home.keeper.end_hold()
                home.threads.close()
                self._homes.pop(os.getpid(), None)
        for message in cut_off:
            fields = {"message_id": message.delivery.message_id, "outcome": "cut off"}
            text = "%(message_id)s is cut off; it runs again when its lease is over"
            log(logging.WARNING, text, fields)
        log(logging.INFO, "worker %(worker)s ends", {"worker": home.keeper.name})
        return _CUT_OFF if cut_off else 0

    def stop(self) -> None:
        """Have `run`, in another thread, end as after a signal. Does nothing if it does not run."""
        if (taker := self._taker) is not None:
            taker.stop()

    def run_one(self, message_id: str) -> bool:
        """Run one message in this thread, if it is due; returns whether it has run.

        For task queues. A message that must run alone does not run while this process runs another
        one, and no other one runs meanwhile. What handlers raise is settled, not raised.

        Raises `StoreUnavailable` if the inbox does not answer before the run.
        """
        home = self._ready()
        for is_alone in (False, True):
            if not home.keeper.enter(alone=is_alone):
                return False
            try:
                messages: list[Message] = home.settings.ask(
                    "take", 1, self.lease, message_id=message_id, unsettled=is_alone
                )
                if messages:
                    home.work.handle(messages[0], in_own_thread=False)
                    return True
            finally:
                home.keeper.leave()
        return False

    def run_due(self) -> int:
        """Run what is due, as many deliveries at a time as there are slots; returns their number.

        For cron and the like: it ends when nothing is due any more.

        Raises `StoreUnavailable` if the inbox does not answer at the start.
        """
        home = self._ready()
        home.settings.ask("lag")
        taker = home.taker(self.slots)
        taker.run(0.0, until_idle=True)
        return taker.handled

    def run_until_idle(self, *, raise_errors: bool = True) -> int:
        """For tests: run everything that waits, one delivery after the other, in this thread.

        Returns the number of runs. Raises what a run ends with, such as `HandlerError`, whose cause
        is the error of the handler. Without `raise_errors`, a delivery that failed runs again at
        once until it is done or dead; what was put back stays.
        """
        return run_until_idle(
            self.inbox, self._runner(None), self.policy, self.lease, raise_errors=raise_errors
        )

    async def arun_until_idle(self, *, raise_errors: bool = True) -> int:
        """Like `run_until_idle`, on the running event loop."""
        return await arun_until_idle(
            self.inbox, self._runner(None), self.policy, self.lease, raise_errors=raise_errors
        )

    def _runner(self, threads: Threads | None) -> Runner:
        return Runner(self.processor, self._context, threads.run_sync if threads else None)

    def _ready(self) -> "_Home":
        """What this process has for the worker. Raises `ConfigurationError`."""
        if not registry_of(self.processor.router).registrations():
            # Each delivery would be done without a trace.
            raise ConfigurationError(
                "the worker's router has no handlers: import the module that defines them"
            )
        if (home := self._homes.get(os.getpid())) is None:
            settings = Settings(
                self.inbox, self.slots, self.policy, self.lease, self.max_run, Complaints()
            )
            home = self._homes.setdefault(os.getpid(), _Home(settings, self._runner))
        return home


class _Home:
    """What one process has for a worker."""

    def __init__(self, settings: Settings, runner: Callable[[Threads], Runner]) -> None:
        self.settings = settings
        self.gives_up = Event()
        self.threads = Threads()
        self.keeper = Keeper(settings)
        self.work = Work(settings, runner(self.threads), self.keeper, self.gives_up)

    def taker(self, slots: int) -> Taker:
        """A new taker for so many slots."""
        settings = self.settings._replace(slots=slots)
        return Taker(settings, self.work, self.keeper, self.threads)


def _checked_slots(slots: int) -> int:
    if type(slots) is not int or slots < 1:
        raise ConfigurationError("slots must be a positive whole number")
    return slots


def _kind(value: object) -> str:
    return type(value).__name__
