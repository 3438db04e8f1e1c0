"""One run: web processes, workers and a sender; then the dead letters again, and the verdict."""

import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from clerk_hooks import QueueUnavailable
from clerk_hooks.messages import Record, Selection

from .. import places
from ..journal import read
from ..plan import Faulty, plan
from ..run import judged, servers
from ..sender import Sender, Sent, Times
from .servers import CONNECTIONS, WEB, WORKER
from .verdict import Verdict, judge

INBOXES = {
    "SQLiteInbox": "SQLiteStore",
    "SQLiteInbox, transactional": "SQLiteStore, transactional",
    "SQLAlchemyInbox": "SQLAlchemyStore",
    "SQLAlchemyInbox, transactional": "SQLAlchemyStore, transactional",
    "DjangoInbox": "DjangoStore",
    "DjangoInbox, transactional": "DjangoStore, transactional",
    "SQLAlchemyInbox on MariaDB": "SQLAlchemyStore on MariaDB",
    "SQLAlchemyInbox on MariaDB, transactional": "SQLAlchemyStore on MariaDB, transactional",
}
"""The kind of the place that has each inbox, beside the store of its worker."""

_ALL = 1_000_000
_PASSED_ON = ("webs", "workers", "slots", "attempts", "flaky")


class Run(NamedTuple):
    """What one run is to be."""

    deliveries: int = 5_000
    objects: int = 600
    faulty: int = 1
    """Deliveries of each kind that never end well."""
    webs: int = 3
    workers: int = 2
    slots: int = 25
    attempts: int = 8
    flaky: float = 0.05
    """The share of runs in which a handler fails, before its effect and again after it."""
    kill_every: int | None = 50
    """Deliveries from one kill to the next."""
    rate: float = 100
    """New messages per second."""
    threads: int = 16
    patience: float = 60
    """Seconds without any progress after which what still waits is lost."""
    seed: int | None = None
    times: Times = Times()


class Outcome(NamedTuple):
    """What came of it."""

    sent: int
    replies: Counter[str]
    verdict: Verdict
    seconds: float


def run(kind: str, settings: Run) -> Outcome:
    """Play a run on a new inbox of that kind. Raises `AbsentError` where its database is."""
    started = time.monotonic()
    chance = random.Random(settings.seed)
    messages = plan(settings.deliveries, settings.objects, chance)
    faulty = [
        Faulty(f"msg_{fault}_{number}", fault)
        for fault in ("kills", "raises", "aborts", "unreadable")
        for number in range(settings.faulty)
    ]
    deliveries: list[Sent] = [*messages, *faulty]
    chance.shuffle(deliveries)
    with (
        tempfile.TemporaryDirectory() as name,
        places.place(INBOXES[kind], Path(name)) as place,
    ):
        path, mended = Path(name) / "journal", Path(name) / "mended"
        arguments = {
            "place": place._asdict(),
            "journal": str(path),
            "mended": str(mended),
            "lease": settings.times.lease,
            "connections": 8,
            **{name: getattr(settings, name) for name in _PASSED_ON},
        }
        with servers("tests.chaos.queue.servers", arguments) as (port, order):
            sender = Sender(
                port,
                deliveries,
                chance,
                rate=settings.rate,
                times=settings.times,
                kill_every=settings.kill_every,
                kill=lambda: order(chance.choice((WEB, WORKER, CONNECTIONS))),
            )
            sender.run(settings.threads)
            with place.inbox() as inbox:
                _wait(inbox, settings.patience)
                records: list[Record] = inbox.list(Selection(), _ALL)
                journal = read(path)
                mended.touch()
                inbox.retry(Selection(state="dead"))
                _wait(inbox, settings.patience)
                again: list[Record] = inbox.list(Selection(), _ALL)
        end = time.monotonic_ns()
        effects = judged(messages, dict.fromkeys(sender.acknowledged, end), read(path), place)
        verdict = judge(faulty, effects, records, again, journal, settings.attempts)
    return Outcome(sender.sent, sender.replies, verdict, time.monotonic() - started)


def _wait(inbox: Any, patience: float) -> None:
    """Wait until nothing waits or runs; no longer once nothing has come to an end for so long."""
    ended, last = -1, time.monotonic()
    while True:
        try:
            counts = inbox.status().counts
        except QueueUnavailable:  # Its connection was among those that were ended.
            counts = {"waiting": 1}
        if not counts.get("waiting", 0) + counts.get("running", 0):
            return
        if (now := counts.get("done", 0) + counts.get("dead", 0)) > ended:
            ended, last = now, time.monotonic()
        if time.monotonic() - last > patience:
            return
        time.sleep(0.1)
