"""An app of each kind, with a store in its own database: what tests of transactions need of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from clerk_hooks import Reply, Router

from .backends import ASYNC_SQL, SYNC_SQL, Backend, backend
from .sessions import Step, handler
from .worker import PAYLOAD, Receiver, build, openers

DATABASES = ["sqlite", *SYNC_SQL, *ASYNC_SQL]
"""The databases and drivers, with the store for each."""

SERVERS = [name for name in DATABASES if "sqlite" not in name]


class Clock:
    """Real time, and what was added to it."""

    def __init__(self) -> None:
        self.added = 0.0

    def __call__(self) -> float:
        return time.time() + self.added


class Seen(NamedTuple):
    """What became of one attempt."""

    status: int
    outcome: str
    log: str
    seconds: float


class App:
    """An endpoint with a store, whose handlers write to the table ``effects``."""

    def __init__(self, place: Backend, caplog: Any, **options: Any) -> None:
        self.place = place
        self.clock = Clock()
        self._caplog = caplog
        self._other: Any = None
        options = place.options | options
        self.store = build(place.kind, place.url, clock=self.clock, **options)
        self.router = Router()
        self.receiver = Receiver(self.store, self.router)
        self.openers = openers(self.store)

    @property
    def is_sqlite(self) -> bool:
        return "sqlite" in self.place.name

    def on(
        self,
        step: Step,
        way: str = "transaction",
        name: str = "h",
        open_: Any = None,
        **options: Any,
    ) -> None:
        """Add a handler that takes a step, by default in a session of the first kind."""
        chosen = open_ or next(iter(self.openers.values()))
        made = handler(self.store, chosen, step, way)
        self.router.on("user.*", name=name, **options)(made)

    def receive(self, message_id: str = "msg_1", payload: bytes = PAYLOAD) -> Seen:
        """Deliver an attempt."""
        self._caplog.clear()
        started = time.monotonic()
        with self._caplog.at_level(logging.INFO, "clerk_hooks"):
            reply = self.receiver.reply(message_id, payload)
        seconds = time.monotonic() - started
        return Seen(reply.status, _outcome(reply), self._caplog.text, seconds)

    def effects(self) -> list[str]:
        rows = self.place.sql("SELECT message_id FROM effects ORDER BY message_id")
        return [row[0] for row in rows]

    def states(self, message_id: str = "msg_1") -> dict[str, str]:
        records = self.other().show(message_id)
        return {record.handler: record.state for record in records}

    def other(self) -> Any:
        """The store of another process, which is synchronous whatever its kind."""
        if self._other is None:
            self._other = self.place.open(clock=self.clock)
        return self._other


def _outcome(reply: Reply) -> str:
    import json

    body = json.loads(reply.body)
    return str(body.get("outcome") or body.get("error"))


@contextmanager
def app(name: str, folder: Path, caplog: Any, **options: Any) -> Iterator[App]:
    """An app on the database of that name."""
    with backend(name, folder) as place:
        place.create_effects()
        app = App(place, caplog, **options)
        try:
            yield app
        finally:
            app.receiver.close()
