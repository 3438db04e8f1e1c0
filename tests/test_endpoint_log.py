"""What a request leaves in the log: one record on how it ended, and no payload or secret ever."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from clerk_hooks import (
    AbortDelivery,
    Endpoint,
    InputTypeError,
    MethodNotAllowed,
    Reply,
    Router,
    sign,
)

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"type":"user.created","data":{"id":"user_1","first_name":"a private name"}}'
UNREADABLE = b'{"type":"user.created","data":{"id":["a private name"]}}'

Receive = Callable[[Endpoint, Any, Any], Reply]


@pytest.fixture
def endpoint(router: Router, caplog: pytest.LogCaptureFixture) -> Endpoint:
    caplog.set_level(logging.DEBUG, "clerk_hooks")
    return Endpoint(router, secret=SECRET)


def headers_of(body: bytes) -> dict[str, str]:
    return sign(body, secret=SECRET, message_id="msg_1")


def last_record(caplog: pytest.LogCaptureFixture) -> Any:
    return [record for record in caplog.records if record.name == "clerk_hooks"][-1]


def raising(error: Exception) -> Callable[[object], None]:
    def raises(event: object) -> None:
        raise error

    return raises


def taking(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every request take `seconds`."""
    monkeypatch.setattr("clerk_hooks.observe.perf_counter", iter([100.0, 100.0 + seconds]).__next__)


