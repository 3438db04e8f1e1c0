"""What is fuzzed: each target takes bytes, and raises if a promise of ours does not hold."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from io import BytesIO
from typing import Any, NamedTuple

from clerk_hooks import (
    Delivery,
    Endpoint,
    MemoryStore,
    PayloadError,
    Router,
    UnreadableValue,
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
from clerk_hooks.event_types import EVENT_TYPES
from clerk_hooks.testing import explain as explain_delivery

from . import seeds
from .request import NOW, SECRET, Request, read
from .request import is_genuine as genuine

VERIFIER = Verifier(SECRET, clock=lambda: NOW)
MAX_BODY = 12_000
"""Bytes. Some inputs are longer."""


class Formatting(logging.Handler):
    """Formats each record, as a program's own handler would."""

    def emit(self, record: logging.LogRecord) -> None:
        assert SECRET not in self.format(record)  # With the traceback of a handler.
        assert "\n" not in record.message


def watch_the_log() -> None:
    """Have a record fail its target that has no one line, or has the secret in it."""
    # What no record needs here ("Optimization" in Python's logging HOWTO).
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logger = logging.getLogger("clerk_hooks")
    logger.addHandler(Formatting())
    logger.setLevel(logging.INFO)
    logger.propagate = False


def verify(data: bytes) -> None:
    """A delivery is accepted if, and only if, the rules of the page on verifying say so.

    Its headers are bytes or text, by the length.
    """
    request = read(data)
    form = as_text(request) if len(data) % 2 else (request.headers, request.is_genuine)
    headers, is_genuine = form
    try:
        delivery = VERIFIER.verify(request.body, headers)
    except VerificationError:
        assert not is_genuine
    else:
        assert is_genuine
        assert delivery.payload == request.body


def as_text(request: Request) -> tuple[Any, bool]:
    """The headers as frameworks decode them, and whether the request is genuine with them."""
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers]
    is_other = any(not value.isascii() for _, value in request.headers)
    return pairs, genuine_with(pairs, request) if is_other else request.is_genuine


def genuine_with(pairs: list[tuple[str, str]], request: Request) -> bool:
    """Whether `request` is genuine with these headers; we encode text as UTF-8."""
    return genuine([(name.encode(), value.encode()) for name, value in pairs], request.body)


def parsing(data: bytes) -> None:
    """A verified body is an event or a `PayloadError`, and its readings agree in either order."""
    names = ("type", "event", "json") if len(data) % 2 else ("json", "event", "type")
    delivery = Delivery("msg_1", NOW, data)
    found = {name: reading(delivery, name) for name in names}
    event, json = found["event"], found["json"] or {}
    event_type = json["type"] if isinstance(json.get("type"), str) else None
    assert found["type"] == event_type
    assert (event is not None) == is_readable(event_type, json.get("data"))
    if event is not None:
        assert event.type == event_type
        event.model_dump()
        repr(event)


def reading(delivery: Delivery, name: str) -> Any:
    try:
        return delivery.json() if name == "json" else getattr(delivery, name)
    except PayloadError:
        return None


def is_readable(event_type: str | None, data: object) -> bool:
    """The rules of docs/events.md: which JSON is an event."""
    if event_type in EVENT_TYPES:
        return isinstance(data, dict) and isinstance(data.get("id"), str)
    return event_type is not None


class Receiver:
    """An endpoint that remembers nothing, and how often its handler ran."""

    def __init__(self, verifier: Verifier) -> None:
        self.runs = 0
        router = Router()
        router.on("*", name="count", drop_stale=True)(self._handle)
        self.endpoint = Endpoint(router, verifier=verifier, store=MemoryStore(), max_body=MAX_BODY)
        self.wsgi = wsgi_app(self.endpoint)
        self.asgi: Any = asgi_app(self.endpoint)
        self.lambda_ = lambda_handler(self.endpoint)

    def _handle(self, event: object) -> None:
        self.runs += 1

    def forget(self) -> None:
        self.runs = 0
        self.endpoint.processor.store = MemoryStore()

    def check(self, request: Request, status: int) -> None:
        """The status is what the request deserves."""
        if len(request.body) > MAX_BODY:
            assert status == 413
        elif not request.is_genuine:
            assert status == 400
        elif status == 500:
            assert_time_is_unreadable(request)
        else:
            assert status in (200, 422)
        assert self.runs == (status == 200)


def receiver() -> Receiver:
    """The receiver of this process, which costs more than a request does."""
    found = _receiver(VERIFIER)
    found.forget()
    return found


_receiver = cache(Receiver)


def assert_time_is_unreadable(request: Request) -> None:
    """The only reason for a 500: the handler drops stale events, so it needs the event's time."""
    event: Any = Delivery("msg_1", 1, request.body).event
    try:
        _ = getattr(event.data, "updated_at", None) or event.timestamp
    except UnreadableValue:
        return
    raise AssertionError("the time can be read")


def endpoint(data: bytes) -> None:
    """Only genuine deliveries are handled, and nothing but a reply comes of any other."""
    request, mine = read(data), receiver()
    mine.check(request, mine.endpoint.receive(request.body, request.headers).status)


def adapters(data: bytes) -> None:
    """An adapter, one of three by the length, answers as the request deserves in its form."""
    request, mine = read(data), receiver()
    adapter = (through_wsgi, through_asgi, through_lambda)[len(data) % 3]
    is_genuine, status = adapter(request, mine)
    # A Content-Length that lies is refused, or cuts the body off.
    if not any(name.lower() == b"content-length" for name, _ in request.headers):
        mine.check(request._replace(is_genuine=is_genuine), status)
    elif status == 500:
        assert_time_is_unreadable(request)
    else:
        assert status < 500


def through_wsgi(request: Request, mine: Receiver) -> tuple[bool, int]:
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
    mine.wsgi(environ, lambda status, headers, *_: statuses.append(status))  # type: ignore[arg-type,return-value]
    # Of several headers with one name, an environ has the last.
    pairs = [(key[5:].replace("_", "-"), environ[key]) for key in environ if key[:5] == "HTTP_"]
    return genuine_with(pairs, request), int(statuses[0][:3])


def through_asgi(request: Request, mine: Receiver) -> tuple[bool, int]:
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

    headers = [(name.lower(), value) for name, value in request.headers]
    scope = {"type": "http", "method": "POST", "headers": headers}
    loop().run_until_complete(mine.asgi(scope, receive, send))
    return request.is_genuine, int(sent[0]["status"])


@cache
def loop() -> asyncio.AbstractEventLoop:
    """One for all requests, without threads."""
    found = asyncio.new_event_loop()
    found.set_default_executor(AtOnce())
    return found


class AtOnce(ThreadPoolExecutor):
    """Makes each call in the caller's thread, as threads are slow."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


def through_lambda(request: Request, mine: Receiver) -> tuple[bool, int]:
    pairs, genuine = as_text(request)
    headers: dict[str, list[str]] = {}
    for name, value in pairs:
        headers.setdefault(name, []).append(value)
    event = {
        "httpMethod": "POST",
        "multiValueHeaders": headers,
        "body": b64encode(request.body).decode(),
        "isBase64Encoded": True,
    }
    return genuine, mine.lambda_(event, None)["statusCode"]


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

    def __str__(self) -> str:
        return "file"

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
    verify: seeds.few_requests,
    parsing: seeds.bodies,
    endpoint: seeds.requests,
    adapters: seeds.few_requests,
    explain: seeds.requests,
    recordings: seeds.recordings,
}
"""Each target, and what its corpus begins with."""
