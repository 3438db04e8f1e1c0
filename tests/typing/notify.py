"""What type checkers know of Celery: checked, never run."""

from collections.abc import Callable

from celery import Celery
from typing_extensions import assert_type

from clerk_hooks import Endpoint, Inbox, Worker
from clerk_hooks.notify.celery import celery_notify


def notifies(app: Celery, worker: Worker, inbox: Inbox) -> None:
    notify = celery_notify(app, worker, name="billing")
    assert_type(notify, Callable[[str], None])
    Endpoint(handoff=inbox, notify=notify)


def refuses(worker: Worker) -> None:
    celery_notify("redis://localhost", worker)  # type: ignore[arg-type]
