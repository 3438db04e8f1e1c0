"""Real workers of Celery, at RabbitMQ and Redis, each with a queue of its own."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import kombu
import pytest

from .. import forking
from ..stores.backends import REDIS, redis_prefix
from ..stores.schemas import lacks

RABBITMQ = os.environ.get("CLERK_HOOKS_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672//")
WAIT = 60.0  # Seconds that nothing here takes.


@contextmanager
def rabbitmq() -> Iterator[dict[str, Any]]:
    """The settings of an app for queues of its own there."""
    connection = kombu.Connection(RABBITMQ, connect_timeout=10)
    try:
        connection.connect()
    except connection.recoverable_connection_errors as error:
        lacks(f"RabbitMQ does not answer: {error}")
    name = f"clerk_hooks_{uuid4().hex}"
    with connection:
        try:
            yield {"broker_url": RABBITMQ, "task_default_queue": name}
        finally:
            channel = connection.channel()
            channel.queue_delete(name)
            channel.exchange_delete(name)


@contextmanager
def redis() -> Iterator[dict[str, Any]]:
    """The settings of an app for keys of its own there."""
    pytest.importorskip("redis", minversion="6.1")  # Of which kombu knows how to use it.
    with redis_prefix() as prefix:
        options = {"global_keyprefix": prefix}
        yield {"broker_url": REDIS, "broker_transport_options": options}


BROKERS = {"rabbitmq": rabbitmq, "redis": redis}


class CeleryWorker:
    """A worker of the app that `-A` names, and everything it has said."""

    def __init__(self, app: str, *options: str, folder: Path, **variables: str) -> None:
        name = uuid4().hex
        self.log = folder / f"{name}.log"
        words = ["-m", "celery", "-A", app, "worker", "-l", "INFO", "-n", f"{name}@%h"]
        words += ["--without-gossip", "--without-mingle", "--without-heartbeat", *options]
        with self.log.open("wb") as log:
            self._process = forking.start(
                words,
                cwd=folder,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **variables},
                start_new_session=True,
                stdin=forking.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def until_says(self, text: str) -> None:
        until(lambda: text in self.log.read_text(), self)

    def check(self) -> None:
        assert self._process.poll() is None, self.log.read_text()

    def kill(self) -> None:
        """Kill it, with all its processes."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(WAIT)


@contextmanager
def celery_worker(
    app: str, *options: str, folder: Path, **variables: str
) -> Iterator[CeleryWorker]:
    """A worker that is ready; at the end it is killed, with all its processes."""
    worker = CeleryWorker(app, *options, folder=folder, **variables)
    try:
        worker.until_says(" ready.")
        yield worker
    finally:
        worker.kill()


def until(condition: Callable[[], object], *workers: CeleryWorker) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        logs = "\n".join(worker.log.read_text() for worker in workers)
        assert time.monotonic() < deadline, logs
        for worker in workers:
            worker.check()
        time.sleep(0.02)


def variables(settings: dict[str, Any], include: str = "program_webhooks") -> dict[str, str]:
    """The environment of a worker of program.py."""
    return {"SETTINGS": json.dumps(settings), "INCLUDE": include}
