"""What the taker does next: every rule, by a clock."""

from __future__ import annotations

import pytest

from clerk_hooks.worker._schedule import LONGEST, LOOK, PATIENCE, POLL, PROBE, Action, Schedule

TAKE = Action("take", 3)
ALONE = Action("take_alone", 1)


def wait(seconds: float) -> Action:
    return Action("wait", seconds=seconds)


@pytest.fixture
def schedule() -> Schedule:
    return Schedule(3, 0.0)


def action(schedule: Schedule, now: float, running: int = 0, is_alone: bool = False) -> Action:
    return schedule.action(now, running, is_alone=is_alone)


def test_it_takes_as_many_rows_as_slots_are_free(schedule: Schedule) -> None:
    assert action(schedule, 0) == TAKE
    schedule.took(3, 3, 0, 3)
    schedule.looked(None, 0)
    assert action(schedule, 1, running=3) == wait(LOOK)
    assert action(schedule, 1, running=1) == Action("take", 2)


def test_it_polls_once_a_second_when_idle(schedule: Schedule) -> None:
    for now in (0.0, POLL, 2 * POLL):
        assert action(schedule, now) == TAKE
        schedule.took(3, 0, now, 0)
        assert not schedule.is_idle
        assert action(schedule, now) == ALONE
        schedule.took_alone(0, now)
        assert schedule.is_idle
        assert action(schedule, now + 0.25) == wait(POLL - 0.25)


def test_a_take_that_found_all_there_was_is_not_repeated_at_once(schedule: Schedule) -> None:
    schedule.took(3, 2, 0, 2)
    schedule.looked(None, 0)
    assert action(schedule, 0.25, running=1) == wait(0.75)
    assert action(schedule, POLL, running=1) == Action("take", 2)


def test_when_the_last_delivery_has_ended_it_looks_at_once(schedule: Schedule) -> None:
    schedule.took(3, 2, 0, 2)
    schedule.looked(None, 0)
    schedule.ended(0.25, 1, is_pause=False)
    assert action(schedule, 0.25, running=1) == wait(0.75)
    schedule.ended(0.5, 0, is_pause=False)
    assert action(schedule, 0.5) == TAKE
    assert not schedule.is_idle


def test_it_backs_off_to_30_seconds_while_the_inbox_is_away(schedule: Schedule) -> None:
    now = 0.0
    for seconds in (1, 2, 4, 8, 16, 30, 30):
        schedule.failed(now)
        assert action(schedule, now) == wait(seconds)
        now += seconds
        assert action(schedule, now) == TAKE
    schedule.took(3, 3, now, 3)
    schedule.failed(now)
    assert action(schedule, now) == wait(1)


def test_a_row_that_runs_alone_leaves_room_for_nothing_else(schedule: Schedule) -> None:
    assert action(schedule, 100, running=1, is_alone=True) == wait(LONGEST)


def test_a_row_that_must_run_alone_waits_half_a_minute_for_a_pause(schedule: Schedule) -> None:
    schedule.took(3, 3, 0, 3)
    assert action(schedule, 0, running=3) == Action("look")
    schedule.looked(PATIENCE - 1, 0)
    assert action(schedule, 1, running=1) == Action("take", 2)
    assert action(schedule, LOOK, running=1) == Action("look")
    schedule.looked(PATIENCE, LOOK)
    assert action(schedule, LOOK, running=1) == wait(LONGEST)
    assert action(schedule, LOOK, running=0) == ALONE


def test_after_a_row_that_ran_alone_the_others_have_a_turn(schedule: Schedule) -> None:
    schedule.took(3, 3, 0, 3)
    schedule.looked(PATIENCE, 0)
    assert action(schedule, 0) == ALONE
    schedule.took_alone(1, 0)
    assert action(schedule, 0, running=1, is_alone=True) == wait(LONGEST)
    assert action(schedule, 1) == TAKE
    schedule.took(3, 3, 1, 3)
    assert action(schedule, 1, running=3) == Action("look")
    schedule.looked(PATIENCE + 1, 1)
    assert action(schedule, 1, running=3) == wait(LONGEST)
    assert action(schedule, 2) == ALONE


def test_rows_that_run_alone_follow_each_other_if_there_are_no_others(schedule: Schedule) -> None:
    for now in (0, 1):
        schedule.took(3, 0, now, 0)
        assert action(schedule, now) == ALONE
        schedule.took_alone(1, now)
        assert action(schedule, now) == TAKE


def test_a_row_that_another_worker_took_ends_the_wait_for_it(schedule: Schedule) -> None:
    schedule.took(3, 3, 0, 3)
    schedule.looked(PATIENCE, 0)
    schedule.took_alone(0, 0)
    assert not schedule.is_idle
    assert action(schedule, 0) == TAKE


def test_a_store_that_is_away_pauses_the_taking_and_then_one_delivery_tries(
    schedule: Schedule,
) -> None:
    schedule.took(3, 3, 0, 3)
    now = 0.0
    for seconds in (1, 2, 4, 8, 16, 30, 30):
        schedule.ended(now, 2, is_pause=True)
        assert action(schedule, now) == wait(seconds)
        now += seconds
        assert action(schedule, now) == Action("take", 1)
        schedule.took(1, 1, now, 1)
        schedule.looked(None, now)
        assert action(schedule, now, running=1) == wait(LOOK)
    schedule.ended(now, 2, is_pause=False)
    assert action(schedule, now) == TAKE
    schedule.ended(now, 2, is_pause=True)
    assert action(schedule, now) == wait(1)


def test_deliveries_that_end_together_pause_once(schedule: Schedule) -> None:
    for _ in range(3):
        schedule.ended(0, 2, is_pause=True)
    assert action(schedule, 0) == wait(1)


def test_a_delivery_that_still_runs_shows_that_the_store_is_back(schedule: Schedule) -> None:
    schedule.ended(0, 2, is_pause=True)
    schedule.took(1, 1, 1, 1)
    schedule.looked(None, 1 + PROBE)
    assert action(schedule, 0.9 + PROBE, running=1) == wait(LOOK)
    assert action(schedule, 1 + PROBE, running=1) == Action("take", 2)
