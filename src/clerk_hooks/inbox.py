"""Inboxes: what keeps verified deliveries until a worker has handled them, and what comes next."""

# Theory of operation
#
# The web process puts a verified delivery into an inbox, and answers 202 once that is committed.
# From then on the inbox holds the promise: a row stays until its handlers have succeeded or a
# person has dropped it. Whatever wakes a worker (a poll, Celery) may be lost at any time.
#
# A row is one message. It has four states:
#
#               take                      settle: done
#   waiting ------------> running(token) --------------> done
#     ^  ^                  |   |   |
#     |  |  settle: retry   |   |   |   settle: dead
#     |  +------------------+   |   +------------------> dead
#     |      take, once the     |                          |
#     |      lease is over      +-> running(new token)     |
#     |                                    retry, or put   |
#     +----------------------------------------------------+
#
# - waiting and running: `due_at` says when a worker may take the row. For a running one that is the
#   end of its lease, so the row of a dead worker becomes due by itself.
# - done: the payload is dropped at once; the row stays for the retention, to tell duplicates.
# - dead: nothing happens until a person retries or drops it. The payload stays.
#
# Who may change a row: a web process puts; it makes a waiting row due, and a dead one wait again.
# A worker takes what is due, under a new token, and only the owner of that token renews or settles.
# If a settle finds another token, the row was taken over, and nothing is changed. A person retries
# and drops, whatever the token.
#
# Counts. `failures` are the runs in which a handler failed; a policy bounds them. `takes` are the
# takes since the last settle that told how a run ended. A take counts before the run, so that what
# kills its worker is counted as well. From the second such take on, the row runs alone: then it
# takes no other delivery with it. A put-back is a settle that tells nothing of the run, so it
# restores `takes`, and never resets it.
#
# What a crash leaves behind: a running row, which is due when its lease is over. What its handlers
# had done is known to the store, if there is one (idempotency.py).

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple, Protocol

from .delivery import Delivery
from .errors import (
    AbortDelivery,
    ConfigurationError,
    HandlerError,
    InProgress,
    PayloadError,
    StoreUnavailable,
)
from .messages import Message, Record, Selection, Status, Step


class RetryPolicy(NamedTuple):
    """How often, and after which time, a worker runs a delivery again whose handler failed."""

    attempts: int = 8
    """Runs in which a handler may fail before the message is dead; also the takes of which nobody
    knows how they ended."""
    first: timedelta = timedelta(seconds=10)
    """The longest time before the second run. It doubles with each further run."""
    longest: timedelta = timedelta(minutes=10)
    """The longest time before any run."""

    def delay(self, failures: int, share: float = 1.0) -> float:
        """Seconds before the next run after `failures` failed ones.

        `share`, from 0 to 1, is the jitter: it chooses from the upper half of the longest time, so
        that what failed together does not come back together.
        """
        longest = _doubled(self.first.total_seconds(), failures - 1, self.longest.total_seconds())
        return longest * (0.5 + share / 2)


PUT_BACK_FIRST = 1.0
"""Seconds until a row that was put back is due again. They double with each time in a row."""
PUT_BACK_LONGEST = 30.0
"""The most seconds for which a row is put back."""


def next_step(
    message: Message,
    error: Exception | None,
    policy: RetryPolicy = RetryPolicy(),  # noqa: B008 - immutable
    *,
    jitter: Callable[[], float] = random.random,
) -> Step:
    """What follows a run of `message` that ended with `error`, or succeeded: the one rule for it.

    `jitter` returns a share from 0 to 1 of the time that may pass before the next run.
    """
    if error is None:
        return Step("done")
    reason = _reason(error)
    done = message.done
    if isinstance(error, HandlerError):
        done = tuple(dict.fromkeys((*done, *error.done)))
    if isinstance(error, (InProgress, StoreUnavailable, ConfigurationError)):
        # The run tells nothing of the delivery. A program that is not set up correctly is mended by
        # a deploy, and until then no delivery may die of it.
        delay = _doubled(PUT_BACK_FIRST, message.put_backs, PUT_BACK_LONGEST)
        is_pause = not isinstance(error, InProgress)
        return Step("retry", delay, reason, done, is_counted=False, is_pause=is_pause)
    if _is_final(error) or message.failures + 1 >= policy.attempts:
        return Step("dead", reason=reason, done=done)
    return Step("retry", policy.delay(message.failures + 1, jitter()), reason, done)


def spent(message: Message, policy: RetryPolicy = RetryPolicy()) -> Step | None:  # noqa: B008
    """The step for a message that may not run again, as nobody knows how its runs end; else None.

    To be asked before a run.
    """
    if message.takes <= policy.attempts:
        return None
    takes = message.takes - 1
    return Step(
        "dead",
        reason=f"never_settled: {takes} runs began and none ended: it may kill its worker",
        done=message.done,
    )


def _doubled(seconds: float, times: int, longest: float) -> float:
    return float(min(seconds * 2 ** min(times, 60), longest))  # 60: a float has an end.


