"""The chaos of ``python -m tests.chaos queue``: a short run, and that its verdict can be bad."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from clerk_hooks.messages import Record

from .chaos.journal import Entry
from .chaos.plan import Faulty
from .chaos.queue.run import Outcome, Run, run
from .chaos.queue.verdict import REASONS, judge
from .chaos.verdict import Verdict as Effects
from .stores.backends import slowness
from .test_chaos import side_by_side

KINDS = [
    "SQLiteInbox, transactional",
    "SQLAlchemyInbox, transactional",
    "SQLAlchemyInbox on MariaDB, transactional",
]
# A worker dies of a delivery as often as there are attempts, each time for the time of a lease. So
# few attempts are no fault of an innocent delivery only if its handlers hardly ever fail.
SHORT = Run(deliveries=40, objects=8, webs=2, attempts=3, flaky=0.005, kill_every=10, rate=40)

no_forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are forked")


@no_forks
def test_nothing_is_lost_or_done_twice_or_dead_without_a_fault_while_workers_are_killed(
    subtests: pytest.Subtests,
) -> None:
    slower = slowness()
    times = SHORT.times.slower(slower)._replace(lease=min(slower, 4.0))
    settings = SHORT._replace(times=times, patience=30 * slower)
    outcomes: dict[str, Callable[[], Outcome]] = side_by_side(run, settings, KINDS)
    for kind, get_outcome in outcomes.items():
        with subtests.test(kind):
            outcome = get_outcome()
            verdict = outcome.verdict
            assert verdict.failures(is_transactional=True) == []
            assert outcome.sent >= 44
            assert verdict.effects.effects > 40
            # All five at the end, too, and the worker that a delivery kills.
            assert verdict.effects.killed >= 5
            assert 0 < verdict.runs["kills"] <= 3


ENTRIES = [
    *(Entry(at, 1, "begin", "msg_kills", "kills") for at in range(3)),
    *(Entry(at, 1, "begin", "msg_raises", "raises") for at in range(3)),
    Entry(4, 1, "begin", "msg_aborts", "aborts"),
]
FAULTY = [Faulty(f"msg_{fault}", fault) for fault in REASONS]


def record(message_id: str, state: Any, reason: str = "", due_at: float = 1.0) -> Record:
    return Record(message_id, state, None, 0.0, 0.0, due_at, 0, 0, (), reason, None)


def dead(fault: str, due_at: float = 1.0) -> Record:
    return record(f"msg_{fault}", "dead", f"{REASONS[fault]}...", due_at)


DEAD = [dead(fault) for fault in REASONS]
AGAIN = [
    *(record(f"msg_{fault}", "done") for fault in ("kills", "raises", "aborts")),
    dead("unreadable", 2.0),
]


def failures(
    records: Sequence[Record] = DEAD,
    again: Sequence[Record] = AGAIN,
    journal: Sequence[Entry] = ENTRIES,
) -> list[str]:
    effects = Effects(0, 0, [], [], [], [], [])
    return judge(FAULTY, effects, records, again, journal, 3).failures(is_transactional=True)


def test_a_good_run_of_an_inbox() -> None:
    assert failures() == []


def test_a_dead_letter_without_a_fault_is_a_failure() -> None:
    innocent = record("msg_1", "dead", "never_settled: it may kill its worker")
    assert failures(records=[*DEAD, innocent]) == [f"msg_1 is dead: {innocent.reason}"]


def test_a_message_that_waits_at_the_end_is_a_failure() -> None:
    assert failures(again=[*AGAIN, record("msg_1", "waiting")]) == ["msg_1 is waiting"]


def test_a_faulty_delivery_must_be_dead_for_its_own_reason() -> None:
    assert failures(records=[record("msg_kills", "done"), *DEAD[1:]]) == ["msg_kills is done: "]
    other = record("msg_aborts", "dead", "never_settled: ...")
    assert failures(records=[*DEAD[:2], other, DEAD[3]]) == [
        "msg_aborts is dead: never_settled: ..."
    ]
    assert failures(records=DEAD[1:]) == ["msg_kills is not in the inbox"]


def test_a_faulty_delivery_must_not_run_more_often_than_it_may() -> None:
    again = Entry(5, 1, "begin", "msg_aborts", "aborts")
    assert failures(journal=[*ENTRIES, again]) == ["msg_aborts ran 2 times"]
    # Unless a worker was killed.
    assert failures(journal=[*ENTRIES, again, Entry(6, 1, "killed")]) == []
    kills = Entry(5, 1, "begin", "msg_kills", "kills")
    assert failures(journal=[*ENTRIES, kills, Entry(6, 1, "killed")]) == ["msg_kills ran 4 times"]


def test_a_retry_must_bring_a_dead_letter_back() -> None:
    assert failures(again=[DEAD[0], *AGAIN[1:]]) == [
        f"msg_kills is dead after a retry: {DEAD[0].reason}"
    ]
    assert failures(again=[*AGAIN[:3], DEAD[3]]) == ["msg_unreadable did not run again"]
