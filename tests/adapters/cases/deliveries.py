"""The deliveries that every adapter is sent, and how each must end; one table for all of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import NamedTuple

from ..application import MAX_BODY, Request, payload, signed

# What a parser and a serialiser would not give back byte for byte.
FRAGILE_BODIES = {
    "blanks": b'{ "type" : "user.created",\r\n\t"data":{"id":"user_1"} }\n\n',
    "escapes": b'{"type":"user.created","data":{"id":"user_1","a":"\\u0026\\u00e9\\/"}}',
    "utf-8": '{"type":"user.created","data":{"id":"user_1","a":"é 漢 😀"}}'.encode(),
    "numbers": b'{"type":"user.created","data":{"id":"user_1","a":1.0,"b":9007199254740993}}',
    "duplicate keys": b'{"data":{"id":"user_1"},"type":"x","a":1,"a":2,"type":"user.created"}',
}


def sent(event_type: str = "user.created") -> Request:
    return signed(payload(event_type, marker=uuid.uuid4().hex))


def forged() -> Request:
    body, headers = sent()
    return body.replace(b"user_1", b"user_2"), headers


def padded(size: int) -> Request:
    return signed(payload("user.created").ljust(size))


def aged(minutes: float) -> Request:
    return signed(payload("user.created"), age=timedelta(minutes=minutes))


def without(*names: str) -> Request:
    body, headers = sent()
    return body, {name: value for name, value in headers.items() if name not in names}


def with_header(name: str, value: str) -> Request:
    body, headers = sent()
    return body, headers | {name: value}


def renamed(change: Callable[[str], str]) -> Request:
    body, headers = sent()
    return body, {change(name): value for name, value in headers.items()}


class Case(NamedTuple):
    status: int
    word: str
    request: Callable[[], Request]


CASES = {
    "handled": Case(200, "handled", sent),
    "async handler": Case(200, "handled", lambda: sent("session.created")),
    "unknown type": Case(200, "handled", lambda: sent("invoice.paid")),
    "unknown type, nobody listens": Case(200, "unhandled", lambda: sent("invoice.void")),
    "nobody listens": Case(200, "unhandled", lambda: sent("organization.created")),
    "largest body": Case(200, "handled", lambda: padded(MAX_BODY)),
    "upper-case names": Case(200, "handled", lambda: renamed(str.upper)),
    "odd-case names": Case(200, "handled", lambda: renamed(lambda name: name.title().swapcase())),
    "white-label names": Case(
        200, "handled", lambda: renamed(lambda name: name.replace("svix", "webhook"))
    ),
    "forged": Case(400, "no_match", forged),
    "no id": Case(400, "missing_header", lambda: without("svix-id")),
    "no timestamp": Case(400, "missing_header", lambda: without("svix-timestamp")),
    "no signature": Case(400, "missing_header", lambda: without("svix-signature")),
    "blank signature": Case(400, "missing_header", lambda: with_header("svix-signature", " ")),
    "no header": Case(400, "missing_header", lambda: (sent()[0], {})),
    "too old": Case(400, "too_old", lambda: aged(6)),
    "too new": Case(400, "too_new", lambda: aged(-6)),
    "malformed signature": Case(400, "no_match", lambda: with_header("svix-signature", "é;!")),
    "joined signatures": Case(
        400, "duplicate_header", lambda: with_header("svix-signature", "v1,a, v1,b")
    ),
    "malformed timestamp": Case(400, "bad_timestamp", lambda: with_header("svix-timestamp", "1e9")),
    "malformed id": Case(400, "bad_message_id", lambda: with_header("svix-id", "msg.é")),
    "not JSON": Case(422, "not_json", lambda: signed(b"user.created")),
    "empty body": Case(422, "not_json", lambda: signed(b"")),
    "empty body, no header": Case(400, "missing_header", lambda: (b"", {})),
    "no type": Case(422, "no_type", lambda: signed(b'{"data":{}}')),
    "bad shape": Case(422, "bad_shape", lambda: signed(b'{"type":"user.created","data":{}}')),
    "handler raises": Case(500, "handler_failed", lambda: sent("user.updated")),
    "aborted": Case(422, "aborted", lambda: sent("user.deleted")),
    "too large": Case(413, "too_large", lambda: padded(MAX_BODY + 1)),
    **{name: Case(200, "handled", partial(signed, body)) for name, body in FRAGILE_BODIES.items()},
}
