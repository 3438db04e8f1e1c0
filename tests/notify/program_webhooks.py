"""Handlers, inbox and worker of the tests with Celery: what a message does is in its id."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from datetime import timedelta
from pathlib import Path

from program import app  # type: ignore[import-not-found]

from clerk_hooks import Delivery, Processor, RetryPolicy, Router, Worker
from clerk_hooks.events import UserCreated, UserUpdated
from clerk_hooks.inboxes.sqlite import SQLiteInbox
from clerk_hooks.notify.celery import celery_notify

router = Router()
inbox = SQLiteInbox("inbox.db", timeout=timedelta(minutes=1))
soon = timedelta(seconds=0.02)
worker = Worker(
    Processor(router),
    inbox,
    policy=RetryPolicy(first=soon, longest=soon),
    lease=timedelta(seconds=0.5),
)
notify = celery_notify(app, worker)


def first_time(message_id: str) -> bool:
    try:
        Path(f"began {message_id}").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


@router.on("user.created")
def save(event: UserCreated, delivery: Delivery) -> None:
    kind = delivery.message_id.split("_")[1]
    if first_time(delivery.message_id):
        if kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "raise":
            raise ValueError("no such plan")
    if kind == "slow":
        time.sleep(2.5)  # Longer than the limit of the app.


@router.on("user.updated")
async def asave(event: UserUpdated, delivery: Delivery) -> None:
    await asyncio.sleep(0)
