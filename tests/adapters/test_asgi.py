"""The ASGI adapter without a server: scopes and messages as the specification allows them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clerk_hooks import ConfigurationError, Endpoint, MalformedRequest, Reply, Router
from clerk_hooks.adapters.asgi import asgi_app

from .application import SECRET, payload, signed
from .asgi_client import answer_of, ask, exchange, http_scope
from .servers import Answer

MAX_BODY = 100
BODY = payload("invoice.paid")


@pytest.fixture
def seen() -> list[bytes]:
    """The payloads that the handler has seen."""
    return []


@pytest.fixture
def endpoint(seen: list[bytes]) -> Endpoint:
    router = Router()
    router.on_unknown()(lambda event, delivery: seen.append(delivery.payload))
    return Endpoint(router, secret=SECRET, max_body=MAX_BODY)


def part(body: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def run(app: Any, headers: dict[str, str], *messages: dict[str, Any]) -> Answer:
    return answer_of(asyncio.run(exchange(app, http_scope("/", headers), *messages)))


def error(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body.decode().split('"')[3]


def test_a_message_without_a_body_adds_nothing_to_it(endpoint: Endpoint) -> None:
    body, headers = signed(BODY)
    parts = [{"type": "http.request", "more_body": True}, {**part(b""), "body": None}]
    assert run(asgi_app(endpoint), headers, *parts, part(body, more=False)).status == 200


def test_headers_may_be_any_iterable(endpoint: Endpoint, seen: list[bytes]) -> None:
    body, headers = signed(BODY)
    scope = http_scope("/", headers)
    scope["headers"] = iter(scope["headers"])
    answer = answer_of(asyncio.run(exchange(asgi_app(endpoint), scope, part(body, more=False))))
    assert answer.status == 200
    assert seen == [body]


@given(data=st.data(), body=st.binary(max_size=2 * MAX_BODY))
def test_any_body_in_any_pieces_gives_the_reply_of_receive(
    data: st.DataObject, body: bytes
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=5)))
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    messages = [*map(part, pieces[:-1]), part(pieces[-1], more=False)]
    endpoint = Endpoint(Router(), secret=SECRET, max_body=MAX_BODY)
    _, headers = signed(body)
    answer = run(asgi_app(endpoint), headers, *messages)
    assert answer == Answer.of(endpoint.receive(body, headers))


def test_a_message_may_leave_out_what_is_empty(endpoint: Endpoint) -> None:
    answer = run(asgi_app(endpoint), {}, {"type": "http.request"})
    assert error(answer) == (400, "missing_header")


def test_a_body_too_large_by_its_length_is_not_read_at_all(endpoint: Endpoint) -> None:
    async def never() -> Any:
        raise AssertionError("it reads")

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = http_scope("/", {"content-length": str(MAX_BODY + 1)})
    asyncio.run(asgi_app(endpoint)(scope, never, send))  # type: ignore[arg-type]
    assert error(answer_of(sent)) == (413, "too_large")


def test_a_stream_without_a_length_is_read_until_it_is_too_large(endpoint: Endpoint) -> None:
    given = 0

    async def receive() -> dict[str, Any]:
        nonlocal given
        given += 10
        return part(b"0123456789")

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(asgi_app(endpoint)(http_scope("/", {}), receive, send))
    assert error(answer_of(sent)) == (413, "too_large")
    assert given == MAX_BODY + 10


def test_a_blank_length_counts_as_none(endpoint: Endpoint) -> None:
    body, headers = signed(BODY)
    answer = run(asgi_app(endpoint), {**headers, "content-length": " "}, part(body, more=False))
    assert answer == Answer.of(endpoint.receive(body, headers))


@pytest.mark.parametrize("length", ["abc", "-1", "+1", "1_0", "1.0", "²", "1 1"])
def test_a_length_that_is_none_is_a_malformed_request(endpoint: Endpoint, length: str) -> None:
    answer = run(asgi_app(endpoint), {"content-length": length}, part(b"", more=False))
    assert error(answer) == (400, "malformed_request")


@pytest.mark.parametrize("pieces", [[], [b"{"]])
def test_a_client_that_leaves_half_way_is_a_malformed_request_in_the_log(
    endpoint: Endpoint, pieces: list[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    answer = run(asgi_app(endpoint), {}, *map(part, pieces))
    unread = MalformedRequest("the body could not be read to its end")
    assert answer == Answer.of(Reply.for_error(unread))
    assert caplog.records[-1].reason == "malformed_request"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("came", "message"),
    [
        (b"", "the body was read before this adapter: by a middleware, or `request.data`"),
        (b"{", "the body is shorter than its Content-Length"),
    ],
)
def test_a_body_that_was_read_before_is_told_from_one_that_broke_off(
    endpoint: Endpoint, came: bytes, message: str
) -> None:
    answer = run(asgi_app(endpoint), {"content-length": "9"}, part(came, more=False))
    assert answer == Answer.of(Reply.for_error(MalformedRequest(message)))


def test_a_server_that_raises_when_the_client_has_left_is_no_error(
    endpoint: Endpoint, seen: list[bytes]
) -> None:
    body, headers = signed(BODY)

    async def receive() -> dict[str, Any]:
        return part(body, more=False)

    async def send(message: Any) -> None:
        raise BrokenPipeError

    asyncio.run(asgi_app(endpoint)(http_scope("/", headers), receive, send))
    assert seen == [body]


@pytest.mark.parametrize("method", ["GET", "HEAD", "post", "PURGE"])
def test_other_methods_are_refused_without_reading(endpoint: Endpoint, method: str) -> None:
    answer = ask(asgi_app(endpoint), "/", BODY, method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert (answer.body == b"") == (method == "HEAD")


def test_the_lifespan_protocol_is_taken_part_in(endpoint: Endpoint) -> None:
    incoming = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = asyncio.run(exchange(asgi_app(endpoint), {"type": "lifespan"}, *incoming))
    assert [message["type"] for message in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


def test_a_websocket_is_refused_before_it_is_accepted(endpoint: Endpoint) -> None:
    connect = {"type": "websocket.connect"}
    sent = asyncio.run(exchange(asgi_app(endpoint), {"type": "websocket"}, connect))
    assert sent == [{"type": "websocket.close"}]


def test_a_scope_of_any_other_type_is_a_mistake_of_the_program(endpoint: Endpoint) -> None:
    with pytest.raises(ConfigurationError, match="telnet"):
        asyncio.run(exchange(asgi_app(endpoint), {"type": "telnet"}))
