"""Random sequences of calls: every store answers as `MemoryStore` does, which asks `decide`.

The rule of RedisStore is written in Lua, and that of the others partly in SQL; this is what holds
them to the one rule.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from clerk_hooks import MemoryStore
from clerk_hooks.idempotency import Claim, ObjectVersion

from .backends import Clock, backend

MESSAGES, HANDLERS, OBJECTS = ["m1", "m2", "m3"], ["a", "b", "c"], ["u1", "u1", "u1", "u2"]
RETENTION = timedelta(seconds=300)

handlers = st.lists(st.sampled_from(HANDLERS), unique=True, min_size=1, max_size=3)
versions = st.builds(
    ObjectVersion,
    st.just("user"),
    st.sampled_from(OBJECTS),
    st.none() | st.integers(0, 3),
    st.sampled_from([False, False, False, True]),
    st.frozensets(st.sampled_from(HANDLERS), min_size=2),
)
# Few objects, and times that are close to each other, so that messages meet.
# A message is about one object, and has handlers that drop stale events or has none.
facts = st.fixed_dictionaries(
    {message: st.one_of(versions, versions, versions, st.none()) for message in MESSAGES}
)
steps = st.one_of(
    st.tuples(st.just("claim"), st.sampled_from(MESSAGES), handlers, st.sampled_from([10, 60])),
    st.tuples(st.just("handle"), st.sampled_from(MESSAGES), handlers),
    st.tuples(st.just("confirm"), st.integers(0, 6), st.sampled_from(HANDLERS)),
    st.tuples(st.just("release"), st.integers(0, 6), handlers),
    st.tuples(st.just("forget"), st.sampled_from(MESSAGES)),
    st.tuples(st.just("wait"), st.sampled_from([1, 9, 10, 59, 60, 240, 299, 300])),
)


FAST = ["sqlite", "redis"]
OTHERS = ["async redis", "sqlalchemy-psycopg", "sqlalchemy-pymysql"]
"""Stores that are asked for one sequence in twelve."""


def test_every_store_answers_as_the_rule_in_python(
    tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """All of them the same sequences, which take longer to invent than to try."""
    numbers = count()
    with ExitStack() as stack:
        stores: dict[str, tuple[Any, Clock]] = {}
        for name in (*FAST, *OTHERS):
            with subtests.test(name):  # Without its service, it is skipped.
                place, clock = stack.enter_context(backend(name, tmp_path)), Clock()
                stores[name] = place.open(clock=clock, retention=RETENTION), clock

        @settings(
            max_examples=500,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
            database=None,
        )
        @given(facts, st.lists(steps, min_size=1, max_size=20))
        def compare(about: dict[str, ObjectVersion | None], calls: list[Any]) -> None:
            is_for_all = crc32(repr(calls).encode()) % 12 == 0  # The same when it is tried again.
            for name, (store, clock) in stores.items():
                if name in FAST or is_for_all:
                    note(name)
                    asked[name] += 1
                    model = MemoryStore(clock=clock, retention=RETENTION)
                    Comparison(model, store, clock, about, f"_{next(numbers)}").run(calls)

        asked = dict.fromkeys(stores, 0)
        compare()
    assert min(asked.values()) >= 30


class Comparison:
    """One sequence of calls, made to both stores; the real one has names of its own for them."""

    def __init__(
        self,
        model: MemoryStore,
        store: Any,
        clock: Clock,
        about: dict[str, ObjectVersion | None],
        suffix: str,
    ) -> None:
        self.model, self.store, self.clock = model, store, clock
        self.about, self.suffix = about, suffix
        self.claims: list[tuple[str, Claim, Claim]] = []
        self.claimed_at: list[float] = []

    def run(self, calls: list[Any]) -> None:
        for name, *arguments in calls:
            getattr(self, name)(*arguments)
            for message in MESSAGES:
                assert self.show(self.store, message + self.suffix) == self.show(
                    self.model, message
                )

    @staticmethod
    def show(store: Any, message: str) -> list[Any]:
        return [(r.handler, r.state, r.expires_at) for r in store.show(message)]

    def version(self, message: str) -> ObjectVersion | None:
        version = self.about[message]
        return version and version._replace(id=version.id + self.suffix)

    def claim(self, message: str, handlers: list[str], seconds: int) -> None:
        lease = timedelta(seconds=seconds)
        expected = self.model.claim(message, handlers, lease, self.about[message])
        got = self.store.claim(message + self.suffix, handlers, lease, self.version(message))
        holder = expected.holder
        if holder is not None and holder.message_id is not None:
            holder = holder._replace(message_id=holder.message_id + self.suffix)
        assert got._replace(token="") == expected._replace(token="", holder=holder)
        self.claims.append((message, expected, got))
        self.claimed_at.append(self.clock.now)

    def handle(self, message: str, handlers: list[str]) -> None:
        self.claim(message, handlers, 60)
        for name in self.claims[-1][1].run:
            self.confirm(len(self.claims) - 1, name)

    def confirm(self, number: int, handler: str) -> None:
        for message, expected, got in self.claims[number : number + 1]:
            if self.clock.now - self.claimed_at[number] >= RETENTION.total_seconds():
                return  # Whether it has been swept away by now is no part of the promise.
            version, real = self.about[message], self.version(message)
            if version is not None and handler not in version.handlers:
                version = real = None
            assert self.store.confirm(
                message + self.suffix, handler, got.token, real
            ) is self.model.confirm(message, handler, expected.token, version)

    def release(self, number: int, handlers: list[str]) -> None:
        for message, expected, got in self.claims[number : number + 1]:
            self.model.release(message, handlers, expected.token)
            self.store.release(message + self.suffix, handlers, got.token)

    def forget(self, message: str) -> None:
        self.model.forget(message)
        self.store.forget(message + self.suffix)

    def wait(self, seconds: int) -> None:
        self.clock.now += seconds
