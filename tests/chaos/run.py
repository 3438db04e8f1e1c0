"""One run: servers, a sender, and the verdict; or the same message to all of them at once."""

import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from . import places
from .journal import Entry, read
from .plan import Message, plan
from .sender import Sender, Times
from .verdict import Verdict, judge

ROOT = Path(__file__).parents[2]


class Run(NamedTuple):
    """What one run is to be."""

    events: int = 2_000
    objects: int = 300
    processes: int = 4
    kill_every: int | None = 50
    """Deliveries from one kill to the next: on a fast machine, those of half a second."""
    rate: float = 100
    """New messages per second."""
    threads: int = 16
    seed: int | None = None
    times: Times = Times()


_PATIENT = Times(60, (1, 5, 60, 60, 60, 60, 60), 60)


class Outcome(NamedTuple):
    """What came of it."""

    sent: int
    replies: Counter[str]
    verdict: Verdict
    seconds: float


def run(kind: str, settings: Run) -> Outcome:
    """Play a run on a new store of that kind. Raises `AbsentError` where its service is."""
    chance = random.Random(settings.seed)
    messages = plan(settings.events, settings.objects, chance)
    return _play(kind, messages, messages, settings, chance)


def crowd(kind: str, settings: Run) -> Outcome:
    """Deliver one message that many times at once, without a kill; all wait for one another."""
    chance = random.Random(settings.seed)
    (message,) = plan(1, 1, chance)
    settings = settings._replace(kill_every=None, rate=1e9, times=_PATIENT)
    return _play(kind, [message], settings.events * [message], settings, chance)


def _play(
    kind: str,
    messages: Sequence[Message],
    deliveries: Sequence[Message],
    settings: Run,
    chance: random.Random,
) -> Outcome:
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name, places.place(kind, Path(name)) as place:
        path = Path(name) / "journal"
        with _servers(place, path, settings) as (port, kill):
            sender = Sender(
                port,
                deliveries,
                chance,
                rate=settings.rate,
                times=settings.times,
                kill_every=settings.kill_every,
                kill=kill,
            )
            sender.run(settings.threads)
        journal = read(path)
        if place.is_transactional:
            effects = [Entry(at, worker, "effect", *rest) for at, worker, *rest in place.effects()]
            objects = place.objects()
        else:
            effects = [entry for entry in journal if entry.step == "effect"]
            objects = {entry.object: entry.time for entry in effects if entry.handler == "mirror"}
        verdict = judge(messages, sender.acknowledged, journal, effects, objects)
    return Outcome(sender.sent, sender.replies, verdict, time.monotonic() - started)


@contextmanager
def _servers(
    place: places.Place, journal: Path, settings: Run
) -> Iterator[tuple[int, Callable[[], object]]]:
    """Server processes: yields their port of this machine, and what has one of them killed."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        arguments = {
            "socket": listening.fileno(),
            "place": place._asdict(),
            "journal": str(journal),
            "lease": settings.times.lease,
            "processes": settings.processes,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.server", json.dumps(arguments)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[listening.fileno()],
        )
        assert process.stdin is not None
        assert process.stdout is not None
        orders = process.stdin.fileno()
        try:
            assert process.stdout.readline() == b"serving\n"
            yield listening.getsockname()[1], lambda: os.write(orders, b"k")
        finally:
            process.communicate(timeout=30)
    assert process.returncode == 0
