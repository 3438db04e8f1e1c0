"""What is fuzzed: each target takes bytes, and raises if a promise of ours does not hold."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from base64 import b64encode
from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import Any, NamedTuple

from clerk_hooks import (
    Delivery,
    Endpoint,
    MemoryStore,
    PayloadError,
    Reply,
    Router,
    VerificationError,
    Verifier,
)
from clerk_hooks.adapters.asgi import asgi_app
from clerk_hooks.adapters.aws_lambda import lambda_handler
from clerk_hooks.adapters.wsgi import wsgi_app
from clerk_hooks.cli._recorder import Arrival
from clerk_hooks.cli._recording import line_of, read_recording
from clerk_hooks.cli._usage import UsageError
from clerk_hooks.cli.explain import _headers as read_headers_file
from clerk_hooks.testing import explain as explain_delivery

from . import seeds
from .request import NOW, SECRET, Request, read

VERIFIER = Verifier(SECRET, clock=lambda: NOW)


class Formatting(logging.Handler):
    """Formats each record, as a program's own handler would."""

    def emit(self, record: logging.LogRecord) -> None:
        assert "\n" not in record.getMessage()
        assert SECRET not in self.format(record)  # With the traceback of a handler.


def watch_the_log() -> None:
    """Have a record fail its target that has no one line, or has the secret in it."""
    logger = logging.getLogger("clerk_hooks")
    logger.addHandler(Formatting())
    logger.setLevel(logging.INFO)
    logger.propagate = False


def verify(data: bytes) -> None:
    """A delivery is accepted if, and only if, the rules of the page on verifying say so."""
    request = read(data)
    as_text = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers]
    for headers in (request.headers, as_text):
        try:
            delivery = VERIFIER.verify(request.body, headers)
        except VerificationError:
            assert not request.is_genuine
        else:
            assert request.is_genuine
            assert delivery.payload == request.body


def parsing(data: bytes) -> None:
    """A verified body is an event or a `PayloadError`, and its readings agree in any order."""
    names = ("type", "event", "json")
    first = readings(Delivery("msg_1", NOW, data), names)
    last = readings(Delivery("msg_1", NOW, data), names[::-1])
    assert first["type"] == last["type"]
    assert type(first["event"]) is type(last["event"])
    assert (first["event"] is None) <= (last["event"] is None)
    if first["event"] is not None:
        assert first["event"].type == first["type"]
        first["event"].model_dump()
        repr(first["event"])
    if first["type"] is not None and first["json"] is not None:
        assert first["json"]["type"] == first["type"]


def readings(delivery: Delivery, names: tuple[str, ...]) -> dict[str, Any]:
    found = {}
    for name in names:
        try:
            found[name] = delivery.json() if name == "json" else getattr(delivery, name)
        except PayloadError:
            found[name] = None
    return found


class Receiver:
    """An endpoint that has received nothing, and how often its handler ran."""

    def __init__(self) -> None:
        self.runs = 0
        router = Router()
        router.on("*", name="count", drop_stale=True)(self._handle)
        self.endpoint = Endpoint(router, verifier=VERIFIER, store=MemoryStore(), max_body=20_000)

    def _handle(self, event: object) -> None:
        self.runs += 1

    def check(self, request: Request, reply: Reply) -> None:
        """A reply is what the request deserves."""
        if len(request.body) > self.endpoint.max_body:
            assert reply.status == 413
        elif not request.is_genuine:
            assert reply.status == 400
        elif reply.status == 500:
            assert_time_is_unreadable(request)
        else:
            assert reply.status in (200, 422)
        assert self.runs == (reply.status == 200)


def assert_time_is_unreadable(request: Request) -> None:
    """The only reason for a 500: the handler drops stale events, so it needs the event's time."""
    unreadable = Delivery("msg_1", 1, request.body).event.unreadable
    assert {"data.updated_at", "timestamp"}.intersection(unreadable)


def endpoint(data: bytes) -> None:
    """Only genuine deliveries are handled, and nothing but a reply comes of any other."""
    request, receiver = read(data), Receiver()
    receiver.check(request, receiver.endpoint.receive(request.body, request.headers))


