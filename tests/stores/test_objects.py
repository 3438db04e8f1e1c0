"""What every store promises of objects: one message at a time, and nothing older than its mark."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from clerk_hooks.idempotency import Claim, ObjectVersion

from .backends import Backend, Clock

LEASE = timedelta(seconds=60)
RETENTION = timedelta(hours=1)


def version(
    time: int | None = 5,
    *handlers: str,
    family: str = "user",
    id: str = "user_1",
    deletes: bool = False,
) -> ObjectVersion:
    return ObjectVersion(family, id, time, deletes, frozenset(handlers or ("h",)))


@pytest.fixture
def store(place: Backend, clock: Clock) -> Any:
    return place.open(clock=clock, retention=RETENTION)


def claim(store: Any, message_id: str, object: ObjectVersion, *handlers: str) -> Claim:
    result = store.claim(message_id, handlers or ("h",), LEASE, object)
    assert isinstance(result, Claim)
    return result


def handle(store: Any, message_id: str, object: ObjectVersion) -> Claim:
    """Claim the handler ``h``, and confirm it if it is to be run."""
    result = claim(store, message_id, object)
    if result.run:
        assert store.confirm(message_id, "h", result.token, object)
    return result


def test_an_older_event_is_stale_and_an_equal_or_newer_one_is_not(store: Any) -> None:
    assert handle(store, "msg_1", version(5)).run == ("h",)
    assert handle(store, "msg_2", version(4)).stale == ("h",)
    assert handle(store, "msg_3", version(5)).run == ("h",)
    assert handle(store, "msg_4", version(6)).run == ("h",)
    assert handle(store, "msg_5", version(5)).stale == ("h",)


def test_a_stale_event_is_not_remembered_and_holds_nothing(store: Any) -> None:
    handle(store, "msg_1", version(5))
    assert claim(store, "msg_2", version(4)).stale == ("h",)
    assert store.show("msg_2") == []
    assert claim(store, "msg_3", version(6)).run == ("h",)


def test_a_handler_that_outlived_its_lease_is_not_confirmed_over_a_newer_event(
    store: Any, clock: Clock
) -> None:
    old = claim(store, "msg_1", version(3))
    clock.now += LEASE.total_seconds() + 1
    assert handle(store, "msg_2", version(9)).run == ("h",)
    assert store.confirm("msg_1", "h", old.token, version(3)) is False
    assert claim(store, "msg_1", version(3)).stale == ("h",)
    assert claim(store, "msg_3", version(8)).stale == ("h",)


def test_a_handler_that_outlived_its_lease_is_not_confirmed_over_a_deletion(
    store: Any, clock: Clock
) -> None:
    old = claim(store, "msg_1", version(None))
    clock.now += LEASE.total_seconds() + 1
    assert handle(store, "msg_2", version(2, deletes=True)).run == ("h",)
    assert store.confirm("msg_1", "h", old.token, version(None)) is False


def test_only_a_confirm_moves_the_mark(store: Any) -> None:
    newer = claim(store, "msg_1", version(9))
    store.release("msg_1", ["h"], newer.token)
    assert handle(store, "msg_2", version(4)).run == ("h",)


def test_a_confirm_that_is_refused_does_not_move_the_mark(store: Any, clock: Clock) -> None:
    old = claim(store, "msg_1", version(9))
    clock.now += 60
    new = claim(store, "msg_1", version(9))
    assert store.confirm("msg_1", "h", old.token, version(9)) is False
    store.release("msg_1", ["h"], new.token)
    assert handle(store, "msg_2", version(4)).run == ("h",)


def test_after_a_deletion_every_other_event_is_stale(store: Any) -> None:
    assert handle(store, "msg_1", version(5, deletes=True)).run == ("h",)
    for number, time in enumerate((4, 5, 6, None)):
        assert handle(store, f"msg_2{number}", version(time)).stale == ("h",)


def test_a_deletion_itself_is_never_stale(store: Any) -> None:
    handle(store, "msg_1", version(9))
    assert handle(store, "msg_2", version(5, deletes=True)).run == ("h",)
    assert handle(store, "msg_3", version(1, deletes=True)).run == ("h",)
    assert handle(store, "msg_4", version(10)).stale == ("h",)


def test_an_event_without_a_time_runs_and_moves_no_mark(store: Any) -> None:
    assert handle(store, "msg_1", version(None)).run == ("h",)
    assert handle(store, "msg_2", version(1)).run == ("h",)
    assert handle(store, "msg_3", version(None)).run == ("h",)
    assert handle(store, "msg_4", version(1)).run == ("h",)
    assert handle(store, "msg_5", version(0)).stale == ("h",)


@pytest.mark.parametrize("time", [-1, 0, 1, 253_402_300_799_999, -62_135_596_800_000])
def test_a_mark_is_exact_for_every_time(store: Any, time: int) -> None:
    handle(store, "msg_1", version(time))
    assert handle(store, "msg_2", version(time - 1)).stale == ("h",)
    assert handle(store, "msg_3", version(time)).run == ("h",)
    assert handle(store, "msg_4", version(time + 1)).run == ("h",)
    assert handle(store, "msg_5", version(time)).stale == ("h",)


def test_a_message_waits_while_another_is_handled_for_the_object(store: Any) -> None:
    first = claim(store, "msg_1", version(5))
    second = claim(store, "msg_2", version(6))
    assert (second.run, second.busy) == ((), ("h",))
    assert store.show("msg_2") == []
    store.confirm("msg_1", "h", first.token, version(5))
    assert claim(store, "msg_2", version(6)).run == ("h",)


@pytest.mark.parametrize("end", ["release", "expire", "forget"])
def test_a_message_waits_no_longer_than_the_other_holds_the_object(
    store: Any, clock: Clock, end: str
) -> None:
    first = claim(store, "msg_1", version(5))
    if end == "release":
        store.release("msg_1", ["h"], first.token)
    elif end == "forget":
        assert store.forget("msg_1") == 1
    else:
        clock.now += 59
        assert claim(store, "msg_2", version(6)).busy == ("h",)
        clock.now += 1
    assert claim(store, "msg_2", version(6)).run == ("h",)
    assert claim(store, "msg_3", version(6)).busy == ("h",)


def test_a_message_does_not_wait_for_itself(store: Any) -> None:
    object = version(5, "a", "b")
    first = claim(store, "msg_1", object, "a")
    again = claim(store, "msg_1", object, "a", "b")
    assert (again.run, again.busy) == (("b",), ("a",))
    store.confirm("msg_1", "a", first.token, object)
    assert claim(store, "msg_2", object, "a").busy == ("a",)  # As b is still being run.
    store.confirm("msg_1", "b", again.token, object)
    assert claim(store, "msg_2", object, "a").run == ("a",)


def test_other_handlers_neither_wait_nor_are_stale(store: Any) -> None:
    object = version(5, "h")
    first = claim(store, "msg_1", object, "h", "free")
    second = claim(store, "msg_2", object, "free", "h")
    assert (second.run, second.busy) == (("free",), ("h",))
    store.confirm("msg_1", "h", first.token, object)
    third = claim(store, "msg_3", version(4), "h", "free")
    assert (third.run, third.stale) == (("free",), ("h",))


def test_a_free_handler_holds_no_object(store: Any) -> None:
    claim(store, "msg_1", version(5, "h"), "free")
    assert claim(store, "msg_2", version(5, "h"), "h").run == ("h",)


def test_what_is_done_is_done_even_where_it_would_be_stale_or_wait(store: Any) -> None:
    handle(store, "msg_1", version(1))
    handle(store, "msg_2", version(5))
    claim(store, "msg_3", version(6))
    assert claim(store, "msg_1", version(1)).done == ("h",)


def test_a_message_that_is_taken_over_keeps_the_object(store: Any, clock: Clock) -> None:
    old = claim(store, "msg_1", version(5))
    clock.now += 60
    new = claim(store, "msg_1", version(5))
    assert new.run == ("h",)
    assert store.confirm("msg_1", "h", old.token, version(5)) is False
    assert claim(store, "msg_2", version(5)).busy == ("h",)
    assert store.confirm("msg_1", "h", new.token, version(5)) is True
    assert claim(store, "msg_2", version(5)).run == ("h",)


@pytest.mark.parametrize(
    "other",
    [
        version(1, id="user_2"),
        version(1, id="USER_1"),
        version(1, id="user_1 "),
        version(1, family="session"),
        version(1, id="x" * 300),
        version(1, id="é" * 250 + "\x00"),
    ],
    ids=lambda other: f"{other.family} {other.id[:8]!r}",
)
def test_objects_that_look_alike_are_told_apart(store: Any, other: ObjectVersion) -> None:
    held = claim(store, "msg_1", version(5))
    assert claim(store, "msg_2", other).run == ("h",)
    store.confirm("msg_1", "h", held.token, version(5))
    assert claim(store, "msg_3", other).busy == ("h",)


def test_ids_that_differ_in_their_end_alone_are_told_apart_however_long(store: Any) -> None:
    handle(store, "msg_1", version(5, id="x" * 400 + "1"))
    assert handle(store, "msg_2", version(4, id="x" * 400 + "2")).run == ("h",)
    assert handle(store, "msg_3", version(4, id="x" * 400 + "1")).stale == ("h",)


def test_a_mark_is_remembered_for_the_retention_since_it_moved(store: Any, clock: Clock) -> None:
    handle(store, "msg_1", version(5))
    clock.now += 3000
    handle(store, "msg_2", version(7))
    clock.now += 3599
    assert claim(store, "msg_3", version(6)).stale == ("h",)
    clock.now += 1
    assert handle(store, "msg_3", version(6)).run == ("h",)
    assert claim(store, "msg_4", version(5)).stale == ("h",)


def test_a_deletion_is_remembered_for_the_retention_and_then_forgotten(
    store: Any, clock: Clock
) -> None:
    handle(store, "msg_1", version(5, deletes=True))
    clock.now += 3600
    store.purge()
    assert handle(store, "msg_2", version(4)).run == ("h",)
    assert handle(store, "msg_3", version(6)).run == ("h",)
