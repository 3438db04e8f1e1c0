"""Real workers of Celery run what an inbox keeps; and where one cannot, the sweep comes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

pytest.importorskip("celery")

from celery import Celery

from clerk_hooks import Endpoint, Processor, Router, Worker, sign
from clerk_hooks.inboxes.sqlite import SQLiteInbox
from clerk_hooks.notify.celery import celery_notify

from ..stores.backends import slowness
from ..stores.network import free_port, proxy
from ..worker.conftest import delivery
from .workers import BROKERS, CeleryWorker, celery_worker, until, variables

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
POOLS = {"rabbitmq": "prefork", "redis": "threads"}
SWEEP = {"task": "clerk_hooks.sweep", "schedule": 0.2}


class Place:
    """A broker, a folder with the program and an inbox, and a worker that knows the task."""

    def __init__(self, kind: str, settings: dict[str, Any], folder: Path) -> None:
        self.kind = kind
        self.settings = settings
        self.folder = folder
        self.inbox = SQLiteInbox(folder / "inbox.db", timeout=timedelta(minutes=1))
        self._apps: list[Celery] = []

    def app(self, **settings: Any) -> Celery:
        """The app of a web process, which may have other `settings`."""
        app = Celery("web", set_as_current=False)
        app.conf.update({**self.settings, **settings})
        self._apps.append(app)
        return app

    def endpoint(self, **settings: Any) -> Endpoint:
        router = Router()
        router.on("*")(lambda event: None)
        notify = celery_notify(self.app(**settings), Worker(Processor(router), self.inbox))
        return Endpoint(handoff=self.inbox, secret=SECRET, notify=notify)

    def receive(self, kind: str = "good", event_type: str = "user.created", **settings: Any) -> str:
        """Receive a delivery of a new message; returns its id."""
        message_id = f"msg_{kind}_{uuid4().hex}"
        payload = delivery(event_type=event_type).payload
        headers = sign(payload, secret=SECRET, message_id=message_id)
        assert self.endpoint(**settings).receive(payload, headers).status == 202
        return message_id

    def state(self, message_id: str) -> str:
        record = self.inbox.show(message_id)
        assert record is not None
        return record.state

    def close(self) -> None:
        for app in self._apps:
            app.close()
        self.inbox.close()


@contextmanager
def place_of(kind: str, folder: Path) -> Iterator[Place]:
    for name in ("program.py", "program_webhooks.py"):
        shutil.copy(Path(__file__).with_name(name), folder)
    with BROKERS[kind]() as settings:
        place = Place(kind, settings, folder)
        try:
            yield place
        finally:
            place.close()


@pytest.fixture(scope="module", params=BROKERS)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with place_of(request.param, tmp_path_factory.mktemp("celery")) as place:
        yield place


@pytest.fixture(scope="module")
def worker(place: Place) -> Iterator[CeleryWorker]:
    """A worker whose app has limits of its own, and Celery beat in it."""
    settings = place.settings | {"task_time_limit": 2, "beat_schedule": {"sweep": SWEEP}}
    options = ["-P", POOLS[place.kind], "-c", "2", "-B", "-s", str(place.folder / "schedule")]
    with celery_worker("program", *options, folder=place.folder, **variables(settings)) as worker:
        yield worker


def until_done(place: Place, worker: CeleryWorker, *message_ids: str) -> None:
    until(lambda: {place.state(one) for one in message_ids} == {"done"}, worker)


def test_a_worker_runs_sync_and_async_handlers_and_those_that_failed_again(
    place: Place, worker: CeleryWorker
) -> None:
    created, failing = place.receive(), place.receive("raise")
    updated = place.receive(event_type="user.updated")
    until_done(place, worker, created, failing, updated)


def test_a_broker_that_is_away_when_it_is_notified(place: Place, worker: CeleryWorker) -> None:
    scheme = place.settings["broker_url"].partition(":")[0]
    until_done(place, worker, place.receive(broker_url=f"{scheme}://127.0.0.1:{free_port()}"))


def test_a_broker_that_is_frozen_when_it_is_notified(
    place: Place, worker: CeleryWorker, caplog: pytest.LogCaptureFixture
) -> None:
    url = urlsplit(place.settings["broker_url"])
    with proxy(str(url.hostname), url.port or {"amqp": 5672, "redis": 6379}[url.scheme]) as frozen:
        frozen.is_frozen = True
        started = time.monotonic()
        message_id = place.receive(broker_url=f"{url.scheme}://127.0.0.1:{frozen.port}")
        assert time.monotonic() - started < 1 + slowness()
        until_done(place, worker, message_id)
        frozen.cut()
    assert "the notify did not end within 1 s" in caplog.text


prefork = pytest.mark.parametrize("place", ["rabbitmq"], indirect=True)


@prefork
def test_a_worker_that_is_killed_in_the_middle(place: Place, worker: CeleryWorker) -> None:
    until_done(place, worker, place.receive("kill"))
    worker.until_says("signal 9 (SIGKILL)")


@prefork
def test_a_handler_that_takes_longer_than_the_limit_of_the_app(
    place: Place, worker: CeleryWorker
) -> None:
    message_id = place.receive("slow")
    place.app().send_task("program.slow")
    until_done(place, worker, message_id)
    worker.until_says("Hard time limit (2s) exceeded for program.slow")
    assert "exceeded for clerk_hooks" not in worker.log.read_text()


@prefork
@pytest.mark.parametrize(
    ("include", "settings", "says"),
    [
        ("", {}, "Received unregistered task of type 'clerk_hooks.run'"),
        ("program_webhooks", {"accept_content": ["pickle"]}, "Refusing to deserialize"),
    ],
    ids=["unknown task", "no JSON"],
)
def test_another_worker_that_loses_the_task(
    place: Place, worker: CeleryWorker, include: str, settings: dict[str, Any], says: str
) -> None:
    with BROKERS["rabbitmq"]() as other:
        environment = variables(other | settings, include) | {"C_FORCE_ROOT": "1"}
        options = ["-P", "threads", "-c", "1"]
        with celery_worker("program", *options, folder=place.folder, **environment) as loser:
            message_id = place.receive(**other)
            loser.until_says(says)
            until_done(place, worker, message_id)
