"""Several that take, accept and begin at the same time: threads, processes, open transactions."""

from __future__ import annotations

import json
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from clerk_hooks import QueueUnavailable
from clerk_hooks.inboxes.sqlalchemy import SQLAlchemyInbox
from clerk_hooks.messages import Step

from .. import forking
from ..stores.backends import ASYNC_SQL, SYNC_SQL
from .places import LEASE, Place, delivery, ids

SERVERS = ["sqlalchemy-psycopg", "sqlalchemy-pymysql"]
TAKER = """
import json, sys
from datetime import timedelta
from clerk_hooks.inboxes import SQLAlchemyInbox, SQLiteInbox
kind, url = sys.argv[1:]
inbox = (SQLiteInbox if kind == "sqlite" else SQLAlchemyInbox)(url, timeout=timedelta(seconds=60))
inbox.status()
print("ready", flush=True)
sys.stdin.readline()
found = []
while messages := inbox.take(3, timedelta(minutes=5)):
    found += [message.delivery.message_id for message in messages]
print(json.dumps(found))
inbox.close()
"""


def all_of(inbox: Any) -> list[str]:
    found: list[str] = []
    while messages := inbox.take(3, timedelta(minutes=5)):
        found += ids(messages)
    return found


def test_two_threads_never_get_the_same_message(place: Place) -> None:
    place.fill(60)
    inboxes = [place.open(timeout=timedelta(seconds=60)) for _ in range(3)]
    start = threading.Barrier(3)

    def take(inbox: Any) -> list[str]:
        inbox.status()
        start.wait(30)
        return all_of(inbox)

    with ThreadPoolExecutor(3) as threads:
        found = [name for names in threads.map(take, inboxes) for name in names]
    assert sorted(found) == sorted(f"msg_{n}" for n in range(60))


@pytest.mark.parametrize("_place", ["sqlite", *SERVERS], indirect=True)
def test_two_processes_never_get_the_same_message(place: Place) -> None:
    place.fill(60)
    kind = "sqlite" if place.kind == "sqlite" else "sync"
    processes = [
        forking.Program(
            ["-c", TAKER, kind, place.url],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    found: list[str] = []
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        assert process.stdout is not None
        found += json.loads(process.stdout.readline())
        process.communicate()
    assert sorted(found) == sorted(f"msg_{n}" for n in range(60))


def slow(inbox: SQLAlchemyInbox, slots: int, during: Any) -> list[str]:
    """Take messages; `during` runs when that is written and not yet committed."""

    def work(transaction: Any) -> list[str]:
        taken = inbox._rules.take(transaction, slots, LEASE, None, unsettled=False)
        during()
        return ids(taken)

    return inbox._transactions.run(work, "write")


@pytest.mark.parametrize("_place", SERVERS, indirect=True)
@pytest.mark.parametrize(
    "isolation", [None, "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"], ids=str
)
def test_while_a_worker_takes_others_accept_and_take_and_settle(
    place: Place, isolation: str | None
) -> None:
    engine = create_engine(place.url, **({"isolation_level": isolation} if isolation else {}))
    inbox = SQLAlchemyInbox(engine, timeout=timedelta(seconds=2))
    for n in range(10):
        inbox.put(delivery(f"msg_{n}"))
    running, *_ = inbox.take(2, LEASE)
    seen: list[Any] = []

    def meanwhile() -> None:
        for n in (0, 15, 20, 99, 100):  # Before, between and after the others.
            seen.append(inbox.put(delivery(f"msg_{n}a")))
        seen.append(inbox.settle(running, Step("done")))
        seen.append(inbox.renew([running], LEASE))
        seen.append(len(inbox.due(99)))
        seen.append(len(ids(inbox.take(99, LEASE))))

    assert len(slow(inbox, 3, meanwhile)) == 3
    assert seen == [True, True, True, True, True, True, frozenset(), 13, 10]
    assert inbox.take(99, LEASE) == []
    engine.dispose()


@pytest.mark.parametrize("_place", [*SYNC_SQL, *ASYNC_SQL], indirect=True)
def test_the_tables_are_made_at_first_use_also_by_several_at_once(place: Place) -> None:
    place.drop_tables()
    with pytest.raises(QueueUnavailable):
        place.open(create_schema=False).put(delivery())
    inboxes = [place.open() for _ in range(3)]
    start = threading.Barrier(3)

    def put(inbox: Any) -> bool:
        start.wait(30)
        return bool(inbox.put(delivery()))

    with ThreadPoolExecutor(3) as threads:
        assert all(threads.map(put, inboxes))
    assert len(inboxes[0].due(9)) == 1
