"""The WSGI adapter without a server: environs and streams as PEP 3333 allows them."""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clerk_hooks import ConfigurationError, Endpoint, Reply, Router
from clerk_hooks.adapters.wsgi import wsgi_app

from .application import SECRET, payload, signed

MAX_BODY = 100
BODY = payload("invoice.paid")


class Stream:
    """Hands out `chunks` one by one, then nothing or an error; counts the bytes it was asked for.

    A stream may give less than was asked for, and asking for more than there is may block forever.
    """

    def __init__(self, *chunks: bytes, error: Exception | None = None) -> None:
        self.chunks = list(chunks)
        self.error = error
        self.wanted = self.given = 0

    def read(self, size: int) -> bytes:
        self.wanted = max(self.wanted, self.given + size)
        if not self.chunks:
            if self.error is not None:
                raise self.error
            return b""
        chunk = self.chunks.pop(0)
        if chunk[size:]:
            self.chunks.insert(0, chunk[size:])
        self.given += len(chunk[:size])
        return chunk[:size]


@pytest.fixture
def seen() -> list[bytes]:
    """The payloads that the handler has seen."""
    return []


@pytest.fixture
def endpoint(seen: list[bytes]) -> Endpoint:
    router = Router()
    router.on_unknown()(lambda event, delivery: seen.append(delivery.payload))
    return Endpoint(router, secret=SECRET, max_body=MAX_BODY)


def environ_of(headers: dict[str, str], stream: Any, **more: Any) -> dict[str, Any]:
    keys = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    return {"REQUEST_METHOD": "POST", "wsgi.input": stream, **keys, **more}


