"""`MemoryStore`: its bounds and its clock. What it does as a store, the tests of all stores say."""

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest

from clerk_hooks import ConfigurationError, MemoryStore
from clerk_hooks.idempotency import DEFAULT_RETENTION, Holder, ObjectVersion

LEASE = timedelta(seconds=60)


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def version(time: int, object_id: str = "user_1") -> ObjectVersion:
    return ObjectVersion("user", object_id, time, False, frozenset({"h"}))


def handle(store: MemoryStore, message_id: str, object: ObjectVersion | None = None) -> bool:
    """Claim and confirm the handler ``h``; returns whether it was to be run."""
    claim = store.claim(message_id, ["h"], LEASE, object)
    return bool(claim.run) and store.confirm(message_id, "h", claim.token, object)


@pytest.mark.parametrize("value", [0, -1, 1.5, None, "many"], ids=repr)
def test_max_messages_is_a_positive_number(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="max_messages"):
        MemoryStore(max_messages=value)


def test_a_clock_is_a_function() -> None:
    with pytest.raises(ConfigurationError, match="clock must be a function"):
        MemoryStore(clock=5)  # type: ignore[arg-type]


def test_there_is_room_for_100_000_messages_by_default() -> None:
    assert MemoryStore()._messages._size == 100_000


def test_there_may_be_room_for_one_message_only() -> None:
    store = MemoryStore(max_messages=1)
    assert handle(store, "msg_1")
    assert not handle(store, "msg_1")
    assert handle(store, "msg_2")
    assert handle(store, "msg_1")


@pytest.mark.parametrize("value", [timedelta(0), 5], ids=repr)
def test_retention_is_a_positive_timedelta(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="retention"):
        MemoryStore(retention=value)


def test_the_messages_used_least_lately_are_forgotten_first(clock: Clock) -> None:
    store = MemoryStore(max_messages=3, clock=clock)
    for message_id in ("msg_1", "msg_2", "msg_3"):
        assert handle(store, message_id)
    assert not handle(store, "msg_1")  # A duplicate counts as a use.
    assert handle(store, "msg_4")
    assert store.show("msg_2") == []
    assert not handle(store, "msg_1")
    assert not handle(store, "msg_3")
    assert handle(store, "msg_2")


def test_the_objects_used_least_lately_are_forgotten_first(clock: Clock) -> None:
    store = MemoryStore(max_messages=2, clock=clock)
    for number in (1, 2, 3):
        assert handle(store, f"msg_{number}", version(5, f"user_{number}"))
    assert not handle(store, "msg_4", version(4, "user_3"))
    assert handle(store, "msg_5", version(4, "user_1"))


def test_a_message_is_remembered_for_the_retention_and_no_longer(clock: Clock) -> None:
    store = MemoryStore(retention=timedelta(hours=1), clock=clock)
    assert handle(store, "msg_1")
    clock.now += 3599
    assert not handle(store, "msg_1")
    clock.now += 1
    assert store.show("msg_1") == []
    assert handle(store, "msg_1")


def test_a_mark_is_remembered_for_the_retention_and_no_longer(clock: Clock) -> None:
    store = MemoryStore(retention=timedelta(hours=1), clock=clock)
    assert handle(store, "msg_1", version(5))
    clock.now += 3599
    assert store.claim("msg_2", ["h"], LEASE, version(4)).stale == ("h",)
    clock.now += 1
    assert handle(store, "msg_3", version(4))


def test_an_old_mark_counts_for_nothing_though_its_object_is_remembered(clock: Clock) -> None:
    store = MemoryStore(retention=timedelta(hours=1), clock=clock)
    assert handle(store, "msg_2", version(5))
    clock.now += 1800
    claim = store.claim("msg_3", ["h"], LEASE, version(6))  # Looks at the object,
    store.release("msg_3", ["h"], claim.token)  # and does not move its mark.
    clock.now += 1800
    assert handle(store, "msg_1", version(4))


def test_the_retention_begins_when_a_handler_has_succeeded(clock: Clock) -> None:
    store = MemoryStore(retention=timedelta(hours=1), clock=clock)
    claim = store.claim("msg_1", ["h"], timedelta(hours=1), version(5))
    clock.now += 1800
    assert store.confirm("msg_1", "h", claim.token, version(5))
    clock.now += 3599
    assert store.claim("msg_1", ["h"], LEASE, version(5)).done == ("h",)
    assert store.claim("msg_2", ["h"], LEASE, version(4)).stale == ("h",)


