"""What people see and do, and what a worker that tidies up does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from clerk_hooks.messages import LivingWorker, Selection, Step

from .places import LEASE, Clock, Place, delivery, ended, ids, taken

DAY = 86_400.0


def names(records: Any) -> list[str]:
    return [record.message_id for record in records]


@pytest.fixture
def each(inbox: Any, clock: Clock) -> Any:
    """An inbox with a message in each state; of two that wait, one has a take never settled."""
    ended(inbox, Step("done"), "done")
    clock.now += 1
    ended(inbox, Step("dead", 0.0, "aborted: x", ("a",)), "dead")
    clock.now += 1
    inbox.put(delivery("unsettled"))
    taken(inbox, "unsettled")
    clock.now += 61
    again = taken(inbox, "unsettled", unsettled=True)
    inbox.settle(again, Step("retry", 30.0, "in_progress: y", is_counted=False))
    inbox.put(delivery("running", b'{"type": "user.deleted"}'))
    taken(inbox, "running")
    clock.now += 1
    inbox.put(delivery("waiting", b'{"type": "user.deleted"}'))
    return inbox


def test_rows_are_listed_the_newest_first(each: Any) -> None:
    newest = ["waiting", "running", "unsettled", "dead", "done"]
    assert names(each.list(Selection(), 10)) == newest
    assert names(each.list(Selection(), 2)) == newest[:2]
    assert list(each.list(Selection(), 0)) == list(each.list(Selection(), -1)) == []
    assert [record.state for record in each.list(Selection(), 3)] == [
        *("waiting", "running", "waiting")
    ]


def test_rows_are_selected_by_all_that_is_given(each: Any, clock: Clock) -> None:
    def found(**selection: Any) -> list[str]:
        return names(each.list(Selection(**selection), 10))

    assert found(state="waiting") == ["waiting", "unsettled"]
    assert found(state="running") == ["running"]
    assert found(state="dead") == ["dead"]
    assert found(state="done") == ["done"]
    assert found(event_type="user.deleted") == ["waiting", "running"]
    assert found(event_type="user.deleted", state="waiting") == ["waiting"]
    assert found(event_type="user.%") == found(event_type="") == []
    assert found(since=clock.now) == ["waiting"]
    assert found(since=clock.now - 1) == ["waiting", "running"]
    assert found(since=clock.now - 1, state="dead") == []


def test_a_record_is_the_same_in_a_list_and_alone(each: Any) -> None:
    for record in each.list(Selection(), 10):
        assert each.show(record.message_id) == record
    assert each.show("absent") is None


def test_the_status_counts_and_tells_the_lag(each: Any, clock: Clock) -> None:
    status = each.status()
    assert status.counts == {"waiting": 2, "running": 1, "done": 1, "dead": 1}
    assert (status.lag, status.workers) == (0.0, [])
    clock.now += 29.5
    assert each.status().lag == 29.5


def test_the_status_of_an_empty_inbox_has_every_state(inbox: Any) -> None:
    counts = {"waiting": 0, "running": 0, "done": 0, "dead": 0}
    assert inbox.status() == (counts, None, [])
    assert inbox.lag() is inbox.lag(unsettled=True) is None
    assert list(inbox.due(10)) == []


def test_the_lag_is_that_of_all_that_is_due_or_of_the_unsettled(each: Any, clock: Clock) -> None:
    assert (each.lag(), each.lag(unsettled=True)) == (0.0, None)
    clock.now += 40  # "unsettled" was put back for 30 s, a second before.
    assert (each.lag(), each.lag(unsettled=True)) == (40.0, 11.0)
    clock.now += 25
    each.take(9, LEASE, message_id="waiting")
    assert (each.lag(), each.lag(unsettled=True)) == (36.0, 36.0)
    each.take(9, LEASE, message_id="unsettled", unsettled=True)
    assert (each.lag(), each.lag(unsettled=True)) == (6.0, 6.0)  # "running" had 60 s.


def test_what_is_due_is_told_in_its_order(each: Any, clock: Clock) -> None:
    assert list(each.due(9)) == ["waiting"]
    clock.now += 70
    assert list(each.due(9)) == ["waiting", "unsettled", "running"]
    assert list(each.due(2)) == ["waiting", "unsettled"]
    assert list(each.due(0)) == list(each.due(-1)) == []


def test_a_retry_makes_what_is_dead_or_waits_due(each: Any, clock: Clock) -> None:
    running, done = each.show("running"), each.show("done")
    clock.now += 5
    assert each.retry(Selection()) == 3
    assert sorted(each.due(9)) == ["dead", "unsettled", "waiting"]
    assert (each.show("running"), each.show("done")) == (running, done)
    message = taken(each, "dead")
    assert message[4:] == (1, 0, 0, ("a",))
    assert taken(each, "unsettled", unsettled=True).takes == 2


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        ({"state": "dead"}, {"dead"}),
        ({"state": "waiting"}, {"waiting", "unsettled"}),
        ({"state": "running"}, set()),
        ({"state": "done"}, set()),
        ({"event_type": "user.deleted"}, {"waiting"}),
        ({"event_type": "user.created", "state": "dead"}, {"dead"}),
        ({"since": 1_700_000_002.0}, {"waiting", "unsettled"}),
    ],
    ids=["dead", "waiting", "running", "done", "type", "type and state", "since"],
)
def test_a_retry_is_of_the_selected_ones(
    each: Any, selection: dict[str, Any], found: set[str]
) -> None:
    before = set(each.due(9))
    assert each.retry(Selection(**selection)) == len(found)
    assert set(each.due(9)) == before | found


def test_a_retry_can_be_of_one_message(each: Any) -> None:
    assert each.retry(Selection(), "dead") == 1
    assert each.retry(Selection(state="dead"), "unsettled") == 0
    assert [each.retry(Selection(), name) for name in ("done", "running", "absent")] == [0, 0, 0]
    assert sorted(each.due(9)) == ["dead", "waiting"]


def test_a_retry_of_many_goes_through_all(place: Place, clock: Clock) -> None:
    inbox = place.open(clock=clock)
    place.fill(600, state="dead")
    assert inbox.retry(Selection()) == 600
    assert inbox.status().counts["waiting"] == 600
    assert len(inbox.take(600, LEASE)) == 600
    assert len(inbox.renew(inbox.take(1, LEASE), LEASE)) == 0


def test_many_messages_are_taken_and_renewed_at_once(place: Place, clock: Clock) -> None:
    inbox = place.open(clock=clock)
    place.fill(600, state="waiting")
    messages = inbox.take(550, LEASE)
    assert len(messages) == 550
    assert len(set(ids(messages))) == 550
    assert inbox.renew(messages, LEASE) == set(ids(messages))


@pytest.mark.parametrize("name", ["done", "dead", "unsettled", "running", "waiting"])
def test_a_row_is_dropped_whatever_its_state(each: Any, name: str) -> None:
    assert each.drop(name) is True
    assert each.show(name) is None
    assert each.drop(name) is False
    assert len(each.list(Selection(), 10)) == 4


def test_done_ones_are_purged_after_the_retention_and_dead_ones_after_thirty_days(
    each: Any, clock: Clock
) -> None:
    start = clock.now
    clock.now = start + 3 * DAY - 100
    assert each.purge() == 0
    clock.now = start + 3 * DAY
    assert each.purge() == 1
    assert each.show("done") is None
    clock.now = start + 30 * DAY - 100
    assert each.purge() == 0
    clock.now = start + 30 * DAY
    assert each.purge() == 1
    clock.now += 300 * DAY
    assert each.purge() == 0
    assert names(each.list(Selection(), 9)) == ["waiting", "running", "unsettled"]


def test_the_retention_of_done_ones_can_be_set(place: Place, clock: Clock) -> None:
    inbox = place.open(clock=clock, retention=timedelta(hours=1))
    ended(inbox, Step("done"))
    clock.now += 3599
    assert inbox.purge() == 0
    assert inbox.put(delivery()) is False
    clock.now += 2
    assert inbox.purge() == 1
    assert inbox.put(delivery()) is True


def test_a_purge_is_of_so_many_the_oldest_first(place: Place, clock: Clock) -> None:
    inbox = place.open(clock=clock)
    for name in ("c", "a", "b"):
        ended(inbox, Step("done"), name)
        clock.now += 1
    ended(inbox, Step("dead"), "x")
    clock.now += 31 * DAY
    assert inbox.purge(0) == inbox.purge(-1) == 0
    assert inbox.purge(2) == 2
    assert names(inbox.list(Selection(), 9)) == ["x", "b"]
    assert inbox.purge(2) == 2


def test_a_living_worker_is_one_that_wrote_its_row_lately(inbox: Any, clock: Clock) -> None:
    inbox.beat("w1", 25, 0)
    clock.now += 10
    inbox.beat("w2", 5, 5)
    inbox.beat("w1", 25, 3)
    first = LivingWorker("w1", 25, 3, clock.now)
    assert inbox.status().workers == [first, LivingWorker("w2", 5, 5, clock.now)]
    clock.now += 29
    inbox.beat("w2", 5, 4)
    clock.now += 1
    assert [worker.name for worker in inbox.status().workers] == ["w2"]
    inbox.beat("w2", 0, 0)
    assert inbox.status().workers == []
    inbox.beat("w2", 0, 0)


def test_the_row_of_a_worker_that_died_does_not_stay_forever(place: Place, clock: Clock) -> None:
    inbox = place.open(clock=clock)
    inbox.beat("dead", 5, 0)
    clock.now += DAY - 1
    inbox.beat("alive", 5, 0)
    inbox.purge()
    assert place.count_workers() == 2
    clock.now += 2
    inbox.purge()
    assert place.count_workers() == 1
