"""What every store does for people, and what it forgets when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from clerk_hooks.idempotency import HandlerRecord, ObjectVersion

from .backends import Backend, Clock

LEASE = timedelta(seconds=60)
RETENTION = timedelta(hours=1)


@pytest.fixture
def store(place: Backend, clock: Clock) -> Any:
    return place.open(clock=clock, retention=RETENTION)


def handle(store: Any, message_id: str) -> bool:
    claim = store.claim(message_id, ["h"], LEASE, None)
    return bool(claim.run) and store.confirm(message_id, "h", claim.token, None)


def test_show_tells_what_is_remembered_by_the_names_of_handlers(store: Any, clock: Clock) -> None:
    claim = store.claim("msg_1", ["b", "a", "c"], LEASE, None)
    clock.now += 1
    store.confirm("msg_1", "b", claim.token, None)
    store.release("msg_1", ["c"], claim.token)
    assert store.show("msg_1") == [
        HandlerRecord("a", "running", clock.now + 59, claim.token),
        HandlerRecord("b", "done", clock.now + 3600, claim.token),
    ]
    assert store.show("msg_2") == []


def test_show_leaves_out_what_counts_for_nothing(store: Any, clock: Clock) -> None:
    claim = store.claim("msg_1", ["a", "b"], LEASE, None)
    store.confirm("msg_1", "b", claim.token, None)
    clock.now += 60
    assert [record.handler for record in store.show("msg_1")] == ["b"]


def test_what_is_forgotten_runs_again(store: Any) -> None:
    claim = store.claim("msg_1", ["a", "b"], LEASE, None)
    store.confirm("msg_1", "a", claim.token, None)
    store.claim("msg_2", ["a"], LEASE, None)
    assert store.forget("msg_1") == 2
    assert store.forget("msg_1") == 0
    assert store.show("msg_1") == []
    assert store.claim("msg_1", ["a", "b"], LEASE, None).run == ("a", "b")
    assert store.claim("msg_2", ["a"], LEASE, None).busy == ("a",)


def test_what_was_running_when_it_was_forgotten_cannot_be_confirmed(store: Any) -> None:
    claim = store.claim("msg_1", ["a"], LEASE, None)
    store.forget("msg_1")
    assert store.confirm("msg_1", "a", claim.token, None) is False
    assert store.claim("msg_1", ["a"], LEASE, None).run == ("a",)


def test_what_was_confirmed_is_remembered_for_the_retention_and_no_longer(
    store: Any, clock: Clock
) -> None:
    claim = store.claim("msg_1", ["h"], LEASE, None)
    clock.now += 30
    store.confirm("msg_1", "h", claim.token, None)
    clock.now += 3599
    assert store.claim("msg_1", ["h"], LEASE, None).done == ("h",)
    clock.now += 1
    again = store.claim("msg_1", ["h"], LEASE, None)
    assert again.run == ("h",)
    assert store.confirm("msg_1", "h", claim.token, None) is False
    assert store.confirm("msg_1", "h", again.token, None) is True


def test_purge_forgets_what_is_older_than_the_retention_and_nothing_else(
    store: Any, place: Backend, clock: Clock
) -> None:
    for number in range(3):
        handle(store, f"msg_{number}")
    store.claim("msg_dead", ["a", "b"], LEASE, None)
    clock.now += 3000
    handle(store, "msg_new")
    assert store.purge() == 0
    clock.now += 600
    assert store.purge() == (0 if "redis" in place.name else 5)
    assert store.purge() == 0
    assert not handle(store, "msg_new")
    assert handle(store, "msg_0")


def test_purge_forgets_marks_too(store: Any, clock: Clock) -> None:
    object = ObjectVersion("user", "user_1", 5, True, frozenset({"h"}))
    claim = store.claim("msg_1", ["h"], LEASE, object)
    store.confirm("msg_1", "h", claim.token, object)
    clock.now += 3600
    store.purge()
    assert store.claim("msg_2", ["h"], LEASE, object._replace(time=1, is_delete=False)).run


def test_what_is_purged_while_it_runs_late_is_kept_until_the_retention(
    store: Any, clock: Clock
) -> None:
    claim = store.claim("msg_1", ["h"], LEASE, None)
    clock.now += 3599
    store.purge()
    assert store.confirm("msg_1", "h", claim.token, None) is True
