"""Idempotency: what a store remembers, and the rules that all stores share."""

# Theory of operation
#
# Svix delivers every message at least once, in no particular order, and sometimes twice at the same
# time. A store makes each handler run once per message all the same: the endpoint asks it before it
# runs a handler, and tells it afterwards. The unit is one handler of one message, so a retry runs
# only the handlers that have not succeeded.
#
# A store keeps one record for each message id and handler name. The record has three states:
#
#              claim                          confirm
#   absent ---------------> running(token) ---------------> done
#     ^                       |        |                      |
#     |  release, or forget   |        | claim, once the      |
#     +-----------------------+        | lease is over:       |
#     |                                +-> running(new token) |
#     |  forget, or the retention is over                     |
#     +-------------------------------------------------------+
#
# - running: somebody runs the handler. Until `expires_at`, the end of the lease, nobody else may.
#   After it, the record counts as absent for others; its owner may still confirm, as long as nobody
#   has claimed the handler in the meantime.
# - done: the handler has succeeded. It does not run again until the retention is over.
#
# Who may change a record: anybody claims what is absent or expired; a claim finds that out and
# writes in one atomic step, so that one of two simultaneous attempts gets each handler. Only the
# owner, whose fencing token the record holds, confirms or releases. An owner that was taken over
# has an old token: its `confirm` returns False and changes nothing. An operator may forget a whole
# message (`clerk-hooks store forget`), even while it is running.
#
# In which order: all handlers of a message are claimed in one step, before the first one runs. Each
# is confirmed or released as soon as it ends (see claims.py).
#
# In whose transaction: usually in the store's own, after the handler. A store with a database can
# also confirm in the app's, so that effect and confirmation are one commit (running_handler.py).
# The rules are the same: without the token, nothing is confirmed, and then nothing takes effect.
#
# What a crash leaves behind: records that are running. Retries get a 409 until the lease is over;
# then one of them takes over. A handler that took effect just before the crash, and was not
# confirmed in the same transaction, runs again.
#
# Objects. Handlers with `drop_stale` must not overwrite newer data, so a store also keeps one mark
# per object: the time of the newest event handled, and whether the deletion was handled.
# - The mark moves in the same step as the confirmation, and never back. So no crash can leave a
#   handler done and its mark behind. It is kept for the retention; after that, an older event may
#   pass. `forget` drops the records of a message, and leaves the marks.
# - While such a handler runs for one message, those of other messages of the same object are busy.
#   Otherwise an old event could be claimed before the mark moves, and write after the newer one.
# - A newer event may overtake a handler whose lease ran out. Then the mark makes `confirm` refuse.
#
# Time: a clock that is far ahead writes a lease that lasts for as long as the clock is ahead. So a
# lease that ends later than any right clock could have written does not count (`is_held`).
#
# `decide` is the rule itself, for every store that can read and write in one transaction. The Lua
# scripts of the Redis store say the same in their own language.

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from math import isfinite
from typing import Literal, NamedTuple

from .errors import ConfigurationError

DEFAULT_RETENTION = timedelta(days=3)
"""How long a store remembers. Svix retries for some 28 hours; people replay for 90 days."""

DEFAULT_TIMEOUT = timedelta(seconds=5)
"""How long a store may take to answer. Svix waits 15 s for the reply."""

CLOCK_SKEW = 60.0
"""Seconds by which the clocks of two machines may differ without making a lease void."""


class ObjectVersion(NamedTuple):
    """The object that a message is about, for its handlers that drop stale events."""

    family: str
    """The family of the event type, such as ``user``."""
    id: str
    """``data.id``."""
    time: int | None
    """``data.updated_at``, else the event's own time, in Unix milliseconds; None without either."""
    is_delete: bool
    """Whether the event says that the object was deleted."""
    handlers: frozenset[str]
    """The names of those handlers."""

    @property
    def key(self) -> tuple[str, str]:
        """Identifies the object among all others."""
        return self.family, self.id


class Holder(NamedTuple):
    """The claim that keeps a handler busy."""

    until: float
    """Unix seconds: when its lease is over."""
    message_id: str | None = None
    """The other message, about the same object; None if it is this message itself."""


class Claim(NamedTuple):
    """A store's answer to a claim: which handlers to run now, and why not the others."""

    token: str
    """Fencing token: it confirms and releases these handlers until somebody else claims them."""
    run: tuple[str, ...]
    """To be run now, by the caller."""
    done: tuple[str, ...] = ()
    """Confirmed earlier."""
    busy: tuple[str, ...] = ()
    """Running elsewhere; or another message about the same object is being handled."""
    stale: tuple[str, ...] = ()
    """Not to be run: a newer event of the object was handled, or its deletion."""
    holder: Holder | None = None
    """What keeps the first of the busy ones busy, if the store can tell."""


