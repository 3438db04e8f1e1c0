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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

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
        arguments = {
            "place": place._asdict(),
            "journal": str(path),
            "lease": settings.times.lease,
            "processes": settings.processes,
        }
        with servers("tests.chaos.server", arguments) as (port, order):
            sender = Sender(
                port,
                deliveries,
                chance,
                rate=settings.rate,
                times=settings.times,
                kill_every=settings.kill_every,
                kill=lambda: order(b"k"),
            )
            sender.run(settings.threads)
        verdict = judged(messages, sender.acknowledged, read(path), place)
    return Outcome(sender.sent, sender.replies, verdict, time.monotonic() - started)


def judged(
    messages: Sequence[Message],
    acknowledged: Mapping[str, int],
    journal: Sequence[Entry],
    place: places.Place,
) -> Verdict:
    """The verdict, given the journal, on what the handlers have written there."""
    if place.is_transactional:
        effects = [Entry(at, worker, "effect", *rest) for at, worker, *rest in place.effects()]
        objects = place.objects()
    else:
        effects = [entry for entry in journal if entry.step == "effect"]
        objects = {entry.object: entry.time for entry in effects if entry.handler == "mirror"}
    return judge(messages, acknowledged, journal, effects, objects)


@contextmanager
def servers(
    module: str, arguments: dict[str, Any]
) -> Iterator[tuple[int, Callable[[bytes], object]]]:
    """The servers of a module: yields their port of this machine, and what gives them orders."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        settings = json.dumps({"socket": listening.fileno(), **arguments})
        process = subprocess.Popen(
            [sys.executable, "-m", module, settings],
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
            yield listening.getsockname()[1], lambda order: os.write(orders, order)
        finally:
            process.communicate(timeout=30)
    assert process.returncode == 0
