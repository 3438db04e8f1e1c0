"""What every store promises of claims: who may run a handler, and who may confirm it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from .backends import Backend, Clock

LEASE = timedelta(seconds=60)


def test_a_new_message_is_to_be_run_by_who_claims_it(store: Any) -> None:
    claim = store.claim("msg_1", ["b", "a"], LEASE, None)
    assert claim.run == ("b", "a")
    assert (claim.done, claim.busy, claim.stale) == ((), (), ())
    assert claim.token


def test_what_is_being_run_is_busy_for_others(store: Any) -> None:
    first = store.claim("msg_1", ["a", "b"], LEASE, None)
    second = store.claim("msg_1", ["a", "b"], LEASE, None)
    assert (second.run, second.busy) == ((), ("a", "b"))
    assert second.token != first.token


def test_what_was_confirmed_is_done_for_ever_after(store: Any) -> None:
    claim = store.claim("msg_1", ["a"], LEASE, None)
    assert store.confirm("msg_1", "a", claim.token, None) is True
    again = store.claim("msg_1", ["a"], LEASE, None)
    assert (again.run, again.done, again.busy) == ((), ("a",), ())


def test_each_handler_of_a_message_has_a_fate_of_its_own(store: Any) -> None:
    claim = store.claim("msg_1", ["a", "b", "c"], LEASE, None)
    store.confirm("msg_1", "a", claim.token, None)
    store.release("msg_1", ["b"], claim.token)
    again = store.claim("msg_1", ["d", "c", "b", "a"], LEASE, None)
    assert (again.run, again.done, again.busy) == (("d", "b"), ("a",), ("c",))


def test_messages_have_nothing_to_do_with_each_other(store: Any) -> None:
    claim = store.claim("msg_1", ["a"], LEASE, None)
    other = store.claim("msg_2", ["a"], LEASE, None)
    assert other.run == ("a",)
    assert not store.confirm("msg_2", "a", claim.token, None)
    assert store.confirm("msg_2", "a", other.token, None)


def test_a_lease_ends_on_time_and_not_before(store: Any, clock: Clock) -> None:
    store.claim("msg_1", ["a"], LEASE, None)
    clock.now += 59.5
    assert store.claim("msg_1", ["a"], LEASE, None).busy == ("a",)
    clock.now += 0.5
    assert store.claim("msg_1", ["a"], LEASE, None).run == ("a",)


def test_who_was_taken_over_can_neither_confirm_nor_release(store: Any, clock: Clock) -> None:
    old = store.claim("msg_1", ["a"], LEASE, None)
    clock.now += 60
    new = store.claim("msg_1", ["a"], LEASE, None)
    assert store.confirm("msg_1", "a", old.token, None) is False
    store.release("msg_1", ["a"], old.token)
    assert store.claim("msg_1", ["a"], LEASE, None).busy == ("a",)
    assert store.confirm("msg_1", "a", new.token, None) is True
    assert store.confirm("msg_1", "a", old.token, None) is False


def test_who_is_late_but_was_not_taken_over_can_confirm(store: Any, clock: Clock) -> None:
    claim = store.claim("msg_1", ["a"], LEASE, None)
    clock.now += 3600
    assert store.confirm("msg_1", "a", claim.token, None) is True
    assert store.claim("msg_1", ["a"], LEASE, None).done == ("a",)


def test_a_handler_is_confirmed_once(store: Any) -> None:
    claim = store.claim("msg_1", ["a"], LEASE, None)
    assert store.confirm("msg_1", "a", claim.token, None) is True
    assert store.confirm("msg_1", "a", claim.token, None) is False


def test_what_was_never_claimed_cannot_be_confirmed(store: Any) -> None:
    claim = store.claim("msg_1", ["a"], LEASE, None)
    assert store.confirm("msg_1", "b", claim.token, None) is False
    assert store.confirm("msg_2", "a", claim.token, None) is False
    assert store.confirm("msg_1", "a", "", None) is False
    assert store.show("msg_2") == []


def test_a_release_leaves_alone_what_is_confirmed_or_anothers(store: Any) -> None:
    claim = store.claim("msg_1", ["a", "b"], LEASE, None)
    other = store.claim("msg_1", ["c"], LEASE, None)
    store.confirm("msg_1", "a", claim.token, None)
    store.release("msg_1", ["a", "b", "c", "never claimed"], claim.token)
    again = store.claim("msg_1", ["a", "b", "c"], LEASE, None)
    assert (again.run, again.done, again.busy) == (("b",), ("a",), ("c",))
    assert store.confirm("msg_1", "c", other.token, None)


def test_a_handler_that_was_released_can_be_confirmed_by_the_next_only(store: Any) -> None:
    old = store.claim("msg_1", ["a"], LEASE, None)
    store.release("msg_1", ["a"], old.token)
    assert store.confirm("msg_1", "a", old.token, None) is False
    new = store.claim("msg_1", ["a"], LEASE, None)
    assert store.confirm("msg_1", "a", old.token, None) is False
    assert store.confirm("msg_1", "a", new.token, None) is True


def test_a_claim_of_nothing_gets_nothing(store: Any) -> None:
    claim = store.claim("msg_1", [], LEASE, None)
    assert (claim.run, claim.done, claim.busy, claim.stale) == ((), (), (), ())
    assert store.show("msg_1") == []


def test_stores_of_one_place_remember_the_same(place: Backend, clock: Clock) -> None:
    one, other = place.open(clock=clock), place.open(clock=clock)
    claim = one.claim("msg_1", ["a", "b"], LEASE, None)
    assert other.claim("msg_1", ["a", "b"], LEASE, None).busy == ("a", "b")
    assert other.confirm("msg_1", "a", claim.token, None) is True
    other.release("msg_1", ["b"], claim.token)
    again = one.claim("msg_1", ["a", "b"], LEASE, None)
    assert (again.run, again.done) == (("b",), ("a",))


@pytest.mark.parametrize(
    "pair",
    [("msg_a", "msg_A"), ("msg_e", "msg_é"), ("msg_ss", "msg_ß"), ("msg_1", "msg_1_")],
    ids=lambda pair: pair[1],
)
def test_names_and_message_ids_that_look_alike_are_told_apart(
    store: Any, pair: tuple[str, str]
) -> None:
    one, other = pair
    claim = store.claim(one, ["h"], LEASE, None)
    assert store.claim(other, ["h"], LEASE, None).run == ("h",)
    assert store.claim("msg_0", [one], LEASE, None).run == (one,)
    assert store.claim("msg_0", [one, other], LEASE, None).run == (other,)
    assert store.confirm(one, "h", claim.token, None)
    assert store.claim(other, ["h"], LEASE, None).busy == ("h",)


def test_names_and_message_ids_may_have_255_characters(store: Any) -> None:
    message_id, names = "m" * 255, ["h" * 254 + "1", "漢" * 254 + "2", "h" * 254 + "3"]
    claim = store.claim(message_id, names, LEASE, None)
    assert claim.run == tuple(names)
    assert store.confirm(message_id, names[1], claim.token, None)
    again = store.claim(message_id, names, LEASE, None)
    assert (again.done, again.busy) == ((names[1],), (names[0], names[2]))
    assert [record.handler for record in store.show(message_id)] == sorted(names)


@pytest.mark.parametrize(
    "name", ["app.<locals>.h", "a b", "100%", ":name", "'; --", '"', "\\", "{x}", "1 2 3 4"]
)
def test_names_may_have_any_characters(store: Any, name: str) -> None:
    claim = store.claim("msg_1", [name, "h"], LEASE, None)
    assert claim.run == (name, "h")
    assert store.confirm("msg_1", name, claim.token, None)
    again = store.claim("msg_1", ["h", name], LEASE, None)
    assert (again.done, again.busy) == ((name,), ("h",))


def test_a_message_may_have_many_handlers(store: Any) -> None:
    names = [f"handler_{number}" for number in range(120)]
    claim = store.claim("msg_1", names[:60], LEASE, None)
    assert claim.run == tuple(names[:60])
    again = store.claim("msg_1", names, LEASE, None)
    assert (again.run, again.busy) == (tuple(names[60:]), tuple(names[:60]))


def test_the_longest_lease_outlives_a_short_retention(place: Backend, clock: Clock) -> None:
    store = place.open(clock=clock, retention=timedelta(seconds=10))
    claim = store.claim("msg_1", ["a"], LEASE, None)
    clock.now += 59
    store.purge()
    assert store.claim("msg_1", ["a"], LEASE, None).busy == ("a",)
    assert store.confirm("msg_1", "a", claim.token, None)
