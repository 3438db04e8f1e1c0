"""Which outcome gets which reply: every row of the table in docs and design that exists yet."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from clerk_hooks import (
    AbortDelivery,
    ClerkHooksError,
    Endpoint,
    HandlerError,
    InProgress,
    LengthRequired,
    MalformedRequest,
    MethodNotAllowed,
    PayloadError,
    Reply,
    RequestTooLarge,
    Router,
    StoreUnavailable,
    sign,
)

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"type":"user.created","data":{"id":"user_1"}}'
JSON = {"content-type": "application/json"}
ABORT = {**JSON, "webhook-delivery": "abort-message"}
NOW = datetime.now(timezone.utc)

Receive = Callable[[Endpoint, Any, Any], Reply]


@pytest.fixture
def endpoint(router: Router) -> Endpoint:
    return Endpoint(router, secret=SECRET)


def signed(body: bytes = BODY, **options: Any) -> tuple[bytes, dict[str, str]]:
    return body, sign(body, secret=SECRET, **options)


def content(reply: Reply) -> Any:
    assert dict(reply.headers).items() >= JSON.items()
    return json.loads(reply.body)


def raising(error: Exception) -> Callable[[object], None]:
    def raises(event: object) -> None:
        raise error

    return raises


@pytest.mark.parametrize("is_async", [False, True])
def test_handled(router: Router, endpoint: Endpoint, receive: Receive, is_async: bool) -> None:
    async def handler(event: object) -> str:
        return "what it gives back is nobody's business"

    router.on("user.created")(handler if is_async else lambda event: "")
    assert receive(endpoint, *signed()) == (200, b'{"outcome":"handled"}', JSON)


def test_nobody_listens(router: Router, endpoint: Endpoint, receive: Receive) -> None:
    router.on("session.created")(lambda event: None)
    assert receive(endpoint, *signed()) == (200, b'{"outcome":"unhandled"}', JSON)


def test_what_nobody_listens_to_is_not_parsed(endpoint: Endpoint, receive: Receive) -> None:
    body, headers = signed(b'{"type":"user.created","data":"no user"}')
    assert receive(endpoint, body, headers).body == b'{"outcome":"unhandled"}'


@pytest.mark.parametrize("data", ['{"id":"user_1"}', '"no user"'])
def test_a_body_that_begins_with_the_type_of_another_event_gets_its_own_reply(
    router: Router, endpoint: Endpoint, receive: Receive, data: str
) -> None:
    router.on("user.created")(lambda event: None)
    body = '{"x":{"type":"user.created"},"type":"%s","data":' + data + "}"
    unhandled = receive(endpoint, *signed((body % "user.updated").encode()))
    assert unhandled.body == b'{"outcome":"unhandled"}'
    router.on("user.updated")(lambda event: None)
    handled = receive(endpoint, *signed((body % "user.updated").encode()))
    assert handled.status == (200 if "user_1" in data else 422)


def test_an_unknown_event_is_handled_where_somebody_wants_it(
    router: Router, endpoint: Endpoint, receive: Receive
) -> None:
    request = signed(b'{"type":"user.promoted","data":null}')
    router.on("user.*")(lambda event: None)
    assert receive(endpoint, *request).body == b'{"outcome":"unhandled"}'
    router.on_unknown("user.promoted")(lambda event: None)
    assert receive(endpoint, *request).body == b'{"outcome":"handled"}'


def replaced(**values: str | None) -> Mapping[str, Any]:
    headers = {**signed()[1], **{f"svix-{name}": value for name, value in values.items()}}
    return {name: value for name, value in headers.items() if value is not None}


@pytest.mark.parametrize(
    ("headers", "reason"),
    [  # Made when the test runs: a signature is good for five minutes.
        pytest.param(dict, "missing_header", id="none"),
        pytest.param(lambda: replaced(signature=None), "missing_header", id="no signature"),
        pytest.param(lambda: replaced(timestamp="12:00"), "bad_timestamp", id="timestamp"),
        pytest.param(lambda: replaced(id="msg.1"), "bad_message_id", id="message id"),
        pytest.param(lambda: signed(timestamp=NOW - timedelta(hours=1))[1], "too_old", id="old"),
        pytest.param(lambda: signed(timestamp=NOW + timedelta(hours=1))[1], "too_new", id="new"),
        pytest.param(lambda: replaced(id="msg_2"), "no_match", id="forged"),
        pytest.param(lambda: replaced(signature="v1,AAAA"), "no_match", id="signature"),
        pytest.param(
            lambda: [("svix-id", "a"), ("svix-id", "b")], "duplicate_header", id="duplicate"
        ),
    ],
)
def test_refused(
    router: Router,
    endpoint: Endpoint,
    receive: Receive,
    headers: Callable[[], Any],
    reason: str,
) -> None:
    router.on("*")(lambda event: pytest.fail("was run"))
    reply = receive(endpoint, BODY, headers())
    assert (reply.status, reply.headers) == (400, JSON)
    assert content(reply)["error"] == reason
    assert content(reply)["message"]
    assert content(reply).keys() == {"error", "message"}


def test_a_body_that_was_changed_is_refused(endpoint: Endpoint, receive: Receive) -> None:
    body, headers = signed()
    reply = receive(endpoint, body + b" ", headers)
    assert (reply.status, content(reply)["error"]) == (400, "no_match")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_json"),
        (b"\xff", "not_json"),
        (b'{"type":"user.created",', "not_json"),
        (b"{}", "no_type"),
        (b'["user.created"]', "no_type"),
        (b'{"type":5}', "no_type"),
        (b'{"type":"user.created"}', "bad_shape"),
        (b'{"type":"user.created","data":{"id":{"a private":"id"}}}', "bad_shape"),
    ],
)
def test_verified_but_unreadable(
    router: Router, endpoint: Endpoint, receive: Receive, body: bytes, reason: str
) -> None:
    router.on("*")(lambda event: pytest.fail("was run"))
    reply = receive(endpoint, *signed(body))
    assert (reply.status, reply.headers) == (422, JSON)
    assert content(reply)["error"] == reason
    assert "a private" not in content(reply)["message"]


@pytest.mark.parametrize("error", [ValueError("a private detail"), PayloadError(), MemoryError()])
def test_a_handler_that_raised(
    router: Router, endpoint: Endpoint, receive: Receive, error: Exception
) -> None:
    router.on("user.created")(raising(error))
    router.on("user.created")(lambda event: None)
    assert receive(endpoint, *signed()) == (500, b'{"error":"handler_failed"}', JSON)


class Hopeless(AbortDelivery):
    reason = "of_ones_own"


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([AbortDelivery("a detail")], (422, b'{"error":"aborted"}', ABORT)),
        ([AbortDelivery(), Hopeless()], (422, b'{"error":"aborted"}', ABORT)),
        ([AbortDelivery(), ValueError()], (500, b'{"error":"handler_failed"}', JSON)),
        ([ValueError(), AbortDelivery()], (500, b'{"error":"handler_failed"}', JSON)),
    ],
    ids=["one", "all", "first", "last"],
)
def test_svix_is_told_to_stop_only_where_every_failure_says_so(
    router: Router,
    endpoint: Endpoint,
    receive: Receive,
    errors: list[Exception],
    expected: tuple[int, bytes, dict[str, str]],
) -> None:
    router.on("user.created")(lambda event: None)
    for error in errors:
        router.on("user.created")(raising(error))
    assert receive(endpoint, *signed()) == expected


def as_text(body: bytes) -> str:
    return body.decode()


@pytest.mark.parametrize("form", [bytes, bytearray, memoryview, as_text])
def test_a_body_over_the_limit(
    router: Router, receive: Receive, form: Callable[[bytes], Any]
) -> None:
    body, headers = signed('{"type":"user.created","data":{"id":"é漢😀"}}'.encode())
    at_the_limit = Endpoint(router, secret=SECRET, max_body=len(body))
    over_the_limit = Endpoint(router, secret=SECRET, max_body=len(body) - 1)
    assert receive(at_the_limit, form(body), headers).status == 200
    reply = receive(over_the_limit, form(body), headers)
    assert (reply.status, content(reply)["error"]) == (413, "too_large")


def test_what_is_too_large_is_not_verified(router: Router, receive: Receive) -> None:
    reply = receive(Endpoint(router, secret=SECRET, max_body=0), b"x", {})
    assert reply.status == 413
    assert receive(Endpoint(router, secret=SECRET, max_body=0), *signed(b"")).status == 422


@pytest.mark.parametrize(
    ("error", "status", "headers"),
    [
        (MethodNotAllowed(), 405, {**JSON, "allow": "POST"}),
        (LengthRequired(), 411, JSON),
        (MalformedRequest("too short"), 400, JSON),
        (RequestTooLarge(), 413, JSON),
        (InProgress(), 409, JSON),
        (PayloadError("unreadable", reason="not_json"), 422, JSON),
        (AbortDelivery(), 422, ABORT),
        (Hopeless(), 422, ABORT),
        (StoreUnavailable("a detail"), 503, JSON),
        (HandlerError("a detail"), 500, JSON),
        (HandlerError("a detail", [ValueError()]), 500, JSON),
        (HandlerError("a detail", [AbortDelivery()]), 422, ABORT),
        (ClerkHooksError("a detail"), 500, JSON),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_that_an_adapter_found(
    endpoint: Endpoint, error: ClerkHooksError, status: int, headers: dict[str, str]
) -> None:
    reply = endpoint.reply(error)
    assert reply == Reply.for_error(error)
    assert (reply.status, reply.headers) == (status, headers)
    told = {"message": str(error)} if status < 500 and headers != ABORT else {}
    reason = "aborted" if isinstance(error, HandlerError) and status == 422 else error.reason
    assert content(reply) == {"error": reason, **told}


def test_a_reply_cannot_be_changed_by_the_next_one(endpoint: Endpoint, receive: Receive) -> None:
    reply = receive(endpoint, *signed())
    with pytest.raises(TypeError):
        reply.headers["x"] = "y"  # type: ignore[index]
