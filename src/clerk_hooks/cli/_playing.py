"""The demo itself: a real server, and the deliveries that are sent to it.

Importing this module is slow, because it needs the events, svix and an HTTP server.
"""

import base64
import json
import logging
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from http.client import HTTPConnection
from socketserver import ThreadingMixIn
from threading import Thread
from typing import NamedTuple
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from svix.webhooks import Webhook

from .. import Endpoint, MemoryStore, SvixVerifier, Verifier
from ..adapters.wsgi import wsgi_app
from ._scenario import Case, Headers, build_router


class Outcome(NamedTuple):
    """A case, and what really happened."""

    case: Case
    status: int
    word: str
    notes: tuple[str, ...]

    @property
    def is_expected(self) -> bool:
        """Whether status, reply and handlers are as the case expects."""
        case = self.case
        return (self.status, self.word, self.notes) == (case.status, case.word, case.notes)


def play(cases: Sequence[Case], *, svix: bool) -> tuple[list[Outcome], list[logging.LogRecord]]:
    """Start a server, send it `cases` and stop it; returns the outcomes, and the log records.

    With `svix`, svix's own code verifies the signatures.
    """
    secret = "whsec_" + base64.b64encode(os.urandom(24)).decode()
    notes: list[str] = []
    verifier = SvixVerifier(secret) if svix else Verifier(secret)
    endpoint = Endpoint(build_router(notes.append), verifier=verifier, store=MemoryStore())
    outcomes: list[Outcome] = []
    message_id = ""
    with _captured_log() as records, serving(endpoint) as port:
        for case in cases:
            notes.clear()
            if not case.is_repeat:
                message_id = "msg_" + os.urandom(13).hex()
            status, word = _post(port, *_delivery(case, message_id, secret))
            # The reply comes after the handlers have run, so the notes of this case are complete.
            outcomes.append(Outcome(case, status, word, tuple(notes)))
    return outcomes, records


def _delivery(case: Case, message_id: str, secret: str) -> tuple[bytes, Headers]:
    """Body and headers, signed by svix's own code."""
    text = json.dumps({"object": "event", **case.event})
    signed_at = datetime.now(timezone.utc) - case.age
    headers = {
        "content-type": "application/json",
        "svix-id": message_id,
        "svix-timestamp": str(int(signed_at.timestamp())),
        "svix-signature": Webhook(secret).sign(message_id, signed_at, text),
    }
    return case.tamper(text.encode(), headers)


def _post(port: int, body: bytes, headers: Headers) -> tuple[int, str]:
    """The status of the reply, and its outcome or reason."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/webhooks/clerk", body, headers)
        response = connection.getresponse()
        content = json.loads(response.read())
    finally:
        connection.close()
    return response.status, content.get("outcome") or content["error"]


class _Server(ThreadingMixIn, WSGIServer):
    """Runs one thread per request; closing it waits for the threads."""


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the demo prints the replies."""


@contextmanager
def serving(endpoint: Endpoint) -> Generator[int]:
    """Serve the endpoint on a free port of this machine; yields the port."""
    with make_server("127.0.0.1", 0, wsgi_app(endpoint), _Server, _QuietHandler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def _captured_log() -> Generator[list[logging.LogRecord]]:
    """Collect what the library logs, instead of printing it."""
    records: list[logging.LogRecord] = []

    class Recorder(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    logger, recorder = logging.getLogger("clerk_hooks"), Recorder()
    propagates, logger.propagate = logger.propagate, False
    logger.addHandler(recorder)
    try:
        yield records
    finally:
        logger.removeHandler(recorder)
        logger.propagate = propagates
