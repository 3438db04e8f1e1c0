"""The rules that all stores share: what a claim gets, what a mark says, what a store must be."""

from datetime import timedelta
from typing import Any

import pytest

from clerk_hooks import ConfigurationError
from clerk_hooks.idempotency import (
    CLOCK_SKEW,
    DEFAULT_RETENTION,
    DEFAULT_TIMEOUT,
    HandlerRecord,
    Holder,
    KnownObject,
    Mark,
    ObjectVersion,
    checked_retention,
    checked_timeout,
    decide,
    is_held,
    new_token,
)

NOW = 1_700_000_000.0
LEASE = timedelta(seconds=60)
HOLDER = Holder(NOW + 5, "msg_other")


def version(time: int | None = 5, *, is_delete: bool = False, handlers: str = "h") -> ObjectVersion:
    return ObjectVersion("user", "user_1", time, is_delete, frozenset(handlers.split()))


def record(state: Any, expires_in: float, handler: str = "h") -> HandlerRecord:
    return HandlerRecord(handler, state, NOW + expires_in, "token")


@pytest.mark.parametrize(
    ("mark", "seen", "is_stale"),
    [
        (Mark(), version(5), False),
        (Mark(5), version(4), True),
        (Mark(5), version(5), False),
        (Mark(5), version(6), False),
        (Mark(5), version(None), False),
        (Mark(), version(None), False),
        (Mark(0), version(-1), True),
        (Mark(-5), version(0), False),
        (Mark(5, is_deleted=True), version(6), True),
        (Mark(5, is_deleted=True), version(None), True),
        (Mark(None, is_deleted=True), version(6), True),
        (Mark(5), version(4, is_delete=True), False),
        (Mark(5, is_deleted=True), version(4, is_delete=True), False),
    ],
)
def test_an_event_is_stale_if_older_than_the_mark_or_after_a_deletion_that_it_is_not(
    mark: Mark, seen: ObjectVersion, is_stale: bool
) -> None:
    assert mark.outdates(seen) is is_stale
    claim = decide(["h"], {}, NOW, LEASE, KnownObject(seen, mark))
    assert (claim.stale, claim.run) == ((("h",), ()) if is_stale else ((), ("h",)))


@pytest.mark.parametrize(
    ("mark", "handled", "moved"),
    [
        (Mark(), version(5), Mark(5)),
        (Mark(5), version(6), Mark(6)),
        (Mark(5), version(5), Mark(5)),
        (Mark(5), version(4), Mark(5)),
        (Mark(-5), version(0), Mark(0)),
        (Mark(5), version(None), Mark(5)),
        (Mark(), version(None), Mark()),
        (Mark(5), version(4, is_delete=True), Mark(5, is_deleted=True)),
        (Mark(), version(None, is_delete=True), Mark(None, is_deleted=True)),
        (Mark(5, is_deleted=True), version(7), Mark(7, is_deleted=True)),
    ],
)
def test_a_mark_moves_forward_only_and_a_deletion_stays(
    mark: Mark, handled: ObjectVersion, moved: Mark
) -> None:
    assert mark.moved_by(handled) == moved


@pytest.mark.parametrize(
    ("state", "expires_in", "outcome"),
    [
        ("done", 1, "done"),
        ("running", 1, "busy"),
        ("done", 0, "run"),
        ("running", 0, "run"),
        ("running", -1, "run"),
        ("done", -1, "run"),
    ],
)
def test_a_handler_is_run_unless_done_or_under_a_lease_that_has_not_ended(
    state: str, expires_in: float, outcome: str
) -> None:
    claim = decide(["h"], {"h": record(state, expires_in)}, NOW, LEASE)
    assert getattr(claim, outcome) == ("h",)
    assert len(claim.run + claim.done + claim.busy + claim.stale) == 1


def test_each_handler_is_judged_on_its_own_and_in_order() -> None:
    records = {"a": record("done", 1, "a"), "b": record("running", 1, "b")}
    claim = decide(["c", "b", "a", "d"], records, NOW, LEASE)
    assert (claim.run, claim.done, claim.busy, claim.stale) == (("c", "d"), ("a",), ("b",), ())


@pytest.mark.parametrize(
    ("ends_in", "expected"),
    [
        (-1, False),
        (0, False),
        (0.001, True),
        (60, True),
        (60 + CLOCK_SKEW, True),
        (61 + CLOCK_SKEW, False),
        (float("inf"), False),
        (float("nan"), False),
    ],
)
def test_a_lease_counts_unless_it_is_over_or_longer_than_any_right_clock_makes_it(
    ends_in: float, expected: bool
) -> None:
    assert is_held(NOW + ends_in, NOW, LEASE) is expected
    claim = decide(["h"], {"h": record("running", ends_in)}, NOW, LEASE)
    assert bool(claim.busy) is expected


