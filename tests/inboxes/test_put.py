"""`put`: every state that it can meet, and what a row keeps of a delivery."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from clerk_hooks import ConfigurationError, Delivery
from clerk_hooks.messages import Step

from .places import LEASE, PAYLOAD, Clock, Place, delivery, ended, ids, taken


def test_an_absent_message_waits_and_is_due_at_once(inbox: Any, clock: Clock) -> None:
    assert inbox.put(delivery(), {"traceparent": "00-1"}) is True
    record = inbox.show("msg_1")
    assert record == (
        *("msg_1", "waiting", "user.created", 1_700_000_000.0, clock.now, clock.now),
        *(0, 0, (), "", PAYLOAD),
    )
    assert inbox.due(10) == ["msg_1"]


def test_a_waiting_message_is_due_now(inbox: Any, clock: Clock) -> None:
    ended(inbox, Step("retry", 600.0, "handler_failed: x", ("a",)))
    assert inbox.due(10) == []
    clock.now += 5
    assert inbox.put(delivery(), {"new": "1"}) is True
    message = taken(inbox)
    assert (message.failures, message.done, dict(message.carrier)) == (1, ("a",), {})


def test_a_waiting_message_that_is_due_keeps_its_place(inbox: Any, clock: Clock) -> None:
    inbox.put(delivery("msg_1"))
    clock.now += 1
    inbox.put(delivery("msg_2"))
    clock.now += 1
    assert inbox.put(delivery("msg_1")) is True
    assert inbox.due(10) == ["msg_1", "msg_2"]


def test_a_waiting_message_whose_take_was_not_settled_is_due_now_and_still_runs_alone(
    inbox: Any, clock: Clock
) -> None:
    inbox.put(delivery())
    taken(inbox)
    clock.now += 61
    again = taken(inbox, unsettled=True)
    inbox.settle(again, Step("retry", 30.0, "in_progress: x", is_counted=False))
    assert inbox.put(delivery()) is True
    assert inbox.take(9, LEASE) == []
    assert taken(inbox, unsettled=True).takes == 2


def test_a_running_message_is_untouched(inbox: Any, clock: Clock) -> None:
    inbox.put(delivery())
    message = taken(inbox)
    before = inbox.show("msg_1")
    clock.now += 1
    assert inbox.put(delivery()) is True
    assert inbox.show("msg_1") == before
    assert inbox.settle(message, Step("done")) is True


def test_a_done_message_is_a_duplicate(inbox: Any, clock: Clock) -> None:
    ended(inbox, Step("done"))
    before = inbox.show("msg_1")
    clock.now += 1
    assert inbox.put(delivery()) is False
    assert inbox.show("msg_1") == before
    assert before.payload is None


def test_a_dead_message_waits_again_with_all_counts_at_zero_and_the_handlers_that_are_done(
    inbox: Any, clock: Clock
) -> None:
    ended(inbox, Step("retry", 0.0, "x", ("a",)))
    inbox.settle(taken(inbox), Step("dead", 0.0, "aborted: y", ("a", "b")))
    dead = inbox.show("msg_1")
    assert (dead.state, dead.failures, dead.reason) == ("dead", 2, "aborted: y")
    assert dead.payload == PAYLOAD
    clock.now += 1
    assert inbox.put(delivery(), {"trace": "2"}) is True
    message = taken(inbox)
    assert message[2:] == ({"trace": "2"}, clock.now - 1, 1, 0, 0, ("a", "b"))


def test_a_message_that_was_dropped_is_new(inbox: Any) -> None:
    ended(inbox, Step("done"))
    assert inbox.drop("msg_1") is True
    assert inbox.put(delivery()) is True
    assert ids(inbox.take(9, LEASE)) == ["msg_1"]


def test_ids_are_compared_character_by_character(inbox: Any) -> None:
    ended(inbox, Step("done"), "msg_1")
    for other in ("MSG_1", "msg_\u0131", "msg_é", "msg_e\u0301"):
        assert inbox.put(delivery(other)) is True
    assert inbox.put(delivery("msg_1")) is False
    assert sorted(ids(inbox.take(9, LEASE))) == sorted(
        ("MSG_1", "msg_\u0131", "msg_é", "msg_e\u0301")
    )


@pytest.mark.parametrize("size", [0, 70_000, 1 << 20])
def test_the_bytes_come_back_whole(inbox: Any, size: int) -> None:
    payload = (bytes(range(256)) * (size // 256 + 1))[:size]
    inbox.put(delivery("msg_1", payload))
    assert taken(inbox).delivery == delivery("msg_1", payload)
    assert inbox.show("msg_1").payload == payload


@pytest.mark.parametrize(
    "attempted_at",
    [0, 1_700_000_000, 10**11 - 1, datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=timezone.utc)],
    ids=str,
)
def test_the_time_comes_back_exactly(inbox: Any, attempted_at: int | datetime) -> None:
    sent = Delivery("msg_1", attempted_at, PAYLOAD)
    inbox.put(sent)
    assert taken(inbox).delivery == sent


def test_the_carrier_comes_back(inbox: Any) -> None:
    carrier = {"traceparent": "00-é😀-\0-\ud800", "": "x" * 2000, "\\": '"'}
    inbox.put(delivery(), carrier)
    assert dict(taken(inbox).carrier) == carrier


def test_an_id_of_255_characters_is_kept_and_a_longer_one_refused(inbox: Any) -> None:
    long = "m" * 255
    ended(inbox, Step("done"), long)
    assert inbox.put(delivery(long)) is False
    for wrong in (f"{long}m", "", "msg_1 ", "msg\0", "msg\n1", "msg_\ud800"):
        with pytest.raises(ConfigurationError, match="message_id"):
            inbox.put(delivery(wrong))


def test_a_payload_that_the_column_cannot_hold_is_refused(inbox: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"16,777,216 bytes.*max_body") as raised:
        inbox.put(delivery("msg_1", bytes(1 << 24)))
    assert raised.value.reason == "too_large"


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b'{"type": "x\\u0000"}', None),
        (b'{"type": "\\ud800"}', None),
        (b'{"type": "' + b"x" * 256 + b'"}', None),
        (b'{"type": "' + b"x" * 255 + b'"}', "x" * 255),
        ('{"type": "é😀"}'.encode(), "é😀"),
        (b"\xff", None),
        (b"{}", None),
    ],
    ids=["nul", "surrogate", "long", "longest", "emoji", "bytes", "none"],
)
def test_an_event_type_that_cannot_be_read_or_kept_is_queued(
    inbox: Any, payload: bytes, kind: str | None
) -> None:
    assert inbox.put(delivery("msg_1", payload)) is True
    assert inbox.show("msg_1").event_type == kind
    assert taken(inbox).delivery.payload == payload


def test_of_simultaneous_attempts_all_are_accepted_and_one_is_kept(place: Place) -> None:
    inbox = place.open()
    inbox.status()
    start = threading.Barrier(4)

    def put(number: int) -> bool:
        start.wait(10)
        return all(inbox.put(delivery(f"msg_{n}")) for n in range(10))

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(put, range(4)))
    assert sorted(ids(inbox.take(99, LEASE))) == sorted(f"msg_{n}" for n in range(10))


def test_the_types_of_times_do_not_matter(place: Place) -> None:
    """Without a clock of its own, an inbox tells times near those of this machine."""
    inbox = place.open()
    inbox.put(delivery())
    before = datetime.now(timezone.utc).timestamp()
    accepted = inbox.show("msg_1").accepted_at
    assert abs(before - accepted) < 60
    message = taken(inbox)
    assert abs(inbox.show("msg_1").due_at - accepted - LEASE.total_seconds()) < 60
    inbox.settle(message, Step("retry", 0.0))
    assert 0 <= (inbox.lag() or 0) < 60
    assert inbox.renew([message], timedelta(seconds=1)) == frozenset()
