"""What `celery_notify` registers with an app, what it sends, and what it does where it cannot."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

pytest.importorskip("celery")

import kombu
from celery import Celery

from clerk_hooks import (
    ConfigurationError,
    Delivery,
    Endpoint,
    Processor,
    QueueUnavailable,
    Reply,
    Router,
    Worker,
    sign,
)
from clerk_hooks.events import UserCreated, UserUpdated
from clerk_hooks.notify import celery as module
from clerk_hooks.notify.celery import celery_notify

from ..stores.network import free_port
from ..worker.conftest import Clock, delivery
from ..worker.memory_inbox import AwaitedInbox, MemoryInbox

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = delivery().payload
Receive = Callable[..., Reply]


@pytest.fixture
def inbox() -> MemoryInbox:
    return MemoryInbox(Clock())


@pytest.fixture
def ran() -> list[str]:
    """What has run: message ids, and the names of the threads."""
    return []


@pytest.fixture
def worker(router: Router, inbox: MemoryInbox, ran: list[str]) -> Worker:
    @router.on("user.created")
    def save(event: UserCreated, delivery: Delivery) -> None:
        ran.append(f"{delivery.message_id} in {threading.current_thread().name}")

    @router.on("user.updated")
    async def asave(event: UserUpdated, delivery: Delivery) -> None:
        ran.append(delivery.message_id)

    return Worker(Processor(router), inbox)


class Broker:
    """A broker in memory, with a queue of the test's own."""

    def __init__(self) -> None:
        self.queue = f"clerk_hooks_{uuid.uuid4().hex}"
        self._apps: list[Celery] = []

    def app(self, **settings: Any) -> Celery:
        settings = {
            "broker_url": "memory://",
            "task_default_queue": self.queue,
            "set_as_current": False,
            **settings,
        }
        set_as_current = settings.pop("set_as_current")
        app = Celery(self.queue, set_as_current=set_as_current)
        app.conf.update(settings)
        self._apps.append(app)
        return app

    def sent(self, queue: str = "") -> list[Any]:
        """The messages that were sent, which takes them out."""
        found: list[Any] = []
        with kombu.Connection("memory://") as connection:
            channel = connection.channel()
            while (message := channel.basic_get(queue or self.queue, no_ack=True)) is not None:
                found.append(message)
        return found

    def ids(self, queue: str = "") -> list[str]:
        """The message ids in what was sent."""
        return [message.decode()[0][0] for message in self.sent(queue)]

    def close(self) -> None:
        for app in self._apps:
            app.close()


@pytest.fixture
def broker() -> Iterator[Broker]:
    broker = Broker()
    yield broker
    broker.close()


def signed() -> tuple[bytes, dict[str, str]]:
    return BODY, sign(BODY, secret=SECRET, message_id="msg_1")


def test_a_delivery_sends_a_task_that_has_only_its_id(
    broker: Broker, worker: Worker, receive: Receive, ran: list[str]
) -> None:
    notify = celery_notify(broker.app(), worker)
    endpoint = Endpoint(handoff=worker.inbox, secret=SECRET, notify=notify)
    assert receive(endpoint, *signed()).status == 202
    (message,) = broker.sent()
    assert message.headers["task"] == "clerk_hooks.run"
    assert message.decode()[:2] == [["msg_1"], {}]
    assert not ran


def test_a_task_is_sent_as_json_with_its_own_limits_whatever_those_of_the_app(
    broker: Broker, worker: Worker
) -> None:
    app = broker.app(
        task_serializer="pickle",
        accept_content=["pickle", "application/json"],
        task_time_limit=1,
        task_soft_time_limit=1,
        task_ignore_result=False,
        task_acks_late=True,
    )
    celery_notify(app, worker)("msg_1")
    (message,) = broker.sent()
    assert message.content_type == "application/json"
    assert message.headers["ignore_result"] is True
    hard, soft = message.headers["timelimit"]
    assert (soft, hard) == (24 * 60 * 60, 24 * 60 * 60 + 60)
    left = datetime.fromisoformat(message.headers["expires"]) - datetime.now(timezone.utc)
    assert timedelta(minutes=50) < left <= timedelta(hours=1)
    for name in ("clerk_hooks.run", "clerk_hooks.sweep"):
        task = app.tasks[name]
        assert (task.ignore_result, task.acks_late, task.time_limit) == (True, False, hard)


