"""Every adapter behind real servers: each delivery ends there as it does without HTTP.

A reply must be the one that `Endpoint.receive` or `Endpoint.reply` gives, to the byte.
"""

from __future__ import annotations

import json
import re

import pytest

from clerk_hooks import Endpoint, MethodNotAllowed

from ..application import CANARY, SECRET, signed
from ..gateway import EVENTS
from ..servers import COMMANDS, WITH_SVIX, Answer, Server
from .deliveries import CASES, Case, sent

each_verifier = pytest.mark.parametrize(
    ("server", "verifier"),
    [
        *[(kind, "own") for kind in [*COMMANDS, *EVENTS]],
        *[(kind, "svix") for kind in WITH_SVIX],  # What a server does to a request it does to both.
    ],
    indirect=["server"],
    scope="session",
)


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


@each_verifier
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_delivery_ends_behind_a_server_as_it_does_without_http(
    server: Server, verifier: str, direct: Endpoint, case: Case
) -> None:
    body, headers = case.request()
    answer = server.ask(f"/{verifier}", body, headers)
    assert (answer.status, word(answer)) == (case.status, case.word)
    assert seen(server, headers) == (body if case.word == "handled" else None)
    assert unaged(answer) == unaged(Answer.of(direct.receive(body, headers)))


@each_verifier
def test_a_handler_that_raises_shows_no_details(server: Server, verifier: str) -> None:
    answer = server.ask(f"/{verifier}", *sent("user.updated"))
    assert answer.body == b'{"error":"handler_failed"}'
    assert CANARY.encode() not in answer.body


@each_verifier
def test_an_aborted_delivery_tells_svix_to_stop(server: Server, verifier: str) -> None:
    answer = server.ask(f"/{verifier}", *sent("user.deleted"))
    assert answer.headers["webhook-delivery"] == "abort-message"


@each_verifier
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


@each_verifier
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


@each_verifier
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
