"""Messages that are dead, and run again: with real inboxes, stores and workers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from clerk_hooks import AbortDelivery, Processor, Router, Worker
from clerk_hooks.events import UserCreated
from clerk_hooks.inboxes import SQLiteInbox
from clerk_hooks.messages import Selection
from clerk_hooks.stores import SQLiteStore

from .conftest import delivery

RETENTION = timedelta(days=1)


class Place:
    """An inbox and a store in one file, and a worker that is started anew for each run."""

    def __init__(self, path: Path, router: Router) -> None:
        self.later = timedelta(0)
        self.inbox = SQLiteInbox(path, clock=self.clock)
        self.store = SQLiteStore(path, retention=RETENTION, clock=self.clock)
        self._router = router

    def clock(self) -> float:
        return time.time() + self.later.total_seconds()

    def run(self) -> int:
        return Worker(Processor(self._router, store=self.store), self.inbox).run_due()

    def state(self) -> Any:
        record = self.inbox.show("msg_1")
        return record and record.state


@pytest.fixture
def place(tmp_path: Path, router: Router) -> Iterator[Place]:
    place = Place(tmp_path / "clerk.db", router)
    yield place
    place.inbox.close()
    place.store.close()


def test_after_the_store_s_retention_a_dead_message_runs_the_handlers_that_are_not_done(
    place: Place, router: Router
) -> None:
    ran: list[str] = []
    is_broken = True

    @router.on("user.created", name="save")
    def save(event: UserCreated) -> None:
        ran.append("save")

    @router.on("user.created", name="mail")
    def mail(event: UserCreated) -> None:
        ran.append("mail")
        if is_broken:
            raise AbortDelivery

    place.inbox.put(delivery("msg_1"))
    assert place.run() == 1
    assert place.state() == "dead"
    assert [record.handler for record in place.store.show("msg_1")] == ["save"]

    place.later = RETENTION + timedelta(days=1)
    assert place.store.purge() == 1
    assert not place.store.show("msg_1")
    assert place.inbox.retry(Selection(state="dead")) == 1
    assert place.run() == 1  # It fails again, which must not make it forget who was done.
    assert place.state() == "dead"

    is_broken = False
    assert place.inbox.retry(Selection(), "msg_1") == 1
    assert place.run() == 1
    assert place.state() == "done"
    assert ran == ["save", "mail", "mail", "mail"]
