"""Idempotency: what a store promises, and the rules that all stores share.

Svix delivers at least once and in no order. So a handler is claimed before it runs, under the
message id and its name, and confirmed when it has succeeded: a retry runs only what is not
confirmed. A claim is a lease, so that what a dead process held can be taken over; and it carries a
fencing token, so that an owner who was taken over cannot confirm any more. For handlers that drop
stale events a store also keeps one mark per object, with the time of the newest event handled.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from datetime import timedelta
from typing import Literal, NamedTuple, Protocol

from .errors import ConfigurationError

DEFAULT_RETENTION = timedelta(days=3)
"""How long a store remembers. Svix retries for some 28 hours; people replay for 90 days."""

DEFAULT_TIMEOUT = timedelta(seconds=5)
"""How long a store may take to answer. Svix waits 15 s for the reply."""


class ObjectVersion(NamedTuple):
    """What the event of a message is about, for the handlers of it that drop stale events."""

    family: str
    """The family of the event type, such as ``user``."""
    id: str
    """``data.id``."""
    time: int | None
    """``data.updated_at``, else the event's own time, in Unix milliseconds; None without either."""
    is_delete: bool
    """Whether the event says that the object is gone."""
    handlers: frozenset[str]
    """The names of those handlers."""

    @property
    def key(self) -> tuple[str, str]:
        """What tells the object from all others."""
        return self.family, self.id


class Claim(NamedTuple):
    """What a store answers to a claim: which handlers to run now, and why not the others."""

    token: str
    """Fencing token: it confirms and releases these handlers until somebody else claims them."""
    run: tuple[str, ...]
    """To be run now, by the one who asked."""
    done: tuple[str, ...] = ()
    """Confirmed earlier."""
    busy: tuple[str, ...] = ()
    """Being run elsewhere; or about an object that another message is being handled for."""
    stale: tuple[str, ...] = ()
    """Not to be run: a newer event of the object was handled, or its deletion."""


class HandlerRecord(NamedTuple):
    """What a store remembers of one handler of a message."""

    handler: str
    """Name of the handler."""
    state: Literal["done", "running"]
    """``running`` also where a process died, until `expires_at` lets others take over."""
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
        """Whether an event of this `version` is stale: a deletion never, after one all others."""
        if version.is_delete:
            return False
        if self.is_deleted:
            return True
        return self.time is not None and version.time is not None and version.time < self.time


class KnownObject(NamedTuple):
    """What a store knows of an object when one of its events comes."""

    mark: Mark = Mark()
    """The newest event handled; as it stands, none was."""
    is_held_elsewhere: bool = False
    """Whether a handler of another message that drops stale events is being run for it."""


class IdempotencyStore(Protocol):
    """Remembers which handlers of which messages have succeeded.

    `Endpoint` calls these methods from any thread, several at a time. One that cannot answer within
    the store's own timeout raises `StoreUnavailable`; any other exception counts as that, but for a
    `ConfigurationError`, which is raised to the caller of `Endpoint`. A store may have `aclaim`,
    `aconfirm` and `arelease` too, which `Endpoint.areceive` awaits instead of calling these in a
    thread.
    """

    def claim(
        self,
        message_id: str,
        handlers: Sequence[str],
        lease: timedelta,
        object: ObjectVersion | None = None,
    ) -> Claim:
        """Claim handlers of a message, by their names, for the time of `lease`; atomically.

        A handler that is neither confirmed nor under a lease is claimed, in one step with finding
        that out. `object` names the handlers that drop stale events: one is stale where the mark
        of the object says so, and busy while another message holds a handler for that object.
        """
        ...

    def confirm(
        self, message_id: str, handler: str, token: str, mark: ObjectVersion | None = None
    ) -> bool:
        """Remember that `handler` has succeeded, and move the object's mark in the same step.

        Returns False, and changes nothing, where `token` is no longer the one that holds it, and
        where the mark says that the event is stale by now: the lease was over.
        """
        ...

    def release(self, message_id: str, handlers: Sequence[str], token: str) -> None:
        """Give up the claims on `handlers` that `token` still holds and has not confirmed."""
        ...

    def show(self, message_id: str) -> list[HandlerRecord]:
        """What is remembered of a message, by the names of its handlers."""
        ...

    def forget(self, message_id: str) -> int:
        """Forget a message, so that all its handlers run again; returns how many were forgotten.

        Handlers that are running this moment cannot be confirmed any more, and so run again too.
        """
        ...

    def purge(self) -> int:
        """Forget what is older than the retention; returns how many handlers that were.

        For impatient people only: what has expired counts for nothing anyway.
        """
        ...


def is_store(store: object) -> bool:
    """Whether `store` has the methods that `Endpoint` calls; a class of stores is none itself."""
    methods = [getattr(store, name, None) for name in ("claim", "confirm", "release")]
    return not isinstance(store, type) and all(map(callable, methods))


class RunningHandler(NamedTuple):
    """The handler that is being run under a claim."""

    message_id: str
    handler: str
    token: str
    is_async: bool = False


running_handler: ContextVar[RunningHandler | None] = ContextVar("running_handler", default=None)
"""Which claimed handler the code that asks is part of; set while it runs."""


def new_token() -> str:
    """A fencing token that no other claim has."""
    return os.urandom(12).hex()


def decide(
    handlers: Iterable[str],
    records: Mapping[str, HandlerRecord],
    now: float,
    object: ObjectVersion | None,
    known: KnownObject,
) -> Claim:
    """What a claim gets, given what a store remembers: the rule that every store follows.

    `records` are those of the message, `known` is what is known of the object; without an `object`
    it does not count. `now` is in Unix seconds.
    """
    outcomes: dict[str, list[str]] = {"run": [], "done": [], "busy": [], "stale": []}
    for name in handlers:
        record = records.get(name)
        if record is not None and record.expires_at > now:
            outcome = "done" if record.state == "done" else "busy"
        elif object is None or name not in object.handlers:
            outcome = "run"
        elif known.mark.outdates(object):
            outcome = "stale"
        else:
            outcome = "busy" if known.is_held_elsewhere else "run"
        outcomes[outcome].append(name)
    run, done, busy, stale = map(tuple, outcomes.values())
    return Claim(new_token(), run, done, busy, stale)


def checked_retention(retention: timedelta) -> float:
    """A store's retention, in seconds. Raises `ConfigurationError` where it is not positive."""
    if not isinstance(retention, timedelta) or retention <= timedelta(0):
        raise ConfigurationError("retention: a timedelta that is positive")
    return retention.total_seconds()


def checked_timeout(timeout: timedelta) -> float:
    """A store's timeout, in seconds. Raises `ConfigurationError` where it is none."""
    if not isinstance(timeout, timedelta) or not timedelta(0) < timeout <= timedelta(hours=1):
        raise ConfigurationError("timeout: a timedelta that is positive and at most an hour")
    return timeout.total_seconds()