class HandlerRecord(NamedTuple):
    """What a store remembers of one handler of a message."""

    handler: str
    """Name of the handler."""
    state: Literal["done", "running"]
    """``running`` even after its process died, until `expires_at` lets others take over."""
    expires_at: float
    """Unix seconds: when a running one may be taken over, and a done one is forgotten."""
    token: str = ""
    """Fencing token of the claim."""


class Mark(NamedTuple):
    """What a store remembers of one object."""

    time: int | None = None
    """Time of the newest event handled, in Unix milliseconds."""
    is_deleted: bool = False
    """Whether the deletion of the object was handled."""

    def moved_by(self, version: ObjectVersion) -> "Mark":
        """The mark once an event of this `version` has been handled; it never moves back."""
        times = [time for time in (self.time, version.time) if time is not None]
        return Mark(max(times, default=None), self.is_deleted or version.is_delete)

    def outdates(self, version: ObjectVersion) -> bool:
        """Whether an event of this `version` is stale: after a deletion, all but deletions are."""
        if version.is_delete:
            return False
        if self.is_deleted:
            return True
        return self.time is not None and version.time is not None and version.time < self.time


class KnownObject(NamedTuple):
    """What a store knows of an object when an event about it comes."""

    version: ObjectVersion
    """The event that comes."""
    mark: Mark = Mark()
    """The newest event handled; by default, none was."""
    leases: Sequence[tuple[float, str]] = ()
    """Claims of other messages on it: the ends of the leases (Unix seconds) and message ids."""


def new_token() -> str:
    """A fencing token that no other claim has."""
    return os.urandom(12).hex()


def is_held(expires_at: float, now: float, lease: timedelta) -> bool:
    """Whether a lease that ends at `expires_at` still counts at `now` (both in Unix seconds).

    A lease that ends much later than one of `lease` made now was written by a clock that was ahead.
    It does not count; otherwise it would last for as long as the clock was ahead.
    """
    return now < expires_at <= now + lease.total_seconds() + CLOCK_SKEW


def decide(
    handlers: Iterable[str],
    records: Mapping[str, HandlerRecord],
    now: float,
    lease: timedelta,
    known: KnownObject | None = None,
) -> Claim:
    """What a claim gets, given what a store remembers: the rule that every store follows.

    `records` are those of the message, `known` is about the object. `now` is in Unix seconds.
    """
    if not records and known is None:  # As it is nearly always.
        return Claim(new_token(), tuple(handlers))
    run: list[str] = []
    done: list[str] = []
    busy: list[str] = []
    stale: list[str] = []
    holders: list[Holder] = []
    others = [Holder(*claim) for claim in (known.leases if known else ())]
    others = [other for other in others if is_held(other.until, now, lease)]
    for name in handlers:
        record = records.get(name)
        if record and record.state == "done" and record.expires_at > now:
            done.append(name)
        elif record and record.state == "running" and is_held(record.expires_at, now, lease):
            busy.append(name)
            holders.append(Holder(record.expires_at))
        elif known is None or name not in known.version.handlers:
            run.append(name)
        elif known.mark.outdates(known.version):
            stale.append(name)
        elif others:
            busy.append(name)
            holders.append(max(others))
        else:
            run.append(name)
    holder = holders[0] if holders else None
    return Claim(new_token(), tuple(run), tuple(done), tuple(busy), tuple(stale), holder)


def checked_clock(clock: Callable[[], float]) -> Callable[[], float]:
    """A store's clock, whose answers are checked: after NaN, no comparison of times would hold.

    Raises `ConfigurationError`, and so does the clock.
    """
    if not callable(clock):
        raise ConfigurationError("clock must be a function that returns Unix seconds")

    def now() -> float:
        seconds = clock()
        if not isinstance(seconds, (float, int)) or not isfinite(seconds):
            raise ConfigurationError("clock must return the Unix time in seconds, as a number")
        return seconds

    return clock if clock is time.time else now


def checked_retention(retention: timedelta) -> float:
    """A store's retention, in seconds. Raises `ConfigurationError` if it is not positive."""
    if not isinstance(retention, timedelta) or retention <= timedelta(0):
        raise ConfigurationError("retention must be a positive timedelta")
    return retention.total_seconds()


def checked_timeout(timeout: timedelta) -> float:
    """A store's timeout, in seconds. Raises `ConfigurationError` if it cannot be one."""
    if not isinstance(timeout, timedelta) or not timedelta(0) < timeout <= timedelta(hours=1):
        raise ConfigurationError("timeout must be a positive timedelta of at most an hour")
    return timeout.total_seconds()
