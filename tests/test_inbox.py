"""What follows a run of a message that was taken from an inbox: one rule for every error."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from clerk_hooks import (
    AbortDelivery,
    ClaimLost,
    ConfigurationError,
    Delivery,
    HandlerError,
    InProgress,
    PayloadError,
    StoreUnavailable,
)
from clerk_hooks.inbox import RetryPolicy, next_step, spent
from clerk_hooks.messages import Message, Step

DELIVERY = Delivery("msg_1", datetime(2026, 11, 1, tzinfo=timezone.utc), b"{}")
POLICY = RetryPolicy()


def message(**fields: Any) -> Message:
    return Message(DELIVERY, "token", {}, 1_700_000_000.0)._replace(**fields)


def step(error: Exception | None, **fields: Any) -> Step:
    return next_step(message(**fields), error, POLICY, jitter=lambda: 1.0)


def test_a_run_that_succeeds_is_the_last() -> None:
    assert step(None) == Step("done")


@pytest.mark.parametrize("error", [InProgress(), ClaimLost(), StoreUnavailable()])
def test_a_run_that_tells_nothing_is_put_back_and_not_counted(error: Exception) -> None:
    last = step(error, failures=7, done=("a",))
    assert (last.kind, last.is_counted, last.delay, last.done) == ("retry", False, 1.0, ("a",))


def test_each_put_back_in_a_row_lasts_twice_as_long_up_to_half_a_minute() -> None:
    delays = [step(InProgress(), put_backs=n).delay for n in (0, 1, 2, 3, 4, 5, 6, 5000)]
    assert delays == [1, 2, 4, 8, 16, 30, 30, 30]


@pytest.mark.parametrize(
    ("error", "is_pause"),
    [(InProgress(), False), (StoreUnavailable(), True), (ConfigurationError(), True)],
)
def test_what_no_other_message_would_survive_pauses_the_taking(
    error: Exception, is_pause: bool
) -> None:
    assert step(error).is_pause is is_pause
    assert step(error).kind == "retry"


def test_a_failure_is_counted_and_tried_again_later_and_later() -> None:
    failed = [step(HandlerError(), failures=n) for n in range(7)]
    assert all(one.kind == "retry" and one.is_counted for one in failed)
    assert [one.delay for one in failed] == [10, 20, 40, 80, 160, 320, 600]


def test_the_last_failure_of_the_policy_makes_it_dead_with_the_reason() -> None:
    last = step(HandlerError("h failed: ValueError"), failures=7)
    assert (last.kind, last.reason) == ("dead", "handler_failed: h failed: ValueError")
    policy = RetryPolicy(attempts=1)
    assert next_step(message(), HandlerError(), policy).kind == "dead"


def test_the_handlers_that_are_done_are_kept_once_each() -> None:
    error = HandlerError(errors=[ValueError()], failed=["c"], done=["a", "b"])
    assert step(error, done=("b",)).done == ("b", "a")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (AbortDelivery(), "dead"),
        (HandlerError(errors=[AbortDelivery(), AbortDelivery()]), "dead"),
        (HandlerError(errors=[AbortDelivery(), ValueError()]), "retry"),
        (PayloadError(), "dead"),
        (PayloadError(reason="unknown_version"), "retry"),
        (ValueError("a bug of ours"), "retry"),
    ],
)
def test_what_is_final_is_dead_at_once(error: Exception, kind: str) -> None:
    assert step(error).kind == kind


def test_a_reason_of_any_length_is_cut() -> None:
    assert len(step(ValueError("x" * 5000)).reason) == 1000


def test_jitter_chooses_from_the_upper_half() -> None:
    policy = RetryPolicy(first=timedelta(seconds=8), longest=timedelta(seconds=100))
    assert [policy.delay(1, share) for share in (0.0, 0.5, 1.0)] == [4, 6, 8]
    assert policy.delay(5000) == 100


def test_a_message_whose_runs_never_end_may_not_run_again() -> None:
    assert spent(message(takes=8), POLICY) is None
    last = spent(message(takes=9, done=("a",)), POLICY)
    assert last is not None
    assert (last.kind, last.done) == ("dead", ("a",))
    assert "8 runs began and none ended" in last.reason
