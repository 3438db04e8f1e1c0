"""`deliver` calls an AWS Lambda handler as API Gateway would."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clerk_hooks import InputTypeError
from clerk_hooks.adapters.aws_lambda import lambda_handler
from clerk_hooks.testing import SECRET, SignedRequest, deliver, sample, signed_request

from .applications import Seen

RECORDED = Path(__file__).parents[1] / "adapters" / "events" / "api_gateway_v2.json"


def shape(event: dict[str, Any]) -> dict[str, Any]:
    """The names in an event, but for those of headers, and the types of their values."""
    return {
        name: shape(value) if isinstance(value, dict) and name != "headers" else type(value)
        for name, value in event.items()
    }


class Recorder:
    """A handler that keeps what it gets, and gives one answer."""

    def __init__(self, answer: object = None) -> None:
        self.answer = {"statusCode": 200} if answer is None else answer
        self.event: dict[str, Any] = {}
        self.context: Any = None

    def __call__(self, event: dict[str, Any], context: Any) -> Any:
        self.event, self.context = event, context
        return self.answer


def test_the_handler_of_the_adapter_takes_it() -> None:
    seen = Seen()
    handler = lambda_handler(seen.endpoint())
    request = signed_request(sample("user.created"), secret=SECRET)
    reply = deliver(handler, request)
    assert (reply.status, reply.body) == (200, b'{"outcome":"handled"}')
    assert reply.headers["content-type"] == "application/json"
    assert deliver(handler, request.forged()).status == 400
    assert seen == ["user.created"]


def with_default(event: Any, context: Any = None) -> Any:
    return {"statusCode": 200}


def unused(event: Any, _context: Any) -> Any:
    return {"statusCode": 200}


class Service:
    def handle(self, event: Any, context: Any) -> Any:
        return {"statusCode": 200}


@pytest.mark.parametrize(
    "handler",
    [
        with_default,
        unused,
        lambda event, _: {"statusCode": 200},
        Service().handle,
        Recorder(),
    ],
)
def test_a_handler_is_known_by_its_second_parameter(handler: Callable[..., Any]) -> None:
    assert deliver(handler, sample("user.created")).status == 200


def test_the_event_has_what_one_of_api_gateway_has() -> None:
    handler = Recorder()
    request = signed_request(sample("user.created"), secret=SECRET)
    deliver(handler, request, path="/hooks/clerk?a=1&b=2")
    event = handler.event
    assert shape(json.loads(json.dumps(event))) == shape(json.loads(RECORDED.read_text("utf-8")))
    assert event["version"] == "2.0"
    assert (event["rawPath"], event["rawQueryString"]) == ("/hooks/clerk", "a=1&b=2")
    assert event["requestContext"]["http"]["method"] == "POST"
    assert event["requestContext"]["http"]["path"] == "/hooks/clerk"
    assert event["headers"].items() >= request.headers.items()
    assert event["headers"]["content-length"] == str(len(request.body))


def test_json_is_text_and_bytes_that_are_not_are_base64() -> None:
    handler = Recorder()
    request = signed_request(sample("user.created", {"first_name": "Zoë"}), secret=SECRET)
    deliver(handler, request)
    assert (handler.event["body"], handler.event["isBase64Encoded"]) == (
        request.body.decode(),
        False,
    )
    deliver(handler, SignedRequest(b"\xff\x00", request.headers))
    assert (handler.event["body"], handler.event["isBase64Encoded"]) == ("/wA=", True)


def test_the_context_is_that_of_a_function() -> None:
    handler = Recorder()
    deliver(handler, sample("user.created"))
    context = handler.context
    assert 0 < context.get_remaining_time_in_millis() <= 30_000
    assert context.invoked_function_arn.startswith("arn:aws:lambda:")
    assert int(context.memory_limit_in_mb)
    for name in ("function_name", "function_version", "aws_request_id", "log_group_name"):
        assert isinstance(getattr(context, name), str)
    assert context.identity is context.client_context is None


def test_every_form_of_a_reply_is_read() -> None:
    encoded = {
        "statusCode": "201",
        "headers": {"Content-Type": "text/plain", "X-Number": 5},
        "multiValueHeaders": {"X-Two": ["a", "b"]},
        "body": b64encode(b"\x00ok").decode(),
        "isBase64Encoded": True,
    }
    reply = deliver(Recorder(encoded), sample("user.created"))
    assert (reply.status, reply.body) == (201, b"\x00ok")
    assert dict(reply.headers) == {"content-type": "text/plain", "x-number": "5", "x-two": "b"}
    empty = {"statusCode": 204, "headers": None, "body": None}
    reply = deliver(Recorder(empty), sample("user.created"))
    assert (reply.status, reply.body, dict(reply.headers)) == (204, b"", {})


@pytest.mark.parametrize("answer", ["ok", {"ok": True}, 200, []])
def test_a_function_that_does_not_answer_is_an_error(answer: object) -> None:
    with pytest.raises(InputTypeError, match="did not answer the request"):
        deliver(Recorder(answer), sample("user.created"))
