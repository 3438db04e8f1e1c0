"""Random sequences of calls: every inbox does what the model does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from clerk_hooks import Delivery
from clerk_hooks.messages import Message, Selection, Step

from ..properties import examples
from .model import DAY, Model
from .places import Clock, Place

RETENTION = timedelta(days=2)
NAMES = ["msg_1", "MSG_1", "msg_2", "msg_3"]
TYPES = ["user.created", "user.deleted"]
names = st.sampled_from(NAMES)
carriers = st.sampled_from([{}, {"traceparent": "1"}, {"traceparent": "2", "é": "😀"}])
# Sums of powers of two, which no database rounds.
seconds = st.sampled_from([0.5, 1.0, 30.0, 60.25, 600.0, 3600.0, 3 * DAY, 31 * DAY])
leases = st.sampled_from([0.5, 60.0, 900.0])
steps = st.builds(
    Step,
    st.sampled_from(["done", "retry", "retry", "retry", "dead"]),
    st.sampled_from([0.0, 0.5, 30.0, 600.0]),
    st.sampled_from(["", "handler_failed: é😀", "in_progress: 'x'"]),
    st.sampled_from([(), ("a",), ("a", "app.é")]),
    is_counted=st.booleans(),
)
selections = st.builds(
    Selection,
    st.none() | st.sampled_from(["waiting", "running", "done", "dead"]),
    st.none() | st.sampled_from(TYPES),
    st.none() | st.sampled_from([1_700_000_000.0, 1_700_000_060.25]),
)


class Machine(RuleBasedStateMachine):
    """An inbox and the model, side by side."""

    open: Callable[..., Any]

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.clock = Clock()
        self.inbox = self.open(clock=self.clock, retention=RETENTION)
        self.messages: list[Message] = []
        """All that were ever taken."""

    @rule(name=names, kind=st.sampled_from(TYPES), carrier=carriers)
    def put(self, name: str, kind: str, carrier: dict[str, str]) -> None:
        payload = b'{"type": "%s"}' % kind.encode()
        delivery = Delivery(name, 1_700_000_000, payload)
        assert self.inbox.put(delivery, carrier) is self.model.put(name, payload, kind, carrier)

    @rule(
        slots=st.integers(0, 3),
        lease=leases,
        name=st.none() | names,
        unsettled=st.booleans(),
    )
    def take(self, slots: int, lease: float, name: str | None, unsettled: bool) -> None:
        wanted = self.model.candidates(name, unsettled=unsettled)
        due = {name: self.model.rows[name].due_at for name in wanted}
        taken = self.inbox.take(
            slots, timedelta(seconds=lease), message_id=name, unsettled=unsettled
        )
        found = [message.delivery.message_id for message in taken]
        assert len(found) == len(set(found)) == min(slots, len(wanted))
        assert [due[name] for name in found] == sorted(due.values())[: len(found)]
        for message in taken:
            name = message.delivery.message_id
            self.model.take(name, message.token, lease)
            row = self.model.rows[name]
            assert message.delivery == Delivery(name, 1_700_000_000, row.payload or b"")
            assert message[2:] == (
                *(row.carrier, row.accepted_at, row.takes, row.failures, row.put_backs, row.done),
            )
        self.messages += taken

    @precondition(lambda self: self.messages)
    @rule(data=st.data(), step=steps)
    def settle(self, data: st.DataObject, step: Step) -> None:
        # The last ones more often: the others were taken over.
        message = self.messages[-data.draw(st.integers(1, min(6, len(self.messages))))]
        expected = self.model.settle(message.delivery.message_id, message.token, step)
        assert self.inbox.settle(message, step) is expected

    @precondition(lambda self: self.messages)
    @rule(lease=leases, count=st.integers(0, 4))
    def renew(self, lease: float, count: int) -> None:
        messages = list({m.delivery.message_id: m for m in self.messages[-count:]}.values())
        held = self.model.renew([(m.delivery.message_id, m.token) for m in messages], lease)
        assert self.inbox.renew(messages, timedelta(seconds=lease)) == held

    @rule(selection=selections, name=st.none() | names)
    def retry(self, selection: Selection, name: str | None) -> None:
        assert self.inbox.retry(selection, name) == self.model.retry(selection, name)

    @rule(name=names)
    def drop(self, name: str) -> None:
        assert self.inbox.drop(name) is (self.model.rows.pop(name, None) is not None)

    @rule(limit=st.integers(0, 3))
    def purge(self, limit: int) -> None:
        gone = self.model.purgeable(RETENTION.total_seconds())
        assert self.inbox.purge(limit) == min(limit, len(gone))
        left = {record.message_id for record in self.inbox.list(Selection(), 10)}
        for name in set(self.model.rows) - left:  # Which ones, of the same age, is free.
            assert name in gone
            del self.model.rows[name]

    @rule(by=seconds)
    def time_passes(self, by: float) -> None:
        self.clock.now += by
        self.model.now += by

    @rule(selection=selections, limit=st.integers(0, 3))
    def select(self, selection: Selection, limit: int) -> None:
        assert list(self.inbox.list(selection, limit)) == self.model.records(selection)[:limit]

    @rule()
    def look(self) -> None:
        assert self.inbox.lag(unsettled=True) == self.model.lag(unsettled=True)
        counts, lag, workers = self.inbox.status()
        assert (counts, lag, list(workers)) == (
            self.model.counts(),
            self.model.lag(unsettled=False),
            [],
        )
        due = self.inbox.due(3)
        assert [self.model.rows[name].due_at for name in due] == [
            self.model.rows[name].due_at for name in self.model.due()[:3]
        ]

    @invariant()
    def both_have_the_same_rows(self) -> None:
        assert list(self.inbox.list(Selection(), 10)) == self.model.records(Selection())


def test_an_inbox_does_what_the_model_does(place: Place) -> None:
    class Here(Machine):
        def open(self, **options: Any) -> Any:
            place.clear()
            return place.open(**options)

    is_local = "sqlite" in place.kind
    run_state_machine_as_test(
        Here,
        settings=settings(
            examples(100 if place.kind == "sqlite" else 10 if is_local else 6),
            stateful_step_count=40,
            suppress_health_check=list(HealthCheck),
        ),
    )
