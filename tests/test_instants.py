"""Instants as Clerk writes them."""

from datetime import datetime, timedelta, timezone

from clerk_hooks.instants import datetime_of, unix_milliseconds

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


def test_an_instant_is_whole_milliseconds_whatever_its_zone() -> None:
    assert unix_milliseconds(NOON) == 1_767_268_800_000
    assert unix_milliseconds(NOON.astimezone(timezone(timedelta(hours=9)))) == 1_767_268_800_000
    assert unix_milliseconds(NOON + timedelta(microseconds=1999)) == 1_767_268_800_001


def test_a_naive_instant_counts_as_utc() -> None:
    assert unix_milliseconds(NOON.replace(tzinfo=None)) == unix_milliseconds(NOON)


def test_an_instant_before_1970_is_rounded_down() -> None:
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    assert unix_milliseconds(epoch - timedelta(microseconds=1)) == -1


def test_an_instant_that_no_datetime_can_hold_is_the_last_one() -> None:
    assert datetime_of(1_767_268_800.5) == NOON + timedelta(seconds=0.5)
    assert datetime_of(timedelta.max.total_seconds()).year == 9999
    assert datetime_of(float("inf")).year == 9999
