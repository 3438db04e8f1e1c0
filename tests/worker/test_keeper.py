"""What is kept while deliveries run: leases, heartbeats, the rule of running alone, purges."""

from __future__ import annotations

import logging
from datetime import timedelta
from threading import Event

import pytest

from clerk_hooks import RetryPolicy
from clerk_hooks.messages import Message
from clerk_hooks.worker._keeper import BATCH, Keeper
from clerk_hooks.worker._logbook import Complaints
from clerk_hooks.worker._settings import Settings

from .conftest import Clock, delivery
from .memory_inbox import MemoryInbox

LEASE = timedelta(seconds=60)


class StillKeeper(Keeper):
    """Without its thread: the tests call `tick`."""

    def _start(self) -> None: ...


@pytest.fixture
def keeper(inbox: MemoryInbox, clock: Clock) -> Keeper:
    max_run = timedelta(seconds=150)
    complaints = Complaints(clock)
    return StillKeeper(Settings(inbox, 3, RetryPolicy(), LEASE, max_run, complaints, clock))


@pytest.fixture
def message(inbox: MemoryInbox) -> Message:
    inbox.put(delivery())
    (message,) = inbox.take(1, LEASE)
    return message


def test_a_row_that_runs_is_renewed_every_third_of_its_lease(
    keeper: Keeper, inbox: MemoryInbox, clock: Clock, message: Message
) -> None:
    keeper.keep(message)
    keeper.tick()
    for _ in range(6):
        clock.now += 20
        keeper.tick()
        assert inbox.rows["msg_1"].due_at == clock.now + 60
    keeper.let_go(message)
    clock.now += 20
    keeper.tick()
    assert inbox.rows["msg_1"].due_at == clock.now + 40


def test_each_of_the_rows_that_were_taken_together_is_renewed(
    keeper: Keeper, inbox: MemoryInbox, clock: Clock
) -> None:
    for name in ("msg_1", "msg_2"):
        inbox.put(delivery(name))
    messages = inbox.take(2, LEASE)
    for message in messages:
        keeper.keep(message)
    assert keeper.running == 2
    clock.now += 20
    keeper.tick()
    assert [row.due_at for row in inbox.rows.values()] == [clock.now + 60] * 2


def test_a_row_is_renewed_for_at_most_max_run(
    keeper: Keeper,
    inbox: MemoryInbox,
    clock: Clock,
    message: Message,
    caplog: pytest.LogCaptureFixture,
) -> None:
    keeper.keep(message)
    for _ in range(12):
        keeper.tick()
        clock.now += 20
    assert inbox.rows["msg_1"].due_at == clock.now - 100 + 60
    (record,) = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert record.message == (
        "msg_1 user.created has run for 150 s (max_run): from now on another worker may take it"
    )
    assert keeper.running == 1  # It still fills its slot.


def test_a_row_that_was_taken_over_is_logged_once(
    keeper: Keeper,
    inbox: MemoryInbox,
    clock: Clock,
    message: Message,
    caplog: pytest.LogCaptureFixture,
) -> None:
    keeper.keep(message)
    inbox.drop("msg_1")
    for _ in range(3):
        keeper.tick()
        clock.now += 20
    (record,) = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert "another worker has taken it over, or it was dropped" in record.message


def test_an_inbox_that_is_away_is_asked_again_soon_and_complained_of_once_a_minute(
    keeper: Keeper,
    inbox: MemoryInbox,
    clock: Clock,
    message: Message,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "clerk_hooks")
    keeper.keep(message)
    inbox.is_away = True
    assert keeper.tick() == 5
    for _ in range(11):
        clock.now += 5
        keeper.tick()
    assert inbox.calls.count("renew") == 12
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    clock.now += 5
    keeper.tick()
    inbox.is_away = False
    clock.now += 5
    keeper.tick()
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "INFO"]
    assert inbox.rows["msg_1"].due_at == clock.now + 60


def test_the_row_of_a_living_worker_is_written_every_10_seconds(
    keeper: Keeper, inbox: MemoryInbox, clock: Clock, message: Message
) -> None:
    for _ in range(8):
        keeper.tick()
        clock.now += 5
    assert inbox.calls.count("beat") == 4
    keeper.keep(message)
    keeper.tick()
    (worker,) = inbox.beats.values()
    assert (worker.slots, worker.running) == (3, 1)
    keeper.hold(7)
    keeper.end_hold()
    assert not inbox.beats


def test_old_rows_are_deleted_in_batches(
    keeper: Keeper, inbox: MemoryInbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [BATCH, BATCH, 3, 0]
    asked: list[int] = []

    def purge(limit: int) -> int:
        asked.append(limit)
        return left.pop(0)

    monkeypatch.setattr(inbox, "purge", purge)
    for _ in range(125):
        keeper.tick()
        clock.now += 1
    assert asked == [BATCH] * 4


def test_a_defect_does_not_end_the_thread_that_renews(
    inbox: MemoryInbox, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Impatient(Event):
        def wait(self, timeout: float | None = None) -> bool:
            return super().wait(min(timeout or 0.0, 0.001))

    ticks: list[Event] = [Event(), Event()]

    def tick(self: Keeper) -> float:
        ticks[0 if not ticks[0].is_set() else 1].set()
        raise ValueError("a defect")

    monkeypatch.setattr("clerk_hooks.worker._keeper.Event", Impatient)
    monkeypatch.setattr(Keeper, "tick", tick)
    max_run = timedelta(seconds=150)
    keeper = Keeper(Settings(inbox, 3, RetryPolicy(), LEASE, max_run, Complaints()))
    keeper.keep(message)
    assert ticks[1].wait(30)
    keeper.let_go(message)


def test_a_row_that_runs_alone_excludes_all_others(keeper: Keeper) -> None:
    assert keeper.enter()
    assert keeper.enter()
    assert not keeper.enter(alone=True)
    keeper.leave()
    keeper.leave()
    assert keeper.enter(alone=True)
    keeper.join()
    assert not keeper.enter()
    assert not keeper.enter(alone=True)
    keeper.leave()
    assert not keeper.enter()
    keeper.leave()
    assert keeper.enter()
