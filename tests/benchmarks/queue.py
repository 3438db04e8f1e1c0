"""An inbox and its worker, on SQLite and PostgreSQL, beside an endpoint by hand that uses Celery.

Each web process is gunicorn with four threads. What is by hand verifies with svix, and calls the
`delay` of Celery with Redis as its broker, which remembers nothing and may lose what it has.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime, timedelta, timezone
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import Any

import sqlalchemy

from clerk_hooks import Delivery
from clerk_hooks.messages import Step

from ..adapters.servers import ROOT, Command, Server, running, stop
from ..stores.backends import REDIS as BROKER
from ..stores.backends import redis_prefix
from ..stores.schemas import POSTGRESQL, postgresql_schema
from .http import GUNICORN, request, signed
from .http_apps import BY_HAND, FOLDER, OURS, REDIS
from .load import Answer, load, send
from .queue_apps import BEGUN, INBOX, KEYS, SECONDS, SLOTS, open_inbox
from .stores import FEW, LEASE, MANY, old_message_ids
from .table import Row
from .timing import seconds_per_call

RATE, PACED_SECONDS = 100, 15
AT_ONCE, CONNECTIONS = 10_000, 500
MOST_SECONDS = 5.0
IDLE_SECONDS = 20.0
PUTS = 500
APPS = "tests.benchmarks.queue_apps"


def rows() -> Iterator[Row]:
    """All that is measured."""
    has_celery = find_spec("celery") is not None
    if not has_celery:
        print("Celery is not installed, so there is no endpoint by hand\n")
    with tempfile.TemporaryDirectory() as folder, postgresql_schema() as schema:
        places = {
            "SQLite": str(Path(folder) / "inbox.db"),
            "PostgreSQL": postgresql_url(schema),
        }
        for name, url in places.items():
            our_worker = ["clerk_hooks.worker", f"{APPS}:worker"]
            yield from under_load(name, url, OURS, our_worker)
            yield from idle(name, url, our_worker)
        if has_celery:
            celery = ["celery", "-A", f"{APPS}:celery", "worker", "--loglevel=error"]
            celery += ["--pool=threads", f"--concurrency={SLOTS}"]
            yield from under_load("by hand, Celery", places["SQLite"], BY_HAND, celery)
    for name in ("SQLite", "PostgreSQL"):
        yield from growth(name)


def postgresql_url(schema: str) -> str:
    """The URL of a schema."""
    return f"postgresql+psycopg://{POSTGRESQL}?options=-csearch_path%3D{schema}"


@contextmanager
def serving(url: str) -> Iterator[tuple[Server, Path]]:
    """A web process with that inbox, and the folder in which handlers note that they begin."""
    with (
        tempfile.TemporaryDirectory() as name,
        redis_prefix() as keys,
        environment({INBOX: url, FOLDER: name, REDIS: BROKER, KEYS: keys}),
        running(Command(GUNICORN, f"{APPS}:app"), Path(name), ready=OURS) as server,
    ):
        yield server, Path(name)


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Variables for the processes that are started meanwhile."""
    before = os.environ.copy()
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def working(command: list[str], folder: Path) -> Iterator[int]:
    """A worker, until the end; yields its process id."""
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=ROOT, stdout=log, stderr=log
        )
    try:
        yield process.pid
    finally:
        stop(process)