@pytest.mark.parametrize("outcome", ["handled", "unhandled"])
def test_an_accepted_delivery_is_told_at_info(
    router: Router,
    endpoint: Endpoint,
    receive: Receive,
    outcome: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taking(2.5, monkeypatch)
    if outcome == "handled":
        router.on("user.created")(lambda event: None)
    receive(endpoint, BODY, headers_of(BODY))
    record = last_record(caplog)
    assert record.levelno == logging.INFO
    assert record.message == f"msg_1 user.created: {outcome} after 2.500 s"
    fields = (record.message_id, record.event_type, record.outcome, record.duration)
    assert fields == ("msg_1", "user.created", outcome, 2.5)


def test_a_refused_request_is_told_at_warning_with_its_reason(
    endpoint: Endpoint,
    receive: Receive,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taking(0.5, monkeypatch)
    reply = receive(endpoint, BODY, headers_of(BODY) | {"svix-timestamp": "noon"})
    assert reply.status == 400
    record = last_record(caplog)
    assert record.levelno == logging.WARNING
    assert (record.outcome, record.reason) == ("refused", "bad_timestamp")
    assert record.message.startswith("refused after 0.500 s, bad_timestamp: the time")


@pytest.mark.parametrize(
    ("body", "reason", "event_type"),
    [(b"{", "not_json", None), (b"{}", "no_type", None), (UNREADABLE, "bad_shape", "user.created")],
)
def test_an_unreadable_delivery_is_told_at_warning_with_its_message_id(
    router: Router,
    endpoint: Endpoint,
    receive: Receive,
    body: bytes,
    reason: str,
    event_type: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    router.on("*")(lambda event: None)
    assert receive(endpoint, body, headers_of(body)).status == 422
    record = last_record(caplog)
    assert record.levelno == logging.WARNING
    assert (record.message_id, record.event_type, record.reason) == ("msg_1", event_type, reason)


@pytest.mark.parametrize(
    ("errors", "outcome"),
    [
        ([ValueError("what the handler says")], "failed"),
        ([AbortDelivery()], "aborted"),
        ([AbortDelivery(), ValueError()], "failed"),
    ],
)
def test_a_failed_delivery_adds_one_line_without_the_traceback_to_that_of_its_handler(
    router: Router,
    endpoint: Endpoint,
    receive: Receive,
    errors: list[Exception],
    outcome: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for error in errors:
        router.on("user.created")(raising(error))
    receive(endpoint, BODY, headers_of(BODY))
    *of_handlers, record = [record for record in caplog.records if record.name == "clerk_hooks"]
    assert [each.levelno for each in of_handlers] == [logging.ERROR] * len(errors)
    assert all(each.exc_info for each in of_handlers)
    assert (record.levelno, record.exc_info) == (logging.INFO, None)
    assert record.message.startswith(f"msg_1 user.created: {outcome} after ")


@pytest.mark.parametrize(("seconds", "slow"), [(15.0, False), (15.001, True), (3600.0, True)])
@pytest.mark.parametrize("fails", [False, True])
def test_a_delivery_that_took_over_15_seconds_is_a_warning(
    router: Router,
    endpoint: Endpoint,
    receive: Receive,
    seconds: float,
    slow: bool,
    fails: bool,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taking(seconds, monkeypatch)
    router.on("user.created")(raising(ValueError()) if fails else lambda event: None)
    receive(endpoint, BODY, headers_of(BODY))
    record = last_record(caplog)
    assert record.levelno == (logging.WARNING if slow else logging.INFO)
    assert ("Svix gives up after 15 s" in record.message) is slow
    assert record.duration == pytest.approx(seconds)


@pytest.mark.parametrize(("seconds", "slow"), [(15.0, False), (15.001, True)])
def test_it_is_one_too_where_nothing_else_of_success_is_logged(
    router: Router,
    endpoint: Endpoint,
    receive: Receive,
    seconds: float,
    slow: bool,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.WARNING, "clerk_hooks")
    taking(seconds, monkeypatch)
    router.on("user.created")(lambda event: None)
    receive(endpoint, BODY, headers_of(BODY))
    levels = [record.levelno for record in caplog.records if record.name == "clerk_hooks"]
    assert levels == [logging.WARNING] * slow


def test_what_a_warning_hides_costs_no_record(
    router: Router, endpoint: Endpoint, receive: Receive, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "clerk_hooks")
    router.on("user.created")(lambda event: None)
    assert receive(endpoint, BODY, headers_of(BODY)).status == 200
    assert [record for record in caplog.records if record.name == "clerk_hooks"] == []


def test_reply_logs_what_the_adapter_found_and_for_error_does_not(
    endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    Reply.for_error(MethodNotAllowed())
    assert caplog.records == []
    endpoint.reply(MethodNotAllowed())
    (record,) = caplog.records
    assert (record.levelno, record.reason) == (logging.WARNING, "method_not_allowed")  # type: ignore[attr-defined]


def test_a_mistake_of_the_caller_is_raised_and_not_logged(
    endpoint: Endpoint, receive: Receive, caplog: pytest.LogCaptureFixture
) -> None:
    nothing: Any = None
    with pytest.raises(InputTypeError):
        receive(endpoint, nothing, {})
    with pytest.raises(InputTypeError):
        endpoint.reply(InputTypeError())
    assert [record for record in caplog.records if record.name == "clerk_hooks"] == []


def everything_of(record: logging.LogRecord) -> str:
    """The line with its traceback, and every field there is."""
    formatted = logging.Formatter("%(message)s").format(record)
    return f"{formatted} {vars(record)!r}"


@pytest.mark.parametrize("body", [BODY, UNREADABLE, b'"a private name', b'["a private name"]'])
@pytest.mark.parametrize("change", [{}, {"svix-timestamp": "1"}, {"svix-signature": "v1,CANARY"}])
def test_no_record_shows_payload_secret_or_signature(
    router: Router,
    endpoint: Endpoint,
    receive: Receive,
    body: bytes,
    change: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    router.on("*")(raising(LookupError()))
    headers = headers_of(body) | change
    receive(endpoint, body, headers)
    text = "\n".join(everything_of(r) for r in caplog.records if r.name == "clerk_hooks")
    assert text
    for private in ("a private name", SECRET[6:], headers["svix-signature"][3:]):
        assert private not in text


@pytest.mark.parametrize("header", ["svix-id", "svix-timestamp", "svix-signature", "x-other"])
@pytest.mark.parametrize("extra", ["\nCRITICAL root:", "\r", "\x1b[2J", "%s %(CANARY)s", "{0}"])
def test_a_stranger_writes_nothing_into_the_log(
    endpoint: Endpoint,
    receive: Receive,
    header: str,
    extra: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    headers = headers_of(BODY)
    headers["svix-signature"] = "v1,x"
    headers |= {header: headers.get(header, "") + f"CANARY{extra}CANARY"}
    assert receive(endpoint, BODY, headers).status == 400
    record = last_record(caplog)
    assert "CANARY" not in everything_of(record)
    assert record.message.isprintable()
    assert (record.message_id, record.event_type) == (None, None)
