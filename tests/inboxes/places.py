"""Where the inboxes under test keep their messages: one place of each kind for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from clerk_hooks import Delivery
from clerk_hooks.inboxes.sqlite import SQLiteInbox
from clerk_hooks.messages import Message, Step

from ..stores.backends import Clock

LEASE = timedelta(seconds=60)
PAYLOAD = b'{"type": "user.created", "data": {"id": "user_1"}}'
KINDS = ["sqlite"]
"""All kinds of inboxes, with the databases and drivers."""


class Place:
    """Tables that all tests of a kind share, one after the other."""

    def __init__(self, kind: str, url: str) -> None:
        self.kind = kind
        self.url = url
        self._opened: list[Any] = []

    def open(self, **options: Any) -> Any:
        """One more inbox there, which is synchronous whatever its kind."""
        inbox = SQLiteInbox(self.url, **options)
        self._opened.append(inbox)
        return inbox

    def fill(self, number: int, **columns: Any) -> None:
        """Write rows, quickly, that have been due for long."""
        row = {"message_id": "", "attempted_at": 1.0, "payload": b"{}", "carrier": "{}"}
        row |= {"accepted_at": 1.0, "state": "waiting", "due_at": 1.0, "takes": 0, "failures": 0}
        row |= {"put_backs": 0, "done": "[]", "reason": "", **columns}
        statement = (
            f"INSERT INTO clerk_hooks_messages ({', '.join(row)}) "
            f"VALUES ({', '.join(f':{name}' for name in row)})"
        )

        def write(work: Any) -> None:
            for n in range(number):
                work.execute(statement, row | {"message_id": f"msg_{n}"})

        self._do(write)

    def count(self, table: str) -> int:
        """The number of rows in a table."""
        rows = self._do(lambda work: work.execute(f"SELECT COUNT(*) FROM {table}", {}).fetchall())
        return int(rows[0][0])

    def _do(self, work: Any) -> Any:
        inbox = self.open()
        inbox.status()
        return inbox._run(work, "write")

    def empty(self) -> None:
        """Close what was opened, and delete all rows."""
        self._do(lambda work: work.execute("DELETE FROM clerk_hooks_messages", {}))
        self._do(lambda work: work.execute("DELETE FROM clerk_hooks_workers", {}))
        self.close()

    def close(self) -> None:
        """Close what was opened."""
        while self._opened:
            self._opened.pop().close()


@contextmanager
def place_of(kind: str, folder: Path) -> Iterator[Place]:
    """A place for inboxes of a kind."""
    place = Place(kind, str(folder / "inbox.sqlite3"))
    try:
        yield place
    finally:
        place.close()


def delivery(message_id: str = "msg_1", payload: bytes = PAYLOAD) -> Delivery:
    return Delivery(message_id, 1_700_000_000, payload)


def taken(inbox: Any, message_id: str = "msg_1", *, unsettled: bool = False) -> Message:
    """The message, which is due, once it has been taken."""
    (message,) = inbox.take(1, LEASE, message_id=message_id, unsettled=unsettled)
    assert isinstance(message, Message)
    return message


def ended(inbox: Any, step: Step, message_id: str = "msg_1") -> Message:
    """The message, which is absent, once it has been put, taken and settled."""
    assert inbox.put(delivery(message_id)) is True
    message = taken(inbox, message_id)
    assert inbox.settle(message, step) is True
    return message


def ids(messages: Any) -> list[str]:
    return [message.delivery.message_id for message in messages]


__all__ = ["KINDS", "LEASE", "PAYLOAD", "Clock", "Place", "delivery", "ended", "ids", "taken"]
