"""The program of the tests with real processes: what a message does is in its id."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from datetime import timedelta
from pathlib import Path

from clerk_hooks import AbortDelivery, Delivery, Processor, RetryPolicy, Router, Worker
from clerk_hooks.events import UserCreated, UserUpdated
from clerk_hooks.inboxes import SQLAlchemyInbox, SQLiteInbox

HERE = Path.cwd()
router = Router()
url = os.environ["INBOX"]
inbox = SQLAlchemyInbox(url) if "://" in url else SQLiteInbox(url)
policy = RetryPolicy(attempts=3, first=timedelta(seconds=0.02), longest=timedelta(seconds=0.02))
worker = Worker(
    Processor(router),
    inbox,
    slots=4,
    policy=policy,
    lease=timedelta(seconds=float(os.environ.get("LEASE", "60"))),
)
empty = Worker(Processor(Router()), inbox)


def note(text: str) -> None:
    with (HERE / "journal").open("a") as journal:
        journal.write(f"{text}\n")


@router.on("user.created")
def save(event: UserCreated, delivery: Delivery) -> None:
    note(f"begin {delivery.message_id}")
    kind = delivery.message_id.split("_")[1]
    if not (HERE / "fixed").exists():
        if kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "raise":
            raise ValueError("no such plan")
        if kind == "abort":
            raise AbortDelivery("this will never work")
    while kind == "wait" and not (HERE / "go").exists():
        time.sleep(0.005)
    note(f"end {delivery.message_id}")


@router.on("user.updated")
async def asave(event: UserUpdated, delivery: Delivery) -> None:
    note(f"begin {delivery.message_id}")
    while not (HERE / "go").exists():
        await asyncio.sleep(0.005)
    note(f"end {delivery.message_id}")