def test_a_handler_that_is_done_stays_so_however_long_it_is_remembered() -> None:
    records = {"h": record("done", 1e6)}
    assert decide(["h"], records, NOW, LEASE).done == ("h",)


def test_a_claim_says_what_keeps_the_first_of_its_handlers_busy() -> None:
    seen = version(handlers="b")
    own = {"a": record("running", 7, "a")}
    known = KnownObject(seen, Mark(), [HOLDER])
    assert decide(["a", "b"], own, NOW, LEASE, known).holder == Holder(NOW + 7)
    assert decide(["b", "a"], own, NOW, LEASE, known).holder == HOLDER
    assert decide(["c"], own, NOW, LEASE, known).holder is None


def test_of_several_messages_that_hold_an_object_the_last_lease_to_end_is_named() -> None:
    over, ahead = (NOW, "msg_over"), (NOW + 3600, "msg_ahead")
    leases = [over, (NOW + 5, "msg_1"), (NOW + 9, "msg_2"), ahead]
    claim = decide(["h"], {}, NOW, LEASE, KnownObject(version(), Mark(), leases))
    assert (claim.busy, claim.holder) == (("h",), Holder(NOW + 9, "msg_2"))
    assert decide(["h"], {}, NOW, LEASE, KnownObject(version(), Mark(), [over, ahead])).run == (
        "h",
    )


def test_only_the_handlers_that_drop_stale_events_are_stale_or_held_up() -> None:
    seen = version(4, handlers="drops")
    stale = decide(["drops", "takes_all"], {}, NOW, LEASE, KnownObject(seen, Mark(5)))
    assert (stale.stale, stale.run) == (("drops",), ("takes_all",))
    held = decide(["drops", "takes_all"], {}, NOW, LEASE, KnownObject(seen, Mark(), [HOLDER]))
    assert (held.busy, held.run) == (("drops",), ("takes_all",))


def test_an_object_that_is_held_elsewhere_counts_for_nothing_where_the_event_is_stale() -> None:
    claim = decide(["h"], {}, NOW, LEASE, KnownObject(version(4), Mark(5), [HOLDER]))
    assert (claim.stale, claim.busy) == (("h",), ())


def test_what_is_done_stays_done_however_old_its_event_is() -> None:
    claim = decide(["h"], {"h": record("done", 1)}, NOW, LEASE, KnownObject(version(4), Mark(5)))
    assert (claim.done, claim.stale) == (("h",), ())


def test_without_an_object_a_handler_is_neither_stale_nor_held_up() -> None:
    assert decide(["h"], {}, NOW, LEASE).run == ("h",)


def test_no_two_tokens_are_the_same() -> None:
    claims = [decide(["h"], {}, NOW, LEASE) for _ in range(1000)]
    assert len({claim.token for claim in claims} | {new_token()}) == 1001


def test_objects_of_two_families_are_two_whatever_their_ids() -> None:
    assert version().key == ("user", "user_1")
    assert version()._replace(family="organization").key != version().key


@pytest.mark.parametrize("value", [timedelta(0), timedelta(-1), 3, None, "3 days"], ids=repr)
def test_a_retention_is_a_positive_timedelta(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="retention"):
        checked_retention(value)


def test_the_default_retention_outlasts_the_retries_of_svix() -> None:
    retries = [5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600]
    assert checked_retention(DEFAULT_RETENTION) == 3 * 24 * 3600 > 2 * sum(retries)


@pytest.mark.parametrize("value", [timedelta(0), timedelta(-1), 5, None, timedelta(hours=2)])
def test_a_timeout_is_refused_unless_it_is_a_positive_timedelta_up_to_an_hour(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="timeout must be a positive timedelta"):
        checked_timeout(value)


@pytest.mark.parametrize("seconds", [0.001, 5, 3600])
def test_a_timeout_is_given_to_stores_in_seconds(seconds: float) -> None:
    assert checked_timeout(timedelta(seconds=seconds)) == seconds


def test_a_store_answers_well_before_svix_gives_up_and_clocks_may_differ_by_a_minute() -> None:
    assert DEFAULT_TIMEOUT.total_seconds() == 5
    assert CLOCK_SKEW == 60


def test_a_token_has_96_random_bits() -> None:
    assert len(bytes.fromhex(new_token())) == 12
