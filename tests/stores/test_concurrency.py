"""Many threads and processes at a time: each handler is run once, each object by one."""

from __future__ import annotations

import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from clerk_hooks.idempotency import ObjectVersion

from .backends import SYNC_SQL, Backend
from .worker import LEASE

THREADS = 8
PROCESSES = 8
LONG = timedelta(minutes=5)
"""The timeout of stores: how long others may have the database is not what is tested.

SQLite gives the lock of a file to anyone who waits for it, so that one may have to wait for all the
others' work, while a disk is slow; and half of the timeout is for that.
"""


@pytest.fixture
def store(place: Backend) -> Any:
    return place.open(timeout=LONG)


def at_once(task: Any) -> list[Any]:
    """The results of `task(number)` in threads that begin together."""
    barrier = threading.Barrier(THREADS)

    def begin(number: int) -> Any:
        barrier.wait()
        return task(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


def test_of_threads_that_claim_at_once_each_handler_goes_to_one(store: Any) -> None:
    rounds = 20
    claims = at_once(
        lambda _: [store.claim(f"msg_{n}", ["a", "b"], LEASE, None) for n in range(rounds)]
    )
    for n in range(rounds):
        won = Counter(name for mine in claims for name in mine[n].run)
        assert won == {"a": 1, "b": 1}
        assert sum(len(mine[n].busy) for mine in claims) == 2 * (THREADS - 1)


def test_of_threads_that_take_over_at_once_each_handler_goes_to_one(place: Backend) -> None:
    now = [1_700_000_000.0]
    store = place.open(clock=lambda: now[0], timeout=LONG)
    for n in range(10):
        store.claim(f"msg_{n}", ["a", "b"], LEASE, None)
    now[0] += 61
    claims = at_once(
        lambda _: [store.claim(f"msg_{n}", ["b", "a"], LEASE, None) for n in range(10)]
    )
    for n in range(10):
        assert Counter(name for mine in claims for name in mine[n].run) == {"a": 1, "b": 1}
        tokens = {name: mine[n].token for mine in claims for name in mine[n].run}
        assert {record.handler: record.token for record in store.show(f"msg_{n}")} == tokens


def test_of_threads_that_confirm_at_once_one_is_told_so(store: Any) -> None:
    token = store.claim("msg_1", ["a"], LEASE, None).token
    assert sorted(at_once(lambda _: store.confirm("msg_1", "a", token, None))) == [
        *[False] * (THREADS - 1),
        True,
    ]


def test_threads_with_messages_of_one_object_have_it_in_turn(store: Any) -> None:
    holders: list[int] = []
    met: list[list[int]] = []

    def handle(number: int) -> int:
        ran = 0
        for n in range(10):
            version = ObjectVersion("user", "user_1", None, False, frozenset({"h"}))
            claim = store.claim(f"msg_{number}_{n}", ["h"], LEASE, version)
            if claim.run:
                holders.append(number)
                met.append(list(holders))
                ran += 1
                holders.remove(number)
                assert store.confirm(f"msg_{number}_{n}", "h", claim.token, version)
        return ran

    assert sum(at_once(handle)) >= 1
    assert all(len(present) == 1 for present in met)


def test_marks_that_threads_move_at_once_end_at_the_newest(store: Any) -> None:
    def handle(number: int) -> None:
        version = ObjectVersion("user", f"user_{number % 2}", number, False, frozenset({"h"}))
        while True:
            claim = store.claim(f"msg_{number}", ["h"], LEASE, version)
            if not claim.busy:
                break
        if claim.run:
            assert store.confirm(f"msg_{number}", "h", claim.token, version)

    at_once(handle)
    for number in (0, 1):
        for time, outcome in ((THREADS - 3 + number, "stale"), (THREADS - 2 + number, "run")):
            version = ObjectVersion("user", f"user_{number}", time, False, frozenset({"h"}))
            claim = store.claim(f"msg_{outcome}_{number}", ["h"], LEASE, version)
            assert getattr(claim, outcome) == ("h",)


def test_the_same_message_a_thousand_times_to_eight_processes_runs_each_handler_once(
    shared_place: Backend, tmp_path: Path
) -> None:
    """And so do some more, whose first deliveries come at the same time too.

    At the very beginning all the processes make the tables, or the file, at once.
    """
    journal = tmp_path / "journal"
    others = [f"msg_{number}" for number in range(2, 12)]
    messages = ["msg_1"] * (1000 // PROCESSES) + others
    workers = [
        shared_place.start("deliver", journal=str(journal), messages=messages)
        for _ in range(PROCESSES)
    ]
    assert [worker.hear() for worker in workers] == ["ready"] * PROCESSES
    for worker in workers:
        worker.tell()
    statuses = Counter(status for worker in workers for status in worker.hear())
    assert Counter(journal.read_text().splitlines()) == {
        f"{handler} {message}": 1
        for handler in ("first", "second")
        for message in ("msg_1", *others)
    }
    assert set(statuses) <= {200, 409}
    assert [(r.handler, r.state) for r in shared_place.open().show("msg_1")] == [
        ("first", "done"),
        ("second", "done"),
    ]


def test_processes_with_messages_of_one_object_have_it_in_turn(
    shared_place: Backend, tmp_path: Path
) -> None:
    workers = [
        shared_place.start("objects", rounds=10, name=str(number), lock=str(tmp_path / "lock"))
        for number in range(3)
    ]
    assert [worker.hear() for worker in workers] == ["ready"] * 3
    for worker in workers:
        worker.tell()
    assert [worker.hear() for worker in workers] == [0] * 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("shared_place", ["sqlite", "redis", *SYNC_SQL], indirect=True)
def test_a_store_that_was_used_before_a_fork_can_be_used_after_it(shared_place: Backend) -> None:
    store = shared_place.open()
    claim = store.claim("msg_1", ["a", "b"], LEASE, None)
    child = os.fork()
    if child == 0:
        try:
            again = store.claim("msg_1", ["a", "b", "c"], LEASE, None)
            confirmed = store.confirm("msg_1", "a", claim.token, None)
            os._exit(0 if again.run == ("c",) and confirmed else 1)
        finally:
            os._exit(2)
    for n in range(50):  # Meanwhile, on the connection that the child must leave alone.
        store.claim(f"msg_parent_{n}", ["a"], LEASE, None)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.confirm("msg_1", "b", claim.token, None) is True
    assert store.claim("msg_1", ["a", "b", "c"], LEASE, None).done == ("a", "b")
