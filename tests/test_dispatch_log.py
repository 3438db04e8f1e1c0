"""What a failed handler leaves in the log, whoever dispatches."""

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from clerk_hooks import AbortDelivery, Delivery, HandlerError, Router, dispatch, parse_event

PAYLOAD = {"type": "user.created", "data": {"id": "user_1", "first_name": "a private name"}}
DELIVERY = Delivery("msg_1", 1_700_000_000, json.dumps(PAYLOAD).encode())

Dispatch = Callable[[Router, Any], None]
both = pytest.mark.parametrize(
    "run",
    [
        pytest.param(lambda router, subject: router.dispatch(subject), id="dispatch"),
        pytest.param(
            lambda router, subject: asyncio.run(router.adispatch(subject)), id="adispatch"
        ),
    ],
)


@pytest.fixture
def router() -> Router:
    return Router()


def failing_with(error: Exception) -> Callable[[object], None]:
    def fails(event: object) -> None:
        raise error

    return fails


@both
def test_each_failure_is_one_record(
    router: Router, run: Dispatch, caplog: pytest.LogCaptureFixture
) -> None:
    @router.on("user.created", name="second")
    async def fails_too(event: object) -> None:
        raise LookupError

    router.on("user.created", name="first")(failing_with(ValueError()))
    router.on("user.created")(lambda event: None)
    with pytest.raises(HandlerError) as caught:
        run(router, DELIVERY)
    assert [(record.name, record.levelno) for record in caplog.records] == [
        ("clerk_hooks", logging.ERROR)
    ] * 2
    assert [record.handler for record in caplog.records] == ["second", "first"]  # type: ignore[attr-defined]
    errors = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert tuple(errors) == caught.value.errors


@both
@pytest.mark.parametrize(
    ("error", "outcome"), [(ValueError(), "failed"), (AbortDelivery(), "aborted")]
)
def test_the_record_says_of_whom_it_is(
    router: Router,
    run: Dispatch,
    error: Exception,
    outcome: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dispatch, "perf_counter", iter([100.0, 102.5]).__next__)
    router.on("user.created", name="welcome")(failing_with(error))
    with pytest.raises(HandlerError):
        run(router, DELIVERY)
    (record,) = caplog.records
    fields = ("message_id", "event_type", "handler", "outcome", "duration")
    values = ("msg_1", "user.created", "welcome", outcome, 2.5)
    assert tuple(getattr(record, field) for field in fields) == values
    assert record.message == f"msg_1 user.created: handler welcome {outcome} after 2.500 s"


@both
def test_the_traceback_leads_into_the_handler_and_shows_no_payload(
    router: Router, run: Dispatch, caplog: pytest.LogCaptureFixture
) -> None:
    @router.on("user.created")
    def welcome(event: object) -> None:
        raise LookupError("what the handler itself says")

    with pytest.raises(HandlerError):
        run(router, DELIVERY)
    assert "in welcome" in caplog.text
    assert "LookupError: what the handler itself says" in caplog.text
    assert "a private name" not in caplog.text


@both
def test_an_event_alone_has_no_message_id(
    router: Router, run: Dispatch, caplog: pytest.LogCaptureFixture
) -> None:
    router.on("user.created")(failing_with(ValueError()))
    with pytest.raises(HandlerError):
        run(router, parse_event(PAYLOAD))
    (record,) = caplog.records
    assert record.message_id is None  # type: ignore[attr-defined]
    assert record.message.startswith("user.created: handler ")


@both
def test_what_goes_well_is_not_logged(
    router: Router, run: Dispatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "clerk_hooks")
    router.on("user.created")(lambda event: None)
    run(router, DELIVERY)
    assert [record for record in caplog.records if record.name == "clerk_hooks"] == []