def test_the_routes_of_the_app_say_where_a_task_goes(broker: Broker, worker: Worker) -> None:
    other = f"{broker.queue}_other"
    celery_notify(broker.app(task_routes={"clerk_hooks.*": other}), worker)("msg_1")
    assert broker.sent() == []
    assert broker.ids(other) == ["msg_1"]


def test_the_task_runs_the_message_once(broker: Broker, worker: Worker, ran: list[str]) -> None:
    app = broker.app()
    celery_notify(app, worker)
    worker.inbox.put(delivery())  # type: ignore[union-attr]
    for _ in range(2):
        app.tasks["clerk_hooks.run"]("msg_1")
    app.tasks["clerk_hooks.run"]("msg_unknown")
    assert ran == ["msg_1 in MainThread"]


def test_an_eager_app_runs_the_message_before_the_reply(
    broker: Broker, worker: Worker, receive: Receive, ran: list[str]
) -> None:
    notify = celery_notify(broker.app(task_always_eager=True), worker)
    endpoint = Endpoint(handoff=worker.inbox, secret=SECRET, notify=notify)
    assert receive(endpoint, *signed()).status == 202
    assert ran == ["msg_1 in MainThread"]
    assert receive(endpoint, *signed()).status == 200
    assert broker.sent() == []


def test_a_sweep_sends_what_is_due_the_longest_due_first(
    broker: Broker, worker: Worker, inbox: MemoryInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert module._SWEEP_LIMIT == 1000
    monkeypatch.setattr(module, "_SWEEP_LIMIT", 2)
    app = broker.app()
    celery_notify(app, worker)
    for message_id in ("msg_3", "msg_1", "msg_2"):
        inbox.put(delivery(message_id))
        inbox.clock.now += 1  # type: ignore[attr-defined]
    inbox.take(1, timedelta(minutes=1), message_id="msg_1")
    app.tasks["clerk_hooks.sweep"]()
    assert broker.ids() == ["msg_3", "msg_2"]
    inbox.clock.now += 60  # type: ignore[attr-defined]
    app.tasks["clerk_hooks.sweep"]()
    assert broker.ids() == ["msg_3", "msg_2"]  # At most two, each time.
    inbox.drop("msg_3")
    app.tasks["clerk_hooks.sweep"]()
    assert broker.ids() == ["msg_2", "msg_1"]  # The worker of the other has died.


def test_a_sweep_waits_for_a_worker_for_a_minute_only(broker: Broker, worker: Worker) -> None:
    app = broker.app()
    celery_notify(app, worker)
    for _ in range(2):
        app.tasks["clerk_hooks.sweep"].apply_async()
    expires = [message.headers["expires"] for message in broker.sent()]
    assert len(expires) == 2
    left = datetime.fromisoformat(expires[0]) - datetime.now(timezone.utc)
    assert timedelta(0) < left <= timedelta(seconds=60)


def test_an_eager_sweep_runs_what_is_due(
    broker: Broker, worker: Worker, inbox: MemoryInbox, ran: list[str]
) -> None:
    app = broker.app(task_always_eager=True)
    celery_notify(app, worker)
    inbox.put(delivery("msg_1"))
    inbox.put(delivery("msg_2", "user.updated"))
    app.tasks["clerk_hooks.sweep"]()
    assert ran == ["msg_1 in MainThread", "msg_2"]


def test_the_inbox_may_be_one_that_is_awaited(
    broker: Broker, router: Router, worker: Worker, inbox: MemoryInbox, ran: list[str]
) -> None:
    app = broker.app(task_always_eager=True)
    celery_notify(app, Worker(Processor(router), AwaitedInbox(inbox)))  # type: ignore[arg-type]
    inbox.put(delivery())
    app.tasks["clerk_hooks.sweep"]()
    assert ran == ["msg_1 in MainThread"]


def test_what_a_handler_raises_is_settled_and_does_not_fail_the_task(
    broker: Broker, inbox: MemoryInbox
) -> None:
    router = Router()

    @router.on("user.created")
    def save(event: UserCreated) -> None:
        raise ValueError("no such plan")

    app = broker.app()
    celery_notify(app, Worker(Processor(router), inbox))
    inbox.put(delivery())
    app.tasks["clerk_hooks.run"]("msg_1")
    (row,) = inbox.rows.values()
    assert (row.state, row.failures) == ("waiting", 1)


def test_an_inbox_that_is_away_fails_the_sweep_and_not_each_message(
    broker: Broker, worker: Worker, inbox: MemoryInbox, caplog: pytest.LogCaptureFixture
) -> None:
    app = broker.app()
    celery_notify(app, worker)
    inbox.is_away = True
    app.tasks["clerk_hooks.run"]("msg_1")
    assert "the inbox does not answer" in caplog.text
    with pytest.raises(QueueUnavailable):
        app.tasks["clerk_hooks.sweep"]()


def test_a_worker_without_handlers_fails_the_task(broker: Broker, inbox: MemoryInbox) -> None:
    app = broker.app()
    celery_notify(app, Worker(Processor(Router()), inbox))
    with pytest.raises(ConfigurationError, match="the worker's router has no handlers"):
        app.tasks["clerk_hooks.run"]("msg_1")


def test_workers_of_one_app_have_names(
    broker: Broker, worker: Worker, inbox: MemoryInbox, ran: list[str]
) -> None:
    app = broker.app()
    router = Router()
    router.on("*")(lambda event: ran.append(f"other {event.type}"))
    other_inbox = MemoryInbox(inbox.clock)
    celery_notify(app, worker)("msg_1")
    celery_notify(app, Worker(Processor(router), other_inbox), name="other")("msg_1")
    names = [message.headers["task"] for message in broker.sent()]
    assert names == ["clerk_hooks.run", "clerk_hooks.other.run"]
    assert {"clerk_hooks.sweep", "clerk_hooks.other.sweep"} <= {*app.tasks}
    other_inbox.put(delivery())
    app.tasks["clerk_hooks.run"]("msg_1")
    assert ran == []
    app.tasks["clerk_hooks.other.run"]("msg_1")
    assert ran == ["other user.created"]


def test_a_second_worker_needs_a_name_of_its_own(broker: Broker, worker: Worker) -> None:
    app = broker.app()
    celery_notify(app, worker)
    celery_notify(app, worker, name="other")
    for name in (None, "other"):
        with pytest.raises(ConfigurationError, match=r"has the task .*\.run already: pass a name="):
            celery_notify(app, worker, name=name)
    celery_notify(broker.app(), worker)  # Another app is another matter.


def test_no_other_app_of_the_process_gets_the_tasks(broker: Broker, worker: Worker) -> None:
    one, other = broker.app(), broker.app()
    celery_notify(one, worker)
    assert "clerk_hooks.run" in one.tasks
    assert not [name for name in other.tasks if "clerk_hooks" in name]


@pytest.mark.parametrize("name", ["", "a.b", "a b", 1, True])
def test_a_name_is_a_word(broker: Broker, worker: Worker, name: Any) -> None:
    with pytest.raises(ConfigurationError, match="name must consist of letters"):
        celery_notify(broker.app(), worker, name=name)


def test_other_things_than_an_app_and_a_worker_are_refused(broker: Broker, worker: Worker) -> None:
    with pytest.raises(ConfigurationError, match="app must be a Celery app, not str"):
        celery_notify("redis://", worker)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="worker must be a Worker, not Processor"):
        celery_notify(broker.app(), worker.processor)  # type: ignore[arg-type]