def adapters(data: bytes) -> None:
    """An adapter, one of three by the length, answers as the endpoint does."""
    request = read(data)
    adapter = (through_wsgi, through_asgi, through_lambda)[len(data) % 3]
    receiver, plain = Receiver(), Receiver()
    headers, status = adapter(request, receiver.endpoint)
    expected = plain.endpoint.receive(request.body, headers)
    if status == 500:
        assert_time_is_unreadable(request)
    assert status <= 500
    # A Content-Length that lies is refused, or cuts the body off.
    if not any(name.lower() == b"content-length" for name, _ in request.headers):
        assert status == expected.status, (adapter, status, expected)
        assert receiver.runs == plain.runs


def through_wsgi(request: Request, endpoint: Endpoint) -> tuple[Any, int]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.input": BytesIO(request.body),
    }
    for name, value in request.headers:
        key = name.decode("latin-1").upper().replace("-", "_")
        key = key if key in ("CONTENT_LENGTH", "CONTENT_TYPE") else f"HTTP_{key}"
        environ[key] = value.decode("latin-1")
    statuses: list[str] = []
    wsgi_app(endpoint)(environ, lambda status, headers, *_: statuses.append(status))  # type: ignore[arg-type,return-value]
    return environ, int(statuses[0][:3])


def through_asgi(request: Request, endpoint: Endpoint) -> tuple[Any, int]:
    half = len(request.body) // 2
    arriving = [
        {"type": "http.request", "body": request.body[:half], "more_body": True},
        {"type": "http.request", "body": request.body[half:]},
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return arriving.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    async def run_sync(function: Callable[[], object]) -> Any:
        return function()

    headers = [(name.lower(), value) for name, value in request.headers]
    scope = {"type": "http", "method": "POST", "headers": headers}
    application: Any = asgi_app(endpoint, run_sync=run_sync)
    loop().run_until_complete(application(scope, receive, send))
    return headers, int(sent[0]["status"])


@cache
def loop() -> asyncio.AbstractEventLoop:
    """One for all requests."""
    return asyncio.new_event_loop()


def through_lambda(request: Request, endpoint: Endpoint) -> tuple[Any, int]:
    headers: dict[str, list[str]] = {}
    for name, value in request.headers:
        headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    event = {
        "httpMethod": "POST",
        "multiValueHeaders": headers,
        "body": b64encode(request.body).decode(),
        "isBase64Encoded": True,
    }
    return headers, lambda_handler(endpoint)(event, None)["statusCode"]


def explain(data: bytes) -> None:
    """Every delivery gets an explanation, with the verdict of the rules and without the secret."""
    request = read(data)
    found = explain_delivery(request.body, request.headers, secret=SECRET, now=NOW)
    assert found.verified == request.is_genuine
    assert found.message
    assert SECRET.removeprefix("whsec_") not in found.message + found.advice


class File(NamedTuple):
    """What stands for a `Path`, as disks are slow."""

    content: bytes

    def open(self, mode: str) -> BytesIO:
        return BytesIO(self.content)

    def read_text(self, encoding: str, errors: str) -> str:
        return self.content.decode(encoding, errors)


def recordings(data: bytes) -> None:
    """A file is read, or refused with a `UsageError`; a recorded delivery is read unchanged."""
    file: Any = File(data)
    with contextlib.suppress(UsageError):
        read_headers_file(file)
    with contextlib.suppress(UsageError):
        for delivery in read_recording(file):
            arrival = Arrival(delivery.body, delivery.headers, None, 200, 0.1)  # type: ignore[arg-type]
            recorded: Any = File(line_of(arrival).encode())
            try:
                (again,) = read_recording(recorded)
            except UsageError as error:
                raise AssertionError("it cannot be read again") from error
            assert again.body == delivery.body
            assert sorted(again.headers) == sorted(delivery.headers)


TARGETS: dict[Callable[[bytes], None], Callable[[], list[bytes]]] = {
    verify: seeds.requests,
    parsing: seeds.bodies,
    endpoint: seeds.requests,
    adapters: seeds.requests,
    explain: seeds.requests,
    recordings: seeds.recordings,
}
"""Each target, and what its corpus begins with."""
