"""The WSGI adapter behind real servers: each delivery ends there as it does without HTTP.

A reply must be the one that `Endpoint.receive` or `Endpoint.reply` gives, to the byte.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import NamedTuple

import pytest

from clerk_hooks import Endpoint, MethodNotAllowed

from .application import CANARY, MAX_BODY, SECRET, Request, payload, signed
from .servers import Answer, Server

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


def word(answer: Answer) -> str:
    content = json.loads(answer.body)
    return str(content.get("outcome") or content["error"])


def unaged(answer: Answer) -> Answer:
    """Without the age of the signature, which goes on growing between two calls."""
    body = re.sub(rb"\d+ s (?=ago|in the future)", b"", answer.body)
    return answer._replace(body=body, headers=answer.headers | {"content-length": str(len(body))})


def seen(server: Server, headers: dict[str, str]) -> bytes | None:
    """The payload that a handler behind the server has seen, if any."""
    ids = [value for name, value in headers.items() if name.lower().endswith("-id")]
    files = [server.folder / message_id for message_id in ids]
    return next((file.read_bytes() for file in files if file.exists()), None)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_delivery_ends_behind_a_server_as_it_does_without_http(
    server: Server, verifier: str, direct: Endpoint, case: Case
) -> None:
    body, headers = case.request()
    answer = server.ask(f"/{verifier}", body, headers)
    assert (answer.status, word(answer)) == (case.status, case.word)
    assert seen(server, headers) == (body if case.word == "handled" else None)
    assert unaged(answer) == unaged(Answer.of(direct.receive(body, headers)))


def test_a_handler_that_raises_shows_no_details(server: Server, verifier: str) -> None:
    answer = server.ask(f"/{verifier}", *sent("user.updated"))
    assert answer.body == b'{"error":"handler_failed"}'
    assert CANARY.encode() not in answer.body


def test_an_aborted_delivery_tells_svix_to_stop(server: Server, verifier: str) -> None:
    answer = server.ask(f"/{verifier}", *sent("user.deleted"))
    assert answer.headers["webhook-delivery"] == "abort-message"


@pytest.mark.parametrize("body", [b"\xff\xfe", b'{"type":"user.created","data":{"id":"\xe9"}}'])
def test_a_body_that_is_not_utf_8_reaches_the_verifier_untouched(
    server: Server, verifier: str, direct: Endpoint, body: bytes
) -> None:
    _, headers = signed(body)
    answer = server.ask(f"/{verifier}", body, headers)
    # Ours signs bytes; svix signs text, so this cannot be a delivery of its.
    expected = {"own": (422, "not_json"), "svix": (400, "no_match")}
    assert (answer.status, word(answer)) == expected[verifier]
    assert answer == Answer.of(direct.receive(body, headers))


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"])
def test_any_method_but_post_is_refused_whatever_its_body(
    server: Server, verifier: str, direct: Endpoint, method: str
) -> None:
    expected = Answer.of(direct.reply(MethodNotAllowed()))
    assert (expected.status, expected.headers["allow"]) == (405, "POST")
    if method == "HEAD":
        expected = expected._replace(body=b"")
    body, headers = sent()
    assert server.ask(f"/{verifier}", None, {}, method) == expected
    assert server.ask(f"/{verifier}", body, headers, method) == expected
    assert seen(server, headers) is None


def test_replies_do_not_mix_under_load(server: Server, verifier: str) -> None:
    names = ["handled", "forged", "handler raises", "unknown type", "too large"]
    cases = [CASES[names[number % len(names)]] for number in range(200)]
    requests = [case.request() for case in cases]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda request: server.ask(f"/{verifier}", *request), requests))
    assert [(answer.status, word(answer)) for answer in answers] == [case[:2] for case in cases]
    for case, (body, headers) in zip(cases, requests, strict=True):
        assert seen(server, headers) == (body if case.word == "handled" else None)


def test_the_log_of_the_server_shows_neither_secret_nor_signature_nor_payload(
    server: Server, verifier: str
) -> None:
    markers = []
    for name in ("handled", "forged", "handler raises", "aborted"):
        body, headers = CASES[name].request()
        server.ask(f"/{verifier}", body, headers)
        markers += [json.loads(body)["data"]["marker"], headers["svix-signature"]]
    log = server.log.read_text()
    assert CANARY in log  # What a handler raised is there, with its traceback.
    assert not [secret for secret in [SECRET.removeprefix("whsec_"), *markers] if secret in log]