def call(endpoint: Endpoint, environ: dict[str, Any]) -> Reply:
    """What the application answers, with the headers that it gives to the server."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        started.append((status, headers))

    body = b"".join(wsgi_app(endpoint)(environ, start_response))
    [(status, headers)] = started
    assert len(dict(headers)) == len(headers)
    return Reply(int(status.split()[0]), body, dict(headers))


def complete(reply: Reply) -> Reply:
    return reply._replace(headers={**reply.headers, "content-length": str(len(reply.body))})


def error(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.body.decode().split('"')[3]


def test_a_bare_environ_is_enough(endpoint: Endpoint, seen: list[bytes]) -> None:
    body, headers = signed(BODY)
    reply = call(endpoint, environ_of(headers, BytesIO(body), CONTENT_LENGTH=str(len(body))))
    assert reply == complete(endpoint.receive(body, headers))
    assert seen == [body, body]


def test_the_application_keeps_to_pep_3333(endpoint: Endpoint, seen: list[bytes]) -> None:
    body, headers = signed(BODY)
    environ = environ_of(headers, BytesIO(body), CONTENT_LENGTH=str(len(body)))
    environ["QUERY_STRING"] = ""
    setup_testing_defaults(environ)
    statuses: list[str] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        statuses.append(status)
        return lambda data: None

    result = validator(wsgi_app(endpoint))(environ, start_response)
    assert b"".join(result) == b'{"outcome":"handled"}'
    result.close()  # type: ignore[attr-defined]
    assert statuses == ["200 OK"]
    assert seen == [body]


@given(data=st.data(), body=st.binary(max_size=3 * MAX_BODY), terminated=st.booleans())
def test_any_body_in_any_pieces_gives_the_reply_of_receive(
    data: st.DataObject, body: bytes, terminated: bool
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=5)))
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    stream = Stream(*filter(None, pieces))
    framing = {"wsgi.input_terminated": True} if terminated else {"CONTENT_LENGTH": str(len(body))}
    endpoint = Endpoint(Router(), secret=SECRET, max_body=MAX_BODY)
    _, headers = signed(body)
    reply = call(endpoint, environ_of(headers, stream, **framing))
    assert reply == complete(endpoint.receive(body, headers))
    assert stream.wanted <= (MAX_BODY + 1 if terminated else len(body))


def test_a_body_too_large_by_its_length_is_not_read_at_all(endpoint: Endpoint) -> None:
    stream = Stream(b"-" * 200)
    reply = call(endpoint, environ_of({}, stream, CONTENT_LENGTH=str(MAX_BODY + 1)))
    assert error(reply) == (413, "too_large")
    assert stream.wanted == 0


def test_a_stream_without_a_length_is_read_one_byte_too_far_at_most(endpoint: Endpoint) -> None:
    stream = Stream(*[b"-"] * 200)
    reply = call(endpoint, environ_of({}, stream, **{"wsgi.input_terminated": True}))
    assert error(reply) == (413, "too_large")
    assert stream.given == MAX_BODY + 1


def test_a_length_goes_before_the_end_of_the_stream(endpoint: Endpoint, seen: list[bytes]) -> None:
    body, headers = signed(BODY)
    framing = {"CONTENT_LENGTH": str(len(body)), "wsgi.input_terminated": True}
    stream = Stream(body + b"the next request")
    assert call(endpoint, environ_of(headers, stream, **framing)).status == 200
    assert seen == [body]
    assert stream.given == len(body)


@pytest.mark.parametrize("encoding", ["chunked", "gzip, chunked", "identity"])
def test_a_transfer_encoding_that_nobody_undoes_needs_a_length(
    endpoint: Endpoint, encoding: str
) -> None:
    stream = Stream(b"5\r\nhello\r\n0\r\n\r\n")
    reply = call(endpoint, environ_of({"transfer-encoding": encoding}, stream, CONTENT_LENGTH=""))
    assert error(reply) == (411, "length_required")
    assert stream.wanted == 0


@pytest.mark.parametrize("length", ["abc", "-1", "+1", "1_0", "0x1", "1.0", "1,1", "²", "٣", "1 1"])
def test_a_length_that_is_none_is_a_malformed_request(endpoint: Endpoint, length: str) -> None:
    stream = Stream(b"-")
    reply = call(endpoint, environ_of({}, stream, CONTENT_LENGTH=length))
    assert error(reply) == (400, "malformed_request")
    assert stream.wanted == 0


@pytest.mark.parametrize("form", ["{}", "000{}", " {}\t", "0" * 5000 + "{}"])
def test_a_length_is_read_as_http_writes_it(
    endpoint: Endpoint, seen: list[bytes], form: str
) -> None:
    body, headers = signed(BODY)
    environ = environ_of(headers, BytesIO(body), CONTENT_LENGTH=form.format(len(body)))
    assert call(endpoint, environ).status == 200
    assert seen == [body]


@pytest.mark.parametrize("digits", [3, 20, 5000, 60_000])
def test_a_length_of_any_size_is_too_large_not_a_crash(endpoint: Endpoint, digits: int) -> None:
    reply = call(endpoint, environ_of({}, Stream(), CONTENT_LENGTH="9" * digits))
    assert error(reply) == (413, "too_large")


@pytest.mark.parametrize(
    "framing", [{}, {"CONTENT_LENGTH": ""}, {"CONTENT_LENGTH": None}, {"CONTENT_LENGTH": "0"}]
)
def test_without_a_length_there_is_no_body_and_nothing_is_read(
    endpoint: Endpoint, framing: dict[str, str]
) -> None:
    stream = Stream(BODY)
    _, headers = signed(b"")
    reply = call(endpoint, environ_of(headers, stream, **framing))
    assert error(reply) == (422, "not_json")
    assert stream.wanted == 0


def test_a_body_shorter_than_announced_is_a_malformed_request(endpoint: Endpoint) -> None:
    body, headers = signed(BODY)
    environ = environ_of(headers, BytesIO(body), CONTENT_LENGTH=str(len(body) + 1))
    reply = call(endpoint, environ)
    assert error(reply) == (400, "malformed_request")
    assert b"the body is shorter than its Content-Length" in reply.body


def test_a_body_that_was_read_before_is_told_from_one_that_broke_off(endpoint: Endpoint) -> None:
    body, headers = signed(BODY)
    stream = BytesIO(body)
    stream.read()
    reply = call(endpoint, environ_of(headers, stream, CONTENT_LENGTH=str(len(body))))
    assert error(reply) == (400, "malformed_request")
    assert b"the body was read before this adapter: by a middleware" in reply.body


@pytest.mark.parametrize("failure", [OSError("reset"), ValueError("closed"), TimeoutError()])
@pytest.mark.parametrize("chunks", [[], [b"-"]])
@pytest.mark.parametrize("framing", [{"CONTENT_LENGTH": "9"}, {"wsgi.input_terminated": True}])
def test_a_stream_that_fails_is_a_malformed_request_without_details(
    endpoint: Endpoint, failure: Exception, chunks: list[bytes], framing: dict[str, Any]
) -> None:
    reply = call(endpoint, environ_of({}, Stream(*chunks, error=failure), **framing))
    assert error(reply) == (400, "malformed_request")
    assert b"reset" not in reply.body


@pytest.mark.parametrize("method", ["GET", "HEAD", "post", "PURGE"])
def test_other_methods_are_refused_without_reading(endpoint: Endpoint, method: str) -> None:
    stream = Stream(BODY)
    environ = environ_of({}, stream, CONTENT_LENGTH=str(len(BODY)), REQUEST_METHOD=method)
    reply = call(endpoint, environ)
    assert (reply.status, reply.headers["allow"]) == (405, "POST")
    assert (reply.body == b"") == (method == "HEAD")
    assert stream.wanted == 0


def test_a_mistake_of_the_program_is_raised_not_answered(endpoint: Endpoint) -> None:
    @endpoint.processor.router.on_unknown()
    async def handler(event: object) -> None: ...

    body, headers = signed(BODY)
    environ = environ_of(headers, BytesIO(body), CONTENT_LENGTH=str(len(body)))

    async def serve() -> None:
        call(endpoint, environ)

    with pytest.raises(ConfigurationError, match="areceive"):
        asyncio.run(serve())
