"""The AWS Lambda adapter: events of each kind, and what may be in them."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from clerk_hooks import Endpoint, InputTypeError, MalformedRequest, Reply, Router
from clerk_hooks.adapters.aws_lambda import lambda_handler

from .application import SECRET, payload, signed
from .gateway import EVENTS, answer_of, event_of
from .servers import Answer

each_kind = pytest.mark.parametrize("kind", EVENTS)
BODY = payload("invoice.paid", name="é 漢 😀")


@pytest.fixture
def seen() -> list[bytes]:
    """The payloads that the handler has seen."""
    return []


@pytest.fixture
def endpoint(seen: list[bytes]) -> Endpoint:
    router = Router()
    router.on_unknown()(lambda event, delivery: seen.append(delivery.payload))
    return Endpoint(router, secret=SECRET, max_body=1000)


def ask(endpoint: Endpoint, kind: str, event: dict[str, Any]) -> Answer:
    return answer_of(kind, lambda_handler(endpoint)(event, None))


@each_kind
@pytest.mark.parametrize("base64", [False, True])
def test_a_body_arrives_as_it_was_sent_as_text_and_in_base64(
    endpoint: Endpoint, seen: list[bytes], kind: str, base64: bool
) -> None:
    body, headers = signed(BODY)
    answer = ask(endpoint, kind, event_of(kind, body, headers.items(), base64=base64))
    assert answer == Answer.of(endpoint.receive(body, headers))
    assert seen == [body, body]


@each_kind
@pytest.mark.parametrize(
    "body", ["{}", "not base64!", "e30", "é", "e30=\n", b64encode(b"x").decode() + "="]
)
def test_a_body_that_is_not_the_base64_it_should_be_is_a_malformed_request(
    endpoint: Endpoint, kind: str, body: str
) -> None:
    event = event_of(kind, b"", []) | {"body": body, "isBase64Encoded": True}
    error = MalformedRequest("the body is not the base64 that the event says it is")
    assert ask(endpoint, kind, event) == Answer.of(Reply.for_error(error))


@each_kind
@pytest.mark.parametrize("body", [None, ""])
def test_an_event_without_a_body_has_an_empty_one(
    endpoint: Endpoint, kind: str, body: str | None
) -> None:
    _, headers = signed(b"")
    answer = ask(endpoint, kind, event_of(kind, b"", headers.items()) | {"body": body})
    assert answer == Answer.of(endpoint.receive(b"", headers))
    assert answer.status == 422


@each_kind
def test_a_body_over_the_limit_is_too_large_also_in_base64(endpoint: Endpoint, kind: str) -> None:
    for base64 in (False, True):
        event = event_of(kind, *signed(b"-" * 1001)[:1], [], base64=base64)
        assert ask(endpoint, kind, event).status == 413


@each_kind
@pytest.mark.parametrize("name", ["svix-id", "svix-timestamp", "svix-signature"])
def test_a_signature_header_that_came_twice_with_two_values_is_never_handled(
    endpoint: Endpoint, seen: list[bytes], kind: str, name: str
) -> None:
    body, headers = signed(BODY)
    event = event_of(kind, body, [(name, "v1,x"), *headers.items()])
    if "multiValueHeaders" in event or event.get("version") == "2.0":
        assert ask(endpoint, kind, event).status == 400
        assert seen == []
    else:  # A load balancer keeps the last copy, and nobody learns of the other.
        assert ask(endpoint, kind, event).status == 200


@each_kind
@pytest.mark.parametrize("nothing", [None, {}])
def test_an_event_without_headers_is_refused_not_a_crash(
    endpoint: Endpoint, kind: str, nothing: dict[str, str] | None
) -> None:
    event = event_of(kind, BODY, [])
    event |= {name: nothing for name in ("headers", "multiValueHeaders") if name in event}
    answer = ask(endpoint, kind, event)
    assert answer == Answer.of(endpoint.receive(BODY, {}))
    assert answer.status == 400


def test_a_load_balancer_is_told_the_status_in_words(endpoint: Endpoint) -> None:
    for kind in ("lambda-alb", "lambda-alb_multi_value"):
        reply = lambda_handler(endpoint)(event_of(kind, b"", [], "GET"), None)
        assert reply["statusDescription"] == "405 Method Not Allowed"


@pytest.mark.parametrize(
    "event",
    [
        *[{}, {"Records": []}, {"requestContext": {}}, {"requestContext": None}, [], "x", None],
        *[{"httpMethod": "POST", "requestContext": context} for context in (5, True, "x", [], ())],
        *[{"requestContext": {"http": http}} for http in (None, 5, "POST", [])],
    ],
)
def test_an_event_that_is_no_request_is_a_mistake_of_the_program(
    endpoint: Endpoint, event: Any
) -> None:
    with pytest.raises(InputTypeError, match="not an HTTP request"):
        lambda_handler(endpoint)(event, None)


def test_a_body_that_is_no_text_is_a_mistake_of_the_program(endpoint: Endpoint) -> None:
    body, headers = signed(BODY)
    event = event_of("lambda-api_gateway_v2", body, headers.items())
    for flag in (False, True):
        with pytest.raises(InputTypeError, match="raw request body"):
            lambda_handler(endpoint)({**event, "body": {"a": 1}, "isBase64Encoded": flag}, None)


def test_a_load_balancer_without_multi_value_headers_gets_none(endpoint: Endpoint) -> None:
    """Tools that write an event again may add the key, with a null."""
    body, headers = signed(BODY)
    event = {**event_of("lambda-alb", body, headers.items()), "multiValueHeaders": None}
    reply = lambda_handler(endpoint)(event, None)
    assert reply["headers"] == {"content-type": "application/json"}
    assert "multiValueHeaders" not in reply
