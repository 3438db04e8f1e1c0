"""A server that records each delivery and forwards it."""

from __future__ import annotations

import time
from contextlib import closing
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import TYPE_CHECKING, cast

from ._recording import end_to_end, line_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._sending import Fields, Target

_MAX_BODY = 16 * 1024 * 1024
"""Bytes. A recorder also accepts bodies that an endpoint would refuse."""


class Answer:
    """The reply to the sender."""

    def __init__(self, status: int, body: bytes = b"", headers: Fields | None = None):
        self.status = status
        self.body = body
        self.headers = [] if headers is None else headers


class Recorder(ThreadingHTTPServer):
    """Listens on `host` and `port` (0: any free port), and calls `write` with each delivery's line.

    With a `target`, deliveries are forwarded to it, and the sender gets its reply.
    """

    daemon_threads = False
    block_on_close = True

    def __init__(
        self, host: str, port: int, target: Target | None, write: Callable[[str], None]
    ) -> None:
        super().__init__((host, port), _Handler)
        self.target = target
        self._write = write
        self._lock = Lock()

    def record(self, body: bytes, headers: Fields) -> Answer:
        """Forward one delivery and write its line; returns the reply to the sender."""
        started = time.perf_counter()
        answer, status = Answer(200), None
        if self.target is not None:
            answer, status = _forward(self.target, body, headers)
        seconds = time.perf_counter() - started
        with self._lock:
            self._write(line_of(body, headers, status, seconds))
        return answer


def _forward(target: Target, body: bytes, headers: Fields) -> tuple[Answer, int | None]:
    """The target's reply and its status, or a 502 and None if there was no reply."""
    try:
        with closing(target.connect()) as connection:
            response = target.ask(connection, body, end_to_end(headers))
            answer = Answer(response.status, response.read(), end_to_end(response.getheaders()))
    except (OSError, HTTPException, ValueError) as error:  # Some headers cannot be sent.
        return Answer(502, f"{type(error).__name__}: {error}\n".encode()), None
    return answer, answer.status


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_POST(self) -> None:
        length = self.headers.get("content-length", "")
        if not length.isdecimal():
            return self._answer(Answer(411))
        if int(length) > _MAX_BODY:
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
