"""What the Redis stores ask: the script of each method, its arguments, and how to read the reply.

`RedisStore` and `AsyncRedisStore` share this, and differ only in how they wait for Redis.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from hashlib import sha1
from math import ceil
from typing import Any, Generic, TypeVar

from ..errors import ConfigurationError
from ..idempotency import CLOCK_SKEW, Claim, HandlerRecord, Holder, ObjectVersion, new_token
from ._lua import CLAIM, CONFIRM, FORGET, RELEASE, SHOW

_Answer = TypeVar("_Answer")


class Call(Generic[_Answer]):
    """One run of a script, which is one step and one round trip."""

    def __init__(
        self,
        script: "_Script",
        keys: Sequence[str],
        arguments: Sequence["str | int"],
        read: Callable[[Any], _Answer],
    ) -> None:
        self._script = script
        self._operands = (len(keys), *keys, *arguments)
        self.read = read
        """Turns the reply into what the store's method returns."""

    @property
    def by_hash(self) -> "tuple[str | int, ...]":
        """The command for a Redis that knows the script."""
        return ("EVALSHA", self._script.sha, *self._operands)

    @property
    def in_full(self) -> "tuple[str | int, ...]":
        """The command for a Redis that was restarted, or whose scripts were flushed."""
        return ("EVAL", self._script.text, *self._operands)


class Calls:
    """The calls of a store whose keys begin with `prefix`; `retention` is in seconds."""

    def __init__(self, prefix: str, retention: float, clock: Callable[[], float]) -> None:
        if not isinstance(prefix, str):
            raise ConfigurationError("prefix must be text")
        self._prefix = prefix
        self._retention = retention
        self._clock = clock

    def claim(
        self,
        message_id: str,
        handlers: Sequence[str],
        lease: timedelta,
        object: ObjectVersion | None,
    ) -> Call[Claim]:
        """Claims handlers."""
        now, seconds, token = self._clock(), lease.total_seconds(), new_token()
        keys = [self._message_key(message_id)]
        if object is not None:
            keys += [self._object_key("mark", object), self._object_key("holders", object)]
        kept = ceil(1000 * max(seconds, self._retention))
        latest = repr(now + seconds + CLOCK_SKEW)
        head = f"{now!r} {token} {now + seconds!r} {kept} {_version(object)} {latest} {message_id}"
        droppers = frozenset[str]() if object is None else object.handlers
        flagged = [f"{int(name in droppers)}{name}" for name in handlers]

        def read(reply: Any) -> Claim:
            return _claim(handlers, token, *_text(reply).split("\n", 2))

        return Call(_CLAIM, keys, (head, *flagged), read)

    def confirm(
        self, message_id: str, handler: str, token: str, mark: ObjectVersion | None
    ) -> Call[bool]:
        """Records that a handler succeeded."""
        now = self._clock()
        keys = [self._message_key(message_id)]
        if mark is not None:
            keys.append(self._object_key("mark", mark))
        ends, kept, call = now + self._retention, ceil(1000 * self._retention), new_token()
        head = f"{now!r} {ends!r} {kept} {_version(mark)} {call} {message_id}"
        return Call(_CONFIRM, keys, (head, handler, token), bool)

    def release(self, message_id: str, handlers: Sequence[str], token: str) -> Call[None]:
        """Gives up claims."""
        arguments = (message_id, token, *handlers)
        return Call(_RELEASE, [self._message_key(message_id)], arguments, _nothing)

    def show(self, message_id: str) -> Call[list[HandlerRecord]]:
        """Lists the records of a message."""
        now = self._clock()

        def read(reply: Any) -> list[HandlerRecord]:
            found = map(_text, reply)
            records = [_record(name, text) for name, text in zip(found, found, strict=True)]
            return sorted(record for record in records if record.expires_at > now)

        return Call(_SHOW, [self._message_key(message_id)], (), read)

    def forget(self, message_id: str) -> Call[int]:
        """Forgets a message."""
        return Call(_FORGET, [self._message_key(message_id)], (message_id,), int)

    def _message_key(self, message_id: str) -> str:
        return f"{self._prefix}message:{message_id}"

    def _object_key(self, kind: str, version: ObjectVersion) -> str:
        return f"{self._prefix}{kind}:{version.family}:{version.id}"


class _Script:
    """A Lua script, and the hash by which Redis knows it once it has run."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = sha1(text.encode(), usedforsecurity=False).hexdigest()


_CLAIM, _CONFIRM, _RELEASE = _Script(CLAIM), _Script(CONFIRM), _Script(RELEASE)
_SHOW, _FORGET = _Script(SHOW), _Script(FORGET)


def _version(version: ObjectVersion | None) -> str:
    """Time and kind. An empty text stands for no time: Lua does not read it as a number."""
    if version is None:
        return " 0"
    return f"{'' if version.time is None else version.time} {int(version.is_delete)}"


def _claim(handlers: Sequence[str], token: str, outcomes: str, until: str, other: str) -> Claim:
    by_outcome: dict[str, list[str]] = {"run": [], "done": [], "busy": [], "stale": []}
    for name, outcome in zip(handlers, outcomes.split(), strict=True):
        by_outcome[outcome].append(name)
    run, done, busy, stale = map(tuple, by_outcome.values())
    holder = Holder(float(until), other or None) if until else None
    return Claim(token, run, done, busy, stale, holder)


def _record(handler: str, text: str) -> HandlerRecord:
    state, ends, token = text.split(" ", 3)[:3]
    return HandlerRecord(handler, "done" if state == "done" else "running", float(ends), token)


def _text(value: "bytes | str") -> str:
    """A reply as text: some clients decode replies, others do not."""
    return value if isinstance(value, str) else value.decode()


def _nothing(_: object) -> None:
    """Reads a reply that says nothing."""
