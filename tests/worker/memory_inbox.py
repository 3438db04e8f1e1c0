"""An inbox in memory that follows the Protocol: a fast one, with a clock, for unit tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock
from typing import Any

from clerk_hooks import Delivery, PayloadError, QueueUnavailable
from clerk_hooks.messages import LivingWorker, Message, Record, Selection, State, Status, Step


@dataclass
class Row:
    delivery: Delivery
    carrier: Mapping[str, str]
    accepted_at: float
    due_at: float
    state: State = "waiting"
    token: str = ""
    takes: int = 0
    failures: int = 0
    put_backs: int = 0
    done: tuple[str, ...] = ()
    reason: str = ""


@dataclass
class MemoryInbox:
    """Keeps deliveries in this process."""

    clock: Callable[[], float]
    rows: dict[str, Row] = field(default_factory=dict)
    beats: dict[str, LivingWorker] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    is_away: bool = False
    _lock: Any = field(default_factory=Lock)

    def _begin(self, call: str) -> None:
        self.calls.append(call)
        if self.is_away:
            raise QueueUnavailable("the inbox is away")

    def put(self, delivery: Delivery, carrier: Mapping[str, str] = {}) -> bool:
        self._begin("put")
        with self._lock:
            now = self.clock()
            row = self.rows.get(delivery.message_id)
            if row is None or row.state == "dead":
                self.rows[delivery.message_id] = Row(delivery, carrier, now, now)
            elif row.state == "waiting":
                row.due_at = now
            return row is None or row.state != "done"

    def take(
        self,
        slots: int,
        lease: timedelta,
        *,
        message_id: str | None = None,
        unsettled: bool = False,
    ) -> Sequence[Message]:
        self._begin("take_alone" if unsettled else "take")
        with self._lock:
            found = [
                row for row in self._due(unsettled) if message_id in (None, row.delivery.message_id)
            ]
            token = os.urandom(8).hex()
            for row in found[:slots]:
                row.state, row.token = "running", token
                row.takes += 1
                row.due_at = self.clock() + lease.total_seconds()
            return [
                Message(
                    row.delivery,
                    row.token,
                    row.carrier,
                    row.accepted_at,
                    row.takes,
                    row.failures,
                    row.put_backs,
                    row.done,
                )
                for row in found[:slots]
            ]

    def _due(self, unsettled: bool | None = None) -> list[Row]:
        now = self.clock()
        rows = [
            row
            for row in self.rows.values()
            if row.state in ("waiting", "running")
            and row.due_at <= now
            and unsettled in (None, row.takes > 0)
        ]
        return sorted(rows, key=lambda row: row.due_at)

    def renew(self, messages: Sequence[Message], lease: timedelta) -> frozenset[str]:
        self._begin("renew")
        with self._lock:
            held = [row for message in messages if (row := self._held(message))]
            for row in held:
                row.due_at = self.clock() + lease.total_seconds()
            return frozenset(row.delivery.message_id for row in held)

    def _held(self, message: Message) -> Row | None:
        row = self.rows.get(message.delivery.message_id)
        return row if row is not None and row.token == message.token else None

    def settle(self, message: Message, step: Step) -> bool:
        self._begin("settle")
        with self._lock:
            row = self._held(message)
            if row is None or row.state != "running":
                return False
            row.state = "waiting" if step.kind == "retry" else step.kind
            row.token, row.reason, row.done = "", step.reason, step.done
            row.due_at = self.clock() + step.delay
            if step.kind == "done":
                row.delivery = Delivery(row.delivery.message_id, row.delivery.attempted_at, b"")
            elif step.is_counted:
                row.takes, row.put_backs, row.failures = 0, 0, row.failures + 1
            else:
                row.takes, row.put_backs = row.takes - 1, row.put_backs + 1
            return True

    def lag(self, *, unsettled: bool = False) -> float | None:
        self._begin("lag")
        due = self._due(unsettled or None)
        return self.clock() - due[0].due_at if due else None

    def due(self, limit: int) -> Sequence[str]:
        self._begin("due")
        return [row.delivery.message_id for row in self._due()][:limit]

    def beat(self, worker: str, slots: int, running: int) -> None:
        self._begin("beat")
        if slots:
            self.beats[worker] = LivingWorker(worker, slots, running, self.clock())
        else:
            self.beats.pop(worker, None)

    def list(self, selection: Selection, limit: int) -> Sequence[Record]:
        self._begin("list")
        records = [_record(row) for row in self.rows.values()]
        chosen = [one for one in records if _fits(one, selection)]
        return sorted(chosen, key=lambda one: -one.accepted_at)[:limit]

    def show(self, message_id: str) -> Record | None:
        self._begin("show")
        row = self.rows.get(message_id)
        return row and _record(row)

    def retry(self, selection: Selection, message_id: str | None = None) -> int:
        self._begin("retry")
        count = 0
        for row in self.rows.values():
            if message_id not in (None, row.delivery.message_id):
                continue
            if row.state in ("dead", "waiting") and _fits(_record(row), selection):
                count += 1
                row.due_at = self.clock()
                if row.state == "dead":
                    row.state, row.takes, row.failures, row.put_backs = "waiting", 0, 0, 0
        return count

    def drop(self, message_id: str) -> bool:
        self._begin("drop")
        return self.rows.pop(message_id, None) is not None

    def purge(self, limit: int = 1000) -> int:
        self._begin("purge")
        ended = [key for key, row in self.rows.items() if row.state == "done"][:limit]
        for key in ended:
            del self.rows[key]
        return len(ended)

    def status(self) -> Status:
        self._begin("status")
        counts: dict[State, int] = {}
        for row in self.rows.values():
            counts[row.state] = counts.get(row.state, 0) + 1
        return Status(counts, self.lag(), [*self.beats.values()])


def _record(row: Row) -> Record:
    try:
        event_type = row.delivery.type
    except PayloadError:
        event_type = None
    return Record(
        row.delivery.message_id,
        row.state,
        event_type,
        row.delivery.attempted_at.timestamp(),
        row.accepted_at,
        row.due_at,
        row.takes,
        row.failures,
        row.done,
        row.reason,
        row.delivery.payload or None,
    )


def _fits(record: Record, selection: Selection) -> bool:
    return (
        selection.state in (None, record.state)
        and selection.event_type in (None, record.event_type)
        and (selection.since is None or record.accepted_at >= selection.since)
    )


class AwaitedInbox:
    """The same, which can only be awaited; it notes the loops that it was awaited on."""

    def __init__(self, inbox: MemoryInbox) -> None:
        self.inbox = inbox
        self.loops: set[object] = set()

    def __getattr__(self, name: str) -> Any:
        if name[0] != "a" or not hasattr(MemoryInbox, name[1:]):
            raise AttributeError(name)

        async def call(*arguments: Any, **options: Any) -> Any:
            import asyncio

            self.loops.add(asyncio.get_running_loop())
            return getattr(self.inbox, name[1:])(*arguments, **options)

        return call
