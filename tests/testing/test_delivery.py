"""Deliveries for unit tests of handlers: what a verifier would return, without a signature."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from clerk_hooks import Delivery, InputTypeError, MemoryStore, Processor, Router, verify
from clerk_hooks.event_types import EVENT_TYPES
from clerk_hooks.events import UserCreated, UserUpdated
from clerk_hooks.testing import SECRET, delivery, sample, sample_payload, signed_request


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_it_is_what_a_verifier_returns(event_type: str) -> None:
    event = sample(event_type)
    request = signed_request(event, secret=SECRET)
    verified = verify(*request, secret=SECRET)
    made = delivery(event, message_id=request.message_id, attempted_at=request.signed_at)
    assert made.event == event
    assert (made.type, made.json()) == (event_type, verified.json())
    assert made == verified


def test_it_is_made_of_anything_that_can_be_signed() -> None:
    payload = sample_payload("user.created", seed=1)
    for sendable in (payload, sample("user.created", seed=1)):
        assert delivery(sendable).event == sample("user.created", seed=1)
    assert delivery(b'{"type": "invoice.paid"}').type == "invoice.paid"
    assert delivery("not JSON").payload == b"not JSON"
    with pytest.raises(InputTypeError):
        delivery(5)  # type: ignore[arg-type]


def test_each_is_another_message_of_now() -> None:
    before = datetime.now(timezone.utc) - timedelta(seconds=1)
    one, two = delivery(sample("user.created")), delivery(sample("user.created"))
    assert one.message_id != two.message_id
    assert one.message_id.startswith("msg_")
    assert before <= one.attempted_at <= datetime.now(timezone.utc)
    assert one.attempted_at.microsecond == 0


@pytest.mark.parametrize(
    "wrong",
    [{"message_id": 5}, {"attempted_at": "now"}, {"attempted_at": datetime(2026, 1, 1)}],  # noqa: DTZ001
)
def test_an_id_or_a_time_that_no_delivery_has_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputTypeError):
        delivery(sample("user.created"), **wrong)


def run(router: Router, store: MemoryStore | None = None) -> Callable[[Delivery], str]:
    return Processor(router, store=store).process


def test_dispatch_passes_it_to_handlers_that_take_one() -> None:
    router, seen = Router(), []

    @router.on("user.created")
    def note(event: UserCreated, delivery: Delivery) -> None:
        seen.append((event.data.id, delivery.message_id))

    event = sample(UserCreated)
    router.dispatch(delivery(event, message_id="msg_1"))
    asyncio.run(router.adispatch(delivery(event, message_id="msg_2")))
    assert seen == [(event.data.id, "msg_1"), (event.data.id, "msg_2")]


def test_its_context_reaches_the_handlers() -> None:
    router, sessions = Router(), []

    @router.on("user.created")
    def note(event: UserCreated, delivery: Delivery) -> None:
        sessions.append(delivery.context_as(list))

    session: list[str] = []
    router.dispatch(delivery(sample(UserCreated), context=session))
    run(router, MemoryStore())(delivery(sample(UserCreated), context=session))
    assert len(sessions) == 2
    assert all(each is session for each in sessions)


def test_a_processor_runs_handlers_that_need_its_store() -> None:
    router, seen = Router(), []

    @router.on("user.updated", drop_stale=True)
    def note(event: UserUpdated) -> None:
        seen.append(event.data.updated_at)

    process = run(router, MemoryStore())
    event = sample(UserUpdated)
    assert event.data.updated_at is not None
    older = sample(
        UserUpdated,
        {"id": event.data.id, "updated_at": event.data.updated_at - timedelta(seconds=1)},
    )
    first = delivery(event)
    assert [process(first), process(first), process(delivery(older))] == [
        "handled",
        "duplicate",
        "stale",
    ]
    assert seen == [event.data.updated_at]
