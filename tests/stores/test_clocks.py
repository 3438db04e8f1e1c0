"""Clocks that were ahead, and which claim holds what: a lease never lasts longer than a lease."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest

from clerk_hooks import ConfigurationError
from clerk_hooks.idempotency import Holder, ObjectVersion

from .backends import Clock

LEASE = timedelta(seconds=60)
SKEW = 60
VERSION = ObjectVersion("user", "user_1", 5, False, frozenset({"h"}))


@pytest.mark.parametrize("ahead", [SKEW + 1, 3600, 4 * 86_400])
def test_the_lease_of_a_clock_that_was_ahead_does_not_count(
    store: Any, clock: Clock, ahead: int
) -> None:
    clock.now += ahead
    old = store.claim("msg_1", ["h"], LEASE)
    clock.now -= ahead  # The clock was set right, but the process had died.
    new = store.claim("msg_1", ["h"], LEASE)
    assert new.run == ("h",)
    assert not store.confirm("msg_1", "h", old.token)
    assert store.confirm("msg_1", "h", new.token)
    assert store.claim("msg_1", ["h"], LEASE).done == ("h",)


@pytest.mark.parametrize("ahead", [SKEW + 1, 3600])
def test_nor_does_it_hold_the_object(store: Any, clock: Clock, ahead: int) -> None:
    clock.now += ahead
    store.claim("msg_1", ["h"], LEASE, VERSION)
    clock.now -= ahead
    claim = store.claim("msg_2", ["h"], LEASE, VERSION)
    assert claim.run == ("h",)
    assert store.confirm("msg_2", "h", claim.token, VERSION)


@pytest.mark.parametrize("ahead", [1, SKEW])
def test_a_clock_that_is_a_little_ahead_keeps_its_lease(
    store: Any, clock: Clock, ahead: int
) -> None:
    clock.now += ahead
    claim = store.claim("msg_1", ["h"], LEASE, VERSION)
    clock.now -= ahead
    assert store.claim("msg_1", ["h"], LEASE, VERSION).busy == ("h",)
    assert store.claim("msg_2", ["h"], LEASE, VERSION).busy == ("h",)
    assert store.confirm("msg_1", "h", claim.token, VERSION)


def test_what_was_done_by_a_clock_that_was_ahead_stays_done(store: Any, clock: Clock) -> None:
    clock.now += 3600
    claim = store.claim("msg_1", ["h"], LEASE)
    assert store.confirm("msg_1", "h", claim.token)
    clock.now -= 3600
    assert store.claim("msg_1", ["h"], LEASE).done == ("h",)


def test_a_claim_says_until_when_this_message_is_busy(store: Any, clock: Clock) -> None:
    assert store.claim("msg_1", ["h"], LEASE).holder is None
    busy = store.claim("msg_1", ["g", "h"], LEASE)
    assert (busy.run, busy.busy) == (("g",), ("h",))
    assert busy.holder == Holder(clock.now + 60)


def test_a_claim_says_which_other_message_holds_the_object_and_until_when(
    store: Any, clock: Clock
) -> None:
    store.claim("msg_1", ["h"], LEASE, VERSION)
    assert store.claim("msg_2", ["h"], LEASE, VERSION).holder == Holder(clock.now + 60, "msg_1")


def test_of_several_busy_handlers_the_first_is_told_about(store: Any, clock: Clock) -> None:
    store.claim("msg_1", ["h"], LEASE, VERSION)
    store.claim("msg_2", ["g"], timedelta(seconds=90), VERSION)
    own = store.claim("msg_2", ["g", "h"], LEASE, VERSION)
    other = store.claim("msg_2", ["h", "g"], LEASE, VERSION)
    assert own.holder == Holder(clock.now + 90)
    assert other.holder == Holder(clock.now + 60, "msg_1")


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf, None, "1700000000"])
def test_a_clock_that_tells_no_time_is_an_error_and_nothing_is_forgotten(
    store: Any, clock: Clock, wrong: Any
) -> None:
    right = clock.now
    claim = store.claim("msg_1", ["h"], LEASE)
    clock.now = wrong
    with pytest.raises(ConfigurationError, match="clock must return the Unix time in seconds"):
        store.confirm("msg_1", "h", claim.token)
    with pytest.raises(ConfigurationError, match="clock must return the Unix time in seconds"):
        store.claim("msg_2", ["h"], LEASE)
    clock.now = right
    assert store.confirm("msg_1", "h", claim.token)
    assert store.claim("msg_1", ["h"], LEASE).done == ("h",)
