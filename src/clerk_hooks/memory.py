"""The idempotency store in the memory of one process."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import timedelta
from threading import Lock
from typing import Any, Generic, TypeVar

from .errors import ConfigurationError
from .idempotency import (
    DEFAULT_RETENTION,
    Claim,
    HandlerRecord,
    KnownObject,
    Mark,
    ObjectVersion,
    checked_clock,
    checked_retention,
    decide,
)
from .store_methods import AsyncStoreMethods, Result

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class MemoryStore(AsyncStoreMethods):
    """A store in memory, for tests and for programs of one process; for event loops too.

    It remembers the `max_messages` most recently used messages, and as many objects, each for
    `retention`. `clock` returns the Unix time in seconds. Raises `ConfigurationError`.
    """

    def __init__(
        self,
        *,
        retention: timedelta = DEFAULT_RETENTION,
        max_messages: int = 100_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not isinstance(max_messages, int) or max_messages < 1:
            raise ConfigurationError("max_messages must be a number, at least 1")
        self._retention = checked_retention(retention)
        self._clock = checked_clock(clock)
        self._lock = Lock()
        self._messages: _Recent[str, dict[str, HandlerRecord]] = _Recent(max_messages)
        self._objects: _Recent[tuple[str, str], _Object] = _Recent(max_messages)

    def claim(
        self,
        message_id: str,
        handlers: Sequence[str],
        lease: timedelta,
        object: ObjectVersion | None = None,
    ) -> Claim:
        """Claim handlers of a message, as `IdempotencyStore.claim` says."""
        now = self._clock()
        with self._lock:
            self._drop_expired(now)
            records = self._messages.get(message_id) or {}
            about = known = None
            if object is not None:
                about = self._objects.get(object.key) or _Object()
                leases = self._leases(about, message_id, now)
                known = KnownObject(object, about.mark_at(now), leases)
            claim = decide(handlers, records, now, lease, known)
            seconds = lease.total_seconds()
            ends = now + seconds
            for name in claim.run:
                records[name] = HandlerRecord(name, "running", ends, claim.token)
                if object is not None and about is not None and name in object.handlers:
                    about.holders.add((message_id, name))
                    self._objects.keep(object.key, about, now + self._retention)
            self._messages.keep(message_id, records, now + max(seconds, self._retention))
            return claim

    def confirm(
        self, message_id: str, handler: str, token: str, mark: ObjectVersion | None = None
    ) -> bool:
        """Remember that a handler has succeeded, as `IdempotencyStore.confirm` says."""
        now = self._clock()
        ends = now + self._retention
        with self._lock:
            records = self._messages.get(message_id) or {}
            if not _is_held_by(token, records.get(handler)):
                return False
            if mark is not None:
                about = self._objects.get(mark.key) or _Object()
                known = about.mark_at(now)
                if known.outdates(mark):
                    return False
                about.mark, about.forget_at = known.moved_by(mark), ends
                self._objects.keep(mark.key, about, ends)
            records[handler] = HandlerRecord(handler, "done", ends, token)
            self._messages.keep(message_id, records, ends)
            return True

    def release(self, message_id: str, handlers: Sequence[str], token: str) -> None:
        """Give up claims, as `IdempotencyStore.release` says."""
        with self._lock:
            records = self._messages.get(message_id) or {}
            for handler in handlers:
                if _is_held_by(token, records.get(handler)):
                    del records[handler]

    def show(self, message_id: str) -> list[HandlerRecord]:
        """Return the records of a message, sorted by the names of its handlers."""
        now = self._clock()
        with self._lock:
            records = self._messages.get(message_id) or {}
            return sorted(record for record in records.values() if record.expires_at > now)

    def forget(self, message_id: str) -> int:
        """Forget a message, as `IdempotencyStore.forget` says."""
        with self._lock:
            return len(self._messages.pop(message_id) or ())

    def purge(self) -> int:
        """Forget everything older than the retention; returns how many handlers that were."""
        with self._lock:
            return self._drop_expired(self._clock())

    async def _ado(self, method: Callable[..., Result], *arguments: Any) -> Result:
        call: Callable[..., Result] = getattr(self, method.__name__)
        return call(*arguments)  # It never waits for anything.

    def _leases(self, about: "_Object", message_id: str, now: float) -> list[tuple[float, str]]:
        """The ends of the leases of other messages on the object, and their ids."""
        running: dict[tuple[str, str], float] = {}
        for holder, handler in about.holders:
            record = (self._messages.get(holder) or {}).get(handler)
            if record is not None and record.state == "running" and record.expires_at > now:
                running[holder, handler] = record.expires_at
        about.holders = set(running)
        return [(ends, holder) for (holder, _), ends in running.items() if holder != message_id]

    def _drop_expired(self, now: float) -> int:
        self._objects.drop_expired(now)
        return sum(map(len, self._messages.drop_expired(now)))


def _is_held_by(token: str, record: HandlerRecord | None) -> bool:
    return record is not None and record.state == "running" and record.token == token


class _Object:
    """The records of an object: its mark, and the handlers that were claimed for it."""

    def __init__(self) -> None:
        self.mark = Mark()
        self.forget_at = 0.0
        self.holders: set[tuple[str, str]] = set()

    def mark_at(self, now: float) -> Mark:
        """The mark, unless it has not moved for the whole retention."""
        return self.mark if self.forget_at > now else Mark()


class _Recent(Generic[_Key, _Value]):
    """A mapping of bounded size, whose values expire; the oldest is dropped first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[_Key, tuple[float, _Value]] = OrderedDict()

    def get(self, key: _Key) -> _Value | None:
        """The value of `key`, if there is one."""
        entry = self._entries.get(key)
        return None if entry is None else entry[1]

    def keep(self, key: _Key, value: _Value, expires_at: float) -> None:
        """Keep `value` until `expires_at` (Unix seconds), or until the mapping is too full."""
        self._entries[key] = expires_at, value
        self._entries.move_to_end(key)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def pop(self, key: _Key) -> _Value | None:
        """Drop `key`, and return its value."""
        entry = self._entries.pop(key, None)
        return None if entry is None else entry[1]

    def drop_expired(self, now: float) -> list[_Value]:
        """Drop the values that have expired by `now`, oldest first, and return them."""
        dropped: list[_Value] = []
        while self._entries:
            key = next(iter(self._entries))
            expires_at, value = self._entries[key]
            if expires_at > now:
                break
            del self._entries[key]
            dropped.append(value)
        return dropped
