"""The scenario of the demo: handlers, deliveries with their expected ends, and a real server.

Importing this module is slow, because it needs the events, svix and an HTTP server.
"""

import base64
import json
import logging
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.client import HTTPConnection
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any, NamedTuple
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from svix.webhooks import Webhook

from .. import Endpoint, MemoryStore, Router, SvixVerifier, Verifier
from ..adapters.wsgi import wsgi_app
from ..events import (
    OrganizationMembershipCreated,
    SessionCreated,
    UnknownEvent,
    UserCreated,
    UserDeleted,
    UserEvent,
)

Headers = dict[str, str]


def build_router(note: Callable[[str], None]) -> Router:
    """The handlers of the demo; each passes `note` its name and what it saw. One fails, once."""
    router = Router()
    failures = [RuntimeError("the database is down")]

    @router.on("user.*")
    def audit(event: UserEvent) -> None:
        note(f"audit: {event.type}")

    @router.on("user.created")
    def welcome(event: UserCreated) -> None:
        note(f"welcome: {event.data.primary_email}")

    @router.on("user.deleted")
    def erase(event: UserDeleted) -> None:
        note(f"erase: {event.data.id}")
        if failures:
            raise failures.pop()

    @router.on("organizationMembership.created")
    def add_member(event: OrganizationMembershipCreated) -> None:
        note(f"add_member: {event.data.role}")

    @router.on("session.created")
    async def greet(event: SessionCreated) -> None:
        note(f"greet: {event.data.user_id}")

    @router.on_unknown()
    def keep(event: UnknownEvent) -> None:
        note(f"keep: {event.type}")

    return router


def _as_signed(body: bytes, headers: Headers) -> tuple[bytes, Headers]:
    return body, headers


def _with_changed_body(body: bytes, headers: Headers) -> tuple[bytes, Headers]:
    return body.replace(b"ada@", b"eve@"), headers


def _with_bare_signature(body: bytes, headers: Headers) -> tuple[bytes, Headers]:
    return body, headers | {"svix-signature": headers["svix-signature"].removeprefix("v1,")}


class Case(NamedTuple):
    """One delivery: its title, its content, and its expected end."""

    title: str
    event: dict[str, Any]
    status: int
    word: str
    """The expected outcome, or reason, in the body of the reply."""
    notes: tuple[str, ...] = ()
    """The expected notes of the handlers, in order."""
    age: timedelta = timedelta(0)
    is_repeat: bool = False
    """Whether it is the message of the previous case again, as Svix repeats one."""
    tamper: Callable[[bytes, Headers], tuple[bytes, Headers]] = _as_signed


_USER = {
    "id": "user_ada",
    "first_name": "Ada",
    "primary_email_address_id": "idn_2",
    "email_addresses": [
        {"id": "idn_1", "email_address": "ada@old.example"},
        {"id": "idn_2", "email_address": "ada@example.com"},
    ],
}
_CREATED = {"type": "user.created", "data": _USER}
_DELETED = {"type": "user.deleted", "data": {"id": "user_ada", "deleted": True}}

CASES: tuple[Case, ...] = (
    Case(
        "user.created",
        _CREATED,
        200,
        "handled",
        ("audit: user.created", "welcome: ada@example.com"),
    ),
    Case("the same message again: a duplicate", _CREATED, 200, "duplicate", is_repeat=True),
    Case(
        "organizationMembership.created",
        {
            "type": "organizationMembership.created",
            "data": {"id": "orgmem_1", "role": "org:admin"},
        },
        200,
        "handled",
        ("add_member: org:admin",),
    ),
    Case(
        "session.created, to an async handler",
        {"type": "session.created", "data": {"id": "sess_1", "user_id": "user_ada"}},
        200,
        "handled",
        ("greet: user_ada",),
    ),
    Case(
        "user.updated, to a handler of user.*",
        {"type": "user.updated", "data": _USER},
        200,
        "handled",
        ("audit: user.updated",),
    ),
    Case(
        "sms.created, which has no handler",
        {"type": "sms.created", "data": {"id": "sms_1"}},
        200,
        "unhandled",
    ),
    Case(
        "invoice.paid, newer than this library",
        {"type": "invoice.paid", "data": {"id": "inv_1"}},
        200,
        "handled",
        ("keep: invoice.paid",),
    ),
    Case(
        "user.deleted, where one handler raises",
        _DELETED,
        500,
        "handler_failed",
        ("audit: user.deleted", "erase: user_ada"),
    ),
    Case(
        "the same message again: only that handler runs",
        _DELETED,
        200,
        "handled",
        ("erase: user_ada",),
        is_repeat=True,
    ),
    Case("forged: body changed", _CREATED, 400, "no_match", tamper=_with_changed_body),
    Case("replayed: an hour old", _CREATED, 400, "too_old", age=timedelta(hours=1)),
    Case("malformed signature header", _CREATED, 400, "no_match", tamper=_with_bare_signature),
)


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
    with _captured_log() as records, _serving(endpoint) as port:
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
def _serving(endpoint: Endpoint) -> Generator[int]:
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
