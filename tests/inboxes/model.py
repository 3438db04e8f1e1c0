"""What an inbox promises, once more: plain Python over a dict, for tests that compare."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from clerk_hooks.messages import Record, Selection, Step

DAY = 86_400.0


@dataclass
class Row:
    """A message. `token` is set while it is running."""

    payload: bytes | None
    event_type: str
    carrier: dict[str, str]
    accepted_at: float
    due_at: float
    state: str = "waiting"
    takes: int = 0
    failures: int = 0
    put_backs: int = 0
    done: tuple[str, ...] = ()
    reason: str = ""
    token: str | None = None

    @property
    def is_unsettled(self) -> bool:
        return self.state == "running" or (self.state == "waiting" and self.takes > 0)


@dataclass
class Model:
    """An inbox whose time is `now`."""

    now: float = 1_700_000_000.0
    rows: dict[str, Row] = field(default_factory=dict)

    def put(self, name: str, payload: bytes, event_type: str, carrier: dict[str, str]) -> bool:
        row = self.rows.get(name)
        if row is None:
            self.rows[name] = Row(payload, event_type, carrier, self.now, self.now)
            return True
        if row.state == "dead":
            self._revive(row)
            row.carrier = carrier
        if row.state == "waiting":
            row.due_at = min(row.due_at, self.now)
        return row.state != "done"

    def due(self) -> list[str]:
        """The ids of what is due, the longest due first; of the same age, in any order."""
        names = [name for name, row in self.rows.items() if self._is_due(row)]
        return sorted(names, key=lambda name: self.rows[name].due_at)

    def candidates(self, message_id: str | None, *, unsettled: bool) -> list[str]:
        return [
            name
            for name in self.due()
            if message_id in (None, name) and self.rows[name].is_unsettled is unsettled
        ]

    def take(self, name: str, token: str, lease: float) -> None:
        row = self.rows[name]
        row.state, row.token, row.due_at = "running", token, self.now + lease
        row.takes += 1

    def renew(self, names_and_tokens: list[tuple[str, str]], lease: float) -> set[str]:
        held = {name for name, token in names_and_tokens if self._is_held(name, token)}
        for name in held:
            self.rows[name].due_at = self.now + lease
        return held

    def settle(self, name: str, token: str, step: Step) -> bool:
        if not self._is_held(name, token):
            return False
        row = self.rows[name]
        row.token, row.done = None, step.done
        is_put_back = step.kind == "retry" and not step.is_counted
        if step.reason or not is_put_back:
            row.reason = step.reason
        if step.kind != "done" and step.is_counted:
            row.failures += 1
        row.takes = row.takes - 1 if is_put_back else 0
        row.put_backs = row.put_backs + 1 if is_put_back else 0
        row.state = "waiting" if step.kind == "retry" else step.kind
        row.due_at = self.now + (step.delay if step.kind == "retry" else 0)
        if step.kind == "done":
            row.payload = None
        return True

    def retry(self, selection: Selection, message_id: str | None) -> int:
        count = 0
        for name, row in self.rows.items():
            if message_id not in (None, name) or not self.is_selected(row, selection):
                continue
            if row.state == "dead":
                self._revive(row)
            elif row.state == "waiting":
                row.due_at = min(row.due_at, self.now)
            else:
                continue
            count += 1
        return count

    def purgeable(self, retention: float) -> list[str]:
        """The ids in the order in which they go."""
        ages = {"done": retention, "dead": 30 * DAY}
        return [
            name
            for state, age in ages.items()
            for name in sorted(self.rows, key=lambda name: self.rows[name].due_at)
            if self.rows[name].state == state and self.rows[name].due_at <= self.now - age
        ]

    def records(self, selection: Selection) -> list[Record]:
        found = [
            self._record(name, row)
            for name, row in self.rows.items()
            if self.is_selected(row, selection)
        ]
        return sorted(found, key=lambda record: (record.accepted_at, record[0]), reverse=True)

    def lag(self, *, unsettled: bool) -> float | None:
        ages = [
            self.now - row.due_at
            for row in self.rows.values()
            if self._is_due(row) and (row.is_unsettled or not unsettled)
        ]
        return max(ages, default=None)

    def counts(self) -> dict[str, int]:
        states = [row.state for row in self.rows.values()]
        return {state: states.count(state) for state in ("waiting", "running", "done", "dead")}

    def is_selected(self, row: Row, selection: Selection) -> bool:
        return (
            selection.state in (None, row.state)
            and selection.event_type in (None, row.event_type)
            and (selection.since is None or row.accepted_at >= selection.since)
        )

    def _is_due(self, row: Row) -> bool:
        return row.state in ("waiting", "running") and row.due_at <= self.now

    def _is_held(self, name: str, token: str) -> bool:
        return name in self.rows and self.rows[name].token == token

    def _revive(self, row: Row) -> None:
        row.state, row.due_at = "waiting", self.now
        row.takes = row.failures = row.put_backs = 0

    def _record(self, name: str, row: Row) -> Record:
        state: Any = row.state
        return Record(
            *(name, state, row.event_type, 1_700_000_000.0, row.accepted_at, row.due_at),
            *(row.takes, row.failures, row.done, row.reason, row.payload),
        )