def _is_final(error: Exception) -> bool:
    if isinstance(error, PayloadError):  # A newer program wrote it: half of a deploy is done.
        return error.reason != "unknown_version"
    return isinstance(error, AbortDelivery) or (isinstance(error, HandlerError) and error.is_abort)


def _reason(error: Exception) -> str:
    return f"{getattr(error, 'reason', type(error).__name__)}: {error}"[:1000]


class Inbox(Protocol):
    """Keeps deliveries until a worker has handled them.

    An `Endpoint` calls `put`, a `Worker` and the command line the others, from any thread. Times
    are those of the inbox's own clock. Each call raises `QueueUnavailable` if the inbox does not
    answer within its own timeout.
    """

    def put(self, delivery: Delivery, carrier: Mapping[str, str] = {}) -> bool:
        """Keep `delivery` durably. Returns False if the message is done, so nothing was kept.

        A waiting message is due now; a running one is untouched; a dead one waits again, with all
        counts at 0.
        """
        ...

    def take(
        self,
        slots: int,
        lease: timedelta,
        *,
        message_id: str | None = None,
        unsettled: bool = False,
    ) -> Sequence[Message]:
        """Take at most `slots` rows that are due, the longest due first, for the time of `lease`.

        `message_id` limits that to one message. With `unsettled`, it takes those whose last take
        was never settled; without it, only the others. A row is taken by one caller.
        """
        ...

    def renew(self, messages: Sequence[Message], lease: timedelta) -> frozenset[str]:
        """Let the leases of `messages` end after `lease` from now; returns the ids still held."""
        ...

    def settle(self, message: Message, step: Step) -> bool:
        """Write what follows a run. Returns False, and changes nothing, if it was taken over."""
        ...

    def lag(self, *, unsettled: bool = False) -> float | None:
        """Seconds for which the oldest due row has been due; None if nothing is due.

        With `unsettled`, of the rows whose last take was never settled.
        """
        ...

    def due(self, limit: int) -> Sequence[str]:
        """The ids of at most `limit` messages that are due, the longest due first."""
        ...

    def beat(self, worker: str, slots: int, running: int) -> None:
        """Write the row of a living worker. With 0 slots, delete it: the worker ends."""
        ...

    def list(self, selection: Selection, limit: int) -> Sequence[Record]:
        """At most `limit` rows, the newest first."""
        ...

    def show(self, message_id: str) -> Record | None:
        """The row of a message; None if there is none."""
        ...

    def retry(self, selection: Selection, message_id: str | None = None) -> int:
        """Make dead and waiting rows due now; returns how many. Dead ones begin with counts of 0.

        `message_id` limits that to one message.
        """
        ...

    def drop(self, message_id: str) -> bool:
        """Delete a row, whatever its state; returns whether there was one."""
        ...

    def purge(self, limit: int = 1000) -> int:
        """Delete at most `limit` done and dead rows whose time is over; returns how many."""
        ...

    def status(self) -> Status:
        """How the inbox fares. To count its rows takes long when there are many."""
        ...


class AsyncInbox(Protocol):
    """An `Inbox` for event loops: the same methods, with ``a`` in front, to be awaited."""

    async def aput(self, delivery: Delivery, carrier: Mapping[str, str] = {}) -> bool:
        """Keep a delivery, as `Inbox.put` says."""
        ...

    async def atake(
        self,
        slots: int,
        lease: timedelta,
        *,
        message_id: str | None = None,
        unsettled: bool = False,
    ) -> Sequence[Message]:
        """Take rows that are due, as `Inbox.take` says."""
        ...

    async def arenew(self, messages: Sequence[Message], lease: timedelta) -> frozenset[str]:
        """Extend leases, as `Inbox.renew` says."""
        ...

    async def asettle(self, message: Message, step: Step) -> bool:
        """Write what follows a run, as `Inbox.settle` says."""
        ...

    async def alag(self, *, unsettled: bool = False) -> float | None:
        """Seconds for which the oldest due row has been due, as `Inbox.lag` says."""
        ...

    async def adue(self, limit: int) -> Sequence[str]:
        """The ids of messages that are due, as `Inbox.due` says."""
        ...

    async def abeat(self, worker: str, slots: int, running: int) -> None:
        """Write the row of a living worker, as `Inbox.beat` says."""
        ...

    async def alist(self, selection: Selection, limit: int) -> Sequence[Record]:
        """Rows, as `Inbox.list` says."""
        ...

    async def ashow(self, message_id: str) -> Record | None:
        """The row of a message, as `Inbox.show` says."""
        ...

    async def aretry(self, selection: Selection, message_id: str | None = None) -> int:
        """Make rows due now, as `Inbox.retry` says."""
        ...

    async def adrop(self, message_id: str) -> bool:
        """Delete a row, as `Inbox.drop` says."""
        ...

    async def apurge(self, limit: int = 1000) -> int:
        """Delete rows whose time is over, as `Inbox.purge` says."""
        ...

    async def astatus(self) -> Status:
        """How the inbox fares, as `Inbox.status` says."""
        ...
