"""A server that records each delivery and forwards it."""

from __future__ import annotations

import socket
import sys
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from ._recording import end_to_end
from ._sending import NO_REPLY
from ._usage import in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ._sending import Fields, Target

_MAX_BODY = 16 * 1024 * 1024
"""Bytes. A recorder also accepts bodies that an endpoint would refuse."""
_MAX_DIGITS = 20


class Answer(NamedTuple):
    """The reply to the sender."""

    status: int
    body: bytes = b""
    headers: Iterable[tuple[str, str]] = ()
    problem: str | None = None
    """Why the application gave no reply, if a 502 stands for it."""


class Arrival(NamedTuple):
    """A delivery, and the reply to it."""

    body: bytes
    headers: Fields
    answer: Answer
    forward_status: int | None
    """The status of the application's reply, if there was one."""
    seconds: float


class Recorder(ThreadingHTTPServer):
    """Listens on `host` and `port` (0: any free port), and calls `note` with each delivery.

    With a `target`, deliveries are forwarded to it, and the sender gets its reply. Raises `OSError`
    if it cannot listen.
    """

    daemon_threads = False
    block_on_close = True

    def __init__(
        self, host: str, port: int, target: Target | None, note: Callable[[Arrival], None]
    ) -> None:
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Handler)
        self._target = target
        self._note = note
        self._lock = Lock()

    def record(self, body: bytes, headers: Fields) -> Answer:
        """Forward one delivery and note it; returns the reply to the sender."""
        started = time.perf_counter()
        answer = Answer(200) if self._target is None else _forward(self._target, body, headers)
        seconds = time.perf_counter() - started
        status = answer.status if self._target and not answer.problem else None
        with self._lock:
            self._note(Arrival(body, headers, answer, status, seconds))
        return answer

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - its own
        """Say in one line why a request broke off; the sender gets no reply and tries again."""
        error = sys.exc_info()[1]
        problem = in_words(error) if error else ""
        print(f"clerk-hooks: a request broke off: {problem}", file=sys.stderr, flush=True)


def _forward(target: Target, body: bytes, headers: Fields) -> Answer:
    """The target's reply, or a 502 if there was none."""
    try:
        with closing(target.connect()) as connection:
            response = target.ask(connection, body, end_to_end(headers))
            return Answer(response.status, response.read(), end_to_end(response.getheaders()))
    except NO_REPLY as error:
        problem = target.why_no_reply(error)
        return Answer(502, f"{problem}\n".encode(), problem=problem)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_POST(self) -> None:
        length = self.headers.get("content-length", "")
        if not (length.isascii() and length.isdecimal()):
            return self._answer(Answer(411))
        # int() refuses texts of over 4,300 digits.
        if len(length) > _MAX_DIGITS or int(length) > _MAX_BODY:
            return self._answer(Answer(413))
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return None
        return self._answer(cast("Recorder", self.server).record(body, self.headers.items()))

    def do_GET(self) -> None:
        self._answer(Answer(405, headers=[("allow", "POST")]))

    do_HEAD = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - as above

    def _answer(self, answer: Answer) -> None:
        self.close_connection = True
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer.body)))
        self.send_header("connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
