"""Taking, renewing and settling: who gets a message, for how long, and what becomes of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from clerk_hooks import HandlerError, InProgress
from clerk_hooks.inbox import next_step, spent
from clerk_hooks.messages import Step

from .places import LEASE, PAYLOAD, Clock, delivery, ended, ids, taken


def put(inbox: Any, clock: Clock, *names: str) -> None:
    """Put messages, each a second after the one before."""
    for name in names:
        assert inbox.put(delivery(name)) is True
        clock.now += 1


def test_the_longest_due_are_taken_first_and_by_one_caller(inbox: Any, clock: Clock) -> None:
    put(inbox, clock, "c", "a", "b")
    assert ids(inbox.take(2, LEASE)) == ["c", "a"]
    assert ids(inbox.take(2, LEASE)) == ["b"]
    assert inbox.take(2, LEASE) == []


def test_what_is_not_due_is_not_taken(inbox: Any, clock: Clock) -> None:
    ended(inbox, Step("retry", 10.0))
    clock.now += 9.9
    assert inbox.take(9, LEASE) == inbox.take(9, LEASE, unsettled=True) == []
    clock.now += 0.2
    assert ids(inbox.take(9, LEASE)) == ["msg_1"]


@pytest.mark.parametrize("slots", [0, -1])
def test_without_a_slot_nothing_is_taken(inbox: Any, slots: int) -> None:
    inbox.put(delivery())
    assert list(inbox.take(slots, LEASE)) == []
    assert inbox.show("msg_1").state == "waiting"


def test_one_message_can_be_taken_by_its_id(inbox: Any, clock: Clock) -> None:
    put(inbox, clock, "a", "b")
    assert ids(inbox.take(9, LEASE, message_id="b")) == ["b"]
    assert inbox.take(9, LEASE, message_id="b") == []
    assert inbox.take(9, LEASE, message_id="absent") == []
    assert ids(inbox.take(9, LEASE)) == ["a"]


def test_a_take_shows_the_counts_with_itself(inbox: Any, clock: Clock) -> None:
    inbox.put(delivery(), {"trace": "1"})
    accepted = clock.now
    clock.now += 5
    message = taken(inbox)
    assert message.delivery == delivery()
    assert message.token
    assert message[2:] == ({"trace": "1"}, accepted, 1, 0, 0, ())
    record = inbox.show("msg_1")
    assert (record.state, record.due_at, record.takes) == ("running", clock.now + 60, 1)


def test_a_message_whose_worker_died_is_due_at_the_end_of_its_lease_and_runs_alone(
    inbox: Any, clock: Clock
) -> None:
    put(inbox, clock, "dies", "innocent")
    first = taken(inbox, "dies")
    clock.now += 59
    assert inbox.take(9, LEASE, unsettled=True) == []
    clock.now += 2
    assert ids(inbox.take(9, LEASE)) == ["innocent"]
    second = taken(inbox, "dies", unsettled=True)
    assert second.takes == 2
    assert second.token != first.token


def test_the_longest_due_of_the_unsettled_come_first_whatever_their_states(
    inbox: Any, clock: Clock
) -> None:
    put(inbox, clock, "a", "b", "c")
    start = clock.now
    for name, seconds in (("a", 100), ("b", 110), ("c", 120)):
        inbox.take(1, timedelta(seconds=seconds), message_id=name)
    clock.now = start + 115
    again = taken(inbox, "b", unsettled=True)
    inbox.settle(again, Step("retry", 3.0, is_counted=False))
    clock.now = start + 130  # "b" waits since 118.
    assert inbox.due(9) == ["a", "b", "c"]
    assert ids(inbox.take(2, LEASE, unsettled=True)) == ["a", "b"]
    assert ids(inbox.take(2, LEASE, unsettled=True)) == ["c"]


def test_only_the_newest_token_settles_and_renews(inbox: Any, clock: Clock) -> None:
    inbox.put(delivery())
    old = taken(inbox)
    clock.now += 61
    new = taken(inbox, unsettled=True)
    before = inbox.show("msg_1")
    for kind in ("done", "retry", "dead"):
        assert inbox.settle(old, Step(kind, 1.0, "late", ("a",))) is False
    assert inbox.renew([old], LEASE) == frozenset()
    assert inbox.show("msg_1") == before
    assert inbox.renew([new], LEASE) == {"msg_1"}
    assert inbox.settle(new, Step("done")) is True
    assert inbox.settle(new, Step("dead")) is False
    assert inbox.renew([new], LEASE) == frozenset()
    assert inbox.show("msg_1").state == "done"


def test_a_lease_that_is_over_is_still_its_owners_until_somebody_takes_it(
    inbox: Any, clock: Clock
) -> None:
    inbox.put(delivery())
    message = taken(inbox)
    clock.now += 61
    assert inbox.renew([message], LEASE) == {"msg_1"}
    assert inbox.take(9, LEASE, unsettled=True) == []
    clock.now += 61
    assert inbox.settle(message, Step("done")) is True


def test_leases_are_renewed_from_now(inbox: Any, clock: Clock) -> None:
    put(inbox, clock, "a", "b", "c")
    messages = inbox.take(9, LEASE)
    inbox.drop("b")
    clock.now += 30
    assert inbox.renew(messages, timedelta(seconds=90)) == {"a", "c"}
    assert {inbox.show(name).due_at for name in ("a", "c")} == {clock.now + 90}
    assert inbox.renew([], LEASE) == frozenset()


def test_a_message_that_was_dropped_while_it_ran_is_not_settled(inbox: Any) -> None:
    inbox.put(delivery())
    message = taken(inbox)
    assert inbox.drop("msg_1") is True
    assert inbox.settle(message, Step("done")) is False
    assert inbox.show("msg_1") is None


def test_a_failure_counts_and_waits(inbox: Any, clock: Clock) -> None:
    inbox.put(delivery())
    message = taken(inbox)
    step = Step("retry", 12.5, "handler_failed: no", ("a", "b"))
    assert inbox.settle(message, step) is True
    assert inbox.show("msg_1") == (
        *("msg_1", "waiting", "user.created", 1_700_000_000.0, clock.now, clock.now + 12.5),
        *(0, 1, ("a", "b"), "handler_failed: no", PAYLOAD),
    )
    clock.now += 13
    message = taken(inbox)
    assert (message.takes, message.failures, message.done) == (1, 1, ("a", "b"))


def test_a_put_back_counts_only_itself(inbox: Any, clock: Clock) -> None:
    inbox.put(delivery())
    for put_backs in range(3):
        message = taken(inbox)
        assert message[4:7] == (1, 0, put_backs)
        inbox.settle(message, Step("retry", 0.0, "in_progress: x", is_counted=False))
    inbox.settle(taken(inbox), Step("retry", 0.0, "handler_failed: y"))
    assert taken(inbox)[4:7] == (1, 1, 0)


def test_a_put_back_restores_the_takes_and_never_resets_them(inbox: Any, clock: Clock) -> None:
    inbox.put(delivery())
    taken(inbox)
    clock.now += 61
    taken(inbox, unsettled=True)
    clock.now += 61
    message = taken(inbox, unsettled=True)
    assert message.takes == 3
    inbox.settle(message, Step("retry", 0.0, is_counted=False))
    record = inbox.show("msg_1")
    assert (record.state, record.takes) == ("waiting", 2)
    message = taken(inbox, unsettled=True)
    assert message.takes == 3
    inbox.settle(message, Step("retry", 0.0, "handler_failed: x"))
    assert taken(inbox).takes == 1


def test_a_put_back_without_a_reason_leaves_the_reason(inbox: Any) -> None:
    ended(inbox, Step("retry", 0.0, "handler_failed: x"))
    inbox.settle(taken(inbox), Step("retry", 0.0, is_counted=False))
    assert inbox.show("msg_1").reason == "handler_failed: x"


def test_done_drops_the_payload_at_once(inbox: Any, clock: Clock) -> None:
    inbox.put(delivery(), {"trace": "1"})
    message = taken(inbox)
    clock.now += 2
    assert inbox.settle(message, Step("done")) is True
    assert inbox.show("msg_1") == (
        *("msg_1", "done", "user.created", 1_700_000_000.0, clock.now - 2, clock.now),
        *(0, 0, (), "", None),
    )
    clock.now += 3600
    assert inbox.take(9, LEASE) == inbox.take(9, LEASE, unsettled=True) == inbox.due(9) == []


def test_dead_keeps_the_payload_the_reason_and_the_handlers_that_are_done(
    inbox: Any, clock: Clock
) -> None:
    ended(inbox, Step("dead", 0.0, "aborted: x", ("a",)))
    record = inbox.show("msg_1")
    assert (record.state, record.due_at, record.failures) == ("dead", clock.now, 1)
    assert (record.reason, record.done, record.payload) == ("aborted: x", ("a",), PAYLOAD)
    clock.now += 3600
    assert inbox.take(9, LEASE) == inbox.take(9, LEASE, unsettled=True) == inbox.due(9) == []


@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        ("handler_failed: 😀 é \n \\ ' \" % :x", "handler_failed: 😀 é \n \\ ' \" % :x"),
        ("nul \0.", "nul \ufffd."),
        ("half \ud83d", "half ?"),
        ("x" * 1000, "x" * 1000),
        ("😀" * 1000, "😀" * 1000),
    ],
    ids=["emoji", "nul", "surrogate", "long", "long emoji"],
)
def test_a_reason_is_kept_whatever_is_in_it(inbox: Any, reason: str, kept: str) -> None:
    ended(inbox, Step("dead", 0.0, reason))
    assert inbox.show("msg_1").reason == kept


def test_names_of_handlers_are_kept_whatever_is_in_them(inbox: Any) -> None:
    names = ("app.é", "😀", "nul\0", "\ud800", "'\"\\", *(f"{n:0255}" for n in range(300)))
    ended(inbox, Step("retry", 0.0, "x", names))
    assert taken(inbox).done == names


def test_what_kills_its_workers_dies_after_eight_takes(inbox: Any, clock: Clock) -> None:
    inbox.put(delivery())
    takes = 0
    unsettled = False
    while (step := spent(message := taken(inbox, unsettled=unsettled))) is None:
        takes += 1
        unsettled = True
        clock.now += 61
    assert takes == 8
    inbox.settle(message, step)
    assert inbox.show("msg_1").state == "dead"


def test_what_always_fails_dies_after_eight_runs_and_an_innocent_run_in_between_counts_nothing(
    inbox: Any, clock: Clock
) -> None:
    inbox.put(delivery())
    runs = 0
    while inbox.show("msg_1").state != "dead":
        clock.now += 3600
        message = taken(inbox)
        inbox.settle(message, next_step(message, InProgress()))
        clock.now += 3600
        message = taken(inbox)
        inbox.settle(message, next_step(message, HandlerError("no", failed=["a"], done=["b"])))
        runs += 1
    assert runs == 8
    assert inbox.show("msg_1").done == ("b",)