def under_load(name: str, url: str, path: str, worker: list[str]) -> Iterator[Row]:
    """What a web process accepts, and when handlers begin."""
    with serving(url) as (server, folder):
        with working(worker, folder):
            warm_up(server, path, folder)
            accepted = accept(server, path, RATE * PACED_SECONDS, RATE, 64)
            assert all(answer.status == 202 for answer in accepted.values())
            waits = sorted(
                begun - accepted[message_id].at
                for message_id, begun in begun_after(folder, len(accepted), accepted).items()
            )
        took = sorted(1e3 * answer.seconds for answer in accepted.values())
        about = f"{RATE} a second, handlers take {SECONDS:.0f} s"
        yield Row(f"{name}: acceptance at {about}: median", median(took), unit="ms")
        yield Row(f"{name}: the same, 99th percentile", took[len(took) * 99 // 100], unit="ms")
        yield Row(f"{name}: from acceptance to the handler: median", median(waits), unit="s")
        longest = 2.5 if path == OURS else math.inf  # A worker looks once a second.
        yield Row(f"{name}: the same, 99th percentile", waits[len(waits) * 99 // 100], longest, "s")
        count, seconds = load(
            server.port, lambda: request(path), connections=8, seconds=MOST_SECONDS
        )
        yield Row(f"{name}: the most that one process accepts in a second", count / seconds)
        started = time.perf_counter()
        crowd = accept(server, path, AT_ONCE, 1e9, CONNECTIONS)
        seconds = time.perf_counter() - started
        refused = sum(answer.status != 202 for answer in crowd.values())
        yield Row(f"{name}: {AT_ONCE:,} at once, over {CONNECTIONS} connections", seconds, unit="s")
        yield Row(f"{name}: of these, refused", refused, 0)


def accept(
    server: Server, path: str, count: int, rate: float, connections: int
) -> dict[str, Answer]:
    """Send so many deliveries; how each message was answered."""
    deliveries = [signed() for _ in range(count)]
    requests = [request(path, delivery) for delivery in deliveries]
    answers = send(server.port, requests, rate=rate, connections=connections)
    ids = [headers["svix-id"] for _, headers in deliveries]
    return dict(zip(ids, answers, strict=True))


def warm_up(server: Server, path: str, folder: Path) -> None:
    """Wait until the worker handles what is accepted."""
    first = accept(server, path, 10, 1e9, 4)
    begun_after(folder, len(first), first)


def begun_after(folder: Path, count: int, ids: dict[str, Answer]) -> dict[str, float]:
    """When the handlers of these messages have begun, once all of them have."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if (folder / BEGUN).exists():
            lines = [line.split() for line in (folder / BEGUN).read_text().splitlines()]
            begun = {line[0]: float(line[1]) for line in lines if line[0] in ids}
            if len(begun) == count:
                return begun
        time.sleep(0.2)
    raise AssertionError((folder / "worker.log").read_text())


def idle(name: str, url: str, worker: list[str]) -> Iterator[Row]:
    """What a worker without work uses of a core."""
    with closing_inbox(url) as inbox:
        while inbox.take(10_000, LEASE):
            pass  # What was accepted and not handled.
    with tempfile.TemporaryDirectory() as folder:  # noqa: SIM117 - its worker needs the variables
        with environment({INBOX: url, FOLDER: folder}), working(worker, Path(folder)) as pid:
            time.sleep(5)
            before = cpu_seconds(pid)
            time.sleep(IDLE_SECONDS)
            share = (cpu_seconds(pid) - before) / IDLE_SECONDS
    yield Row(f"{name}: an idle worker's share of a core", 100 * share, 1, "%")


def cpu_seconds(pid: int) -> float:
    """The CPU time of a process, on Linux."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def growth(name: str) -> Iterator[Row]:
    """What rows that are done cost those that are not, and what their deletion does."""
    with ExitStack() as stack:
        urls = {}
        for size in ("few", "many"):
            if name == "SQLite":
                folder = stack.enter_context(tempfile.TemporaryDirectory())
                urls[size] = str(Path(folder) / "inbox.db")
            else:
                urls[size] = postgresql_url(stack.enter_context(postgresql_schema()))
        inboxes = {size: stack.enter_context(closing_inbox(url)) for size, url in urls.items()}
        for size, count in (("few", FEW), ("many", MANY)):
            inboxes[size].put(new_delivery())
            fill(urls[size], count)
        os.sync()  # What is being measured shall not wait for the disk to take what was prepared.
        puts: dict[str, Callable[[], object]] = {
            size: lambda inbox=inbox: inbox.put(new_delivery())  # type: ignore[misc]
            for size, inbox in inboxes.items()
        }
        t = seconds_per_call(puts, rounds=41, slice_seconds=0.05)
        about = f"{MANY:,} / {FEW:,} done"
        yield Row(f"{name}: accept; {about}", t["many"] / t["few"], 1.5)
        takes: dict[str, Callable[[], object]] = {
            size: lambda inbox=inbox: handle(inbox)  # type: ignore[misc]
            for size, inbox in inboxes.items()
        }
        t = seconds_per_call(takes, rounds=41, slice_seconds=0.05)
        yield Row(f"{name}: accept, take, settle; {about}", t["many"] / t["few"], 1.5)
        yield Row(f"{name}: accept, take, settle", 1e3 * t["few"], unit="ms")
        quiet = slowest_put(inboxes["many"])
        with closing_inbox(urls["many"], retention=timedelta(seconds=1)) as purger:
            deleted, busy = while_purging(purger, lambda: slowest_put(inboxes["many"]))
        yield Row(f"{name}: the slowest of {PUTS} puts without a purge", 1e3 * quiet, unit="ms")
        yield Row(f"{name}: the same while {deleted:,} rows are purged", 1e3 * busy, 100, unit="ms")


@contextmanager
def closing_inbox(url: str, **options: Any) -> Iterator[Any]:
    """An inbox, closed at the end."""
    inbox = open_inbox(url, **options)
    if "://" not in url:
        with closing(inbox):
            yield inbox
    else:
        yield inbox
        inbox._transactions.engine.dispose()


def new_delivery() -> Delivery:
    """A delivery of a user."""
    body, headers = signed()
    return Delivery(headers["svix-id"], datetime.now(timezone.utc), body)


def handle(inbox: Any) -> None:
    """What web process and worker do for one message, apart from its handlers."""
    inbox.put(new_delivery())
    (message,) = inbox.take(1, LEASE)
    assert inbox.settle(message, Step("done"))


def fill(url: str, count: int) -> None:
    """Write so many done rows."""
    engine = sqlalchemy.create_engine(url if "://" in url else f"sqlite:///{url}")
    values = "(?, ?, 'user.created', NULL, '{}', ?, 'done', ?, 0, 0, 0, '[]', '', NULL)"
    if "://" in url:
        values = values.replace("?", "%s")
    statement = f"INSERT INTO clerk_hooks_messages VALUES {values}"
    batch = 10_000
    days = timedelta(days=3, hours=1).total_seconds()
    ended = [(name, until - days) for name, until in old_message_ids(count)]
    rows = [(name, at, at, at) for name, at in ended]
    with engine.begin() as connection:
        for start in range(0, count, batch):
            connection.exec_driver_sql(statement, rows[start : start + batch])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM" if "://" not in url else "VACUUM ANALYZE")
    engine.dispose()


def slowest_put(inbox: Any) -> float:
    """Seconds of the slowest of many."""
    slowest = 0.0
    for _ in range(PUTS):
        delivery = new_delivery()
        started = time.perf_counter()
        inbox.put(delivery)
        slowest = max(slowest, time.perf_counter() - started)
        time.sleep(0.005)
    return slowest


def while_purging(inbox: Any, measure: Callable[[], float]) -> tuple[int, float]:
    """What is measured while old rows are deleted ten times as fast as a worker does it."""
    is_over, deleted = Event(), 0

    def purge() -> None:
        nonlocal deleted
        while not is_over.wait(0.1):
            deleted += inbox.purge()

    thread = Thread(target=purge)
    thread.start()
    try:
        measured = measure()
    finally:
        is_over.set()
        thread.join()
    return deleted, measured