@pytest.mark.parametrize("scheme", ["amqp", "redis"])
def test_a_broker_that_is_away_is_logged_and_the_delivery_is_queued(
    scheme: str,
    broker: Broker,
    worker: Worker,
    inbox: MemoryInbox,
    receive: Receive,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if scheme == "redis":
        pytest.importorskip("redis", minversion="6.1")  # Of which kombu knows how to use it.
    app = broker.app(broker_url=f"{scheme}://127.0.0.1:{free_port()}")
    endpoint = Endpoint(handoff=inbox, secret=SECRET, notify=celery_notify(app, worker))
    assert receive(endpoint, *signed()).status == 202
    assert "msg_1: no worker was notified: notify failed with OperationalError" in caplog.text
    assert inbox.rows["msg_1"].state == "waiting"


def test_an_app_that_does_not_accept_json_is_a_mistake_that_is_logged(
    broker: Broker, worker: Worker, receive: Receive, caplog: pytest.LogCaptureFixture
) -> None:
    notify = celery_notify(broker.app(accept_content=["pickle"]), worker)
    endpoint = Endpoint(handoff=worker.inbox, secret=SECRET, notify=notify)
    assert receive(endpoint, *signed()).status == 202
    (record,) = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert "the Celery app does not accept JSON: add 'json' to its accept_content" in (
        record.getMessage()
    )
    assert broker.sent() == []