def test_a_late_confirm_does_not_pass_a_newer_event_of_the_object(clock: Clock) -> None:
    store = MemoryStore(clock=clock)
    late = store.claim("msg_1", ["h"], LEASE, version(4))
    clock.now += 61
    assert handle(store, "msg_2", version(5))
    assert not store.confirm("msg_1", "h", late.token, version(4))


def test_a_busy_object_does_not_keep_the_claims_of_all_its_messages(clock: Clock) -> None:
    store = MemoryStore(clock=clock)
    for number in range(100):
        assert handle(store, f"msg_{number}", version(number))
    about = store._objects.get(version(0).key)
    assert about is not None
    assert len(about.holders) <= 1


def test_what_has_expired_takes_no_room(clock: Clock) -> None:
    store = MemoryStore(retention=timedelta(hours=1), clock=clock)
    for number in range(100):
        handle(store, f"msg_{number}", version(5, f"user_{number}"))
    clock.now += 3600
    handle(store, "msg_last")
    assert (len(store._messages._entries), len(store._objects._entries)) == (1, 0)
    clock.now += 3600
    assert (store.purge(), store.purge()) == (1, 0)


def test_another_handler_of_the_same_message_does_not_hold_the_object() -> None:
    store = MemoryStore()
    both = version(5)._replace(handlers=frozenset({"a", "b"}))
    first = store.claim("msg_1", ["a", "b"], LEASE, both)
    store.release("msg_1", ["a"], first.token)
    again = store.claim("msg_1", ["a", "b"], LEASE, both)
    assert (again.run, again.busy) == (("a",), ("b",))


def test_of_many_threads_that_claim_one_message_one_gets_it() -> None:
    store = MemoryStore()
    barrier = threading.Barrier(16)
    got: list[str] = []

    def claim() -> None:
        barrier.wait(60)
        got.extend(store.claim("msg_1", ["h"], LEASE).run)

    threads = [threading.Thread(target=claim) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert got == ["h"]


def test_a_claim_says_which_message_keeps_a_handler_busy_and_until_when(clock: Clock) -> None:
    store = MemoryStore(clock=clock)
    store.claim("msg_1", ["h"], LEASE, version(5))
    ends = clock.now + 60
    clock.now += 20
    assert store.claim("msg_1", ["h"], LEASE, version(5)).holder == Holder(ends)
    assert store.claim("msg_2", ["h"], LEASE, version(6)).holder == Holder(ends, "msg_1")
    assert store.claim("msg_3", ["h"], LEASE, version(6, "user_2")).holder is None


@pytest.mark.parametrize("message_id", ["msg_1", "msg_2"], ids=["message", "object"])
def test_a_lease_made_by_a_clock_that_was_ahead_does_not_outlive_it(
    clock: Clock, message_id: str
) -> None:
    store = MemoryStore(clock=clock)
    clock.now += 3600
    store.claim("msg_1", ["h"], LEASE, version(5))
    clock.now -= 3600
    claim = store.claim(message_id, ["h"], LEASE, version(6))
    assert claim.run == ("h",)
    assert store.confirm(message_id, "h", claim.token, version(6))


def test_an_event_loop_gets_the_same_answers(clock: Clock) -> None:
    store, first, second = MemoryStore(clock=clock), version(5), version(6)

    async def handle_twice() -> None:
        claim = await store.aclaim("msg_1", ["h", "i"], LEASE, first)
        assert claim.run == ("h", "i")
        assert (await store.aclaim("msg_2", ["h"], LEASE, second)).busy == ("h",)
        assert await store.aconfirm("msg_1", "h", claim.token, first)
        await store.arelease("msg_1", ["i"], claim.token)
        assert [record.handler for record in await store.ashow("msg_1")] == ["h"]
        assert (await store.aclaim("msg_2", ["h"], LEASE, version(4))).stale == ("h",)
        assert await store.aforget("msg_1") == 1
        token = (await store.aclaim("msg_3", ["h"], LEASE)).token
        assert await store.aconfirm("msg_3", "h", token)
        clock.now += DEFAULT_RETENTION.total_seconds() + 1
        assert await store.apurge() == 1

    asyncio.run(handle_twice())
