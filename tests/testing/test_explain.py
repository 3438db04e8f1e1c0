"""Explanations: each cause from a case that has it, and none for a delivery that is verified."""

from __future__ import annotations

import base64
import json
import sys
from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from clerk_hooks import ConfigurationError, sign, verify
from clerk_hooks.event_types import EVENT_TYPES
from clerk_hooks.testing import (
    SECRET,
    Cause,
    Explanation,
    explain,
    sample_payload,
    signed_request,
)

from ..properties import examples
from .explain_cases import (
    BODIES,
    BODY,
    HEADER_CASES,
    HEADERS,
    NAME,
    NOW,
    OTHER,
    REQUEST,
    SECRETS,
    SIGNATURE,
    named,
    parsed,
    without,
)

pytestmark = pytest.mark.usefixtures("no_secret_in_environment")


def check(found: Explanation, cause: Cause) -> None:
    """That it is `cause`, with a message and advice that show neither secret nor payload."""
    assert found.cause == cause, found.message
    assert not found.verified
    assert found.message
    assert found.advice
    for hidden in (SECRET[6:], OTHER[6:], NAME, "Lovelace", "example.com", SIGNATURE[3:]):
        assert hidden not in str(found)


@pytest.mark.parametrize(("cause", "body"), BODIES.values(), ids=BODIES)
def test_what_became_of_the_body(cause: Cause, body: Any) -> None:
    found = explain(body, HEADERS, secret=SECRET, now=NOW)
    check(found, cause)
    assert found.proven


@pytest.mark.parametrize(("cause", "secret"), SECRETS.values(), ids=SECRETS)
def test_what_is_wrong_with_the_secret(cause: Cause, secret: Any) -> None:
    found = explain(BODY, HEADERS, secret=secret, now=NOW)
    check(found, cause)
    assert found.proven == (cause != "unknown")


@pytest.mark.parametrize(("cause", "headers"), HEADER_CASES.values(), ids=HEADER_CASES)
def test_what_became_of_the_headers(cause: Cause, headers: Any) -> None:
    found = explain(BODY, headers, secret=SECRET, now=NOW)
    check(found, cause)
    assert found.proven


def test_which_names_were_found_and_which_are_missing_is_said() -> None:
    renamed = explain(BODY, named(lambda name: f"X-{name}"), secret=SECRET)
    assert "X-svix-id, X-svix-signature, X-svix-timestamp" in renamed.message
    stripped = explain(BODY, without("svix-signature"), secret=SECRET)
    assert "svix-signature missing" in stripped.message


def test_a_clock_that_is_behind_and_by_how_much() -> None:
    found = explain(BODY, HEADERS, secret=SECRET, now=NOW - timedelta(seconds=301))
    check(found, "clock_behind")
    assert "301 s in the future" in found.message


def test_a_delivery_that_is_too_old_and_by_how_much() -> None:
    found = explain(BODY, HEADERS, secret=SECRET, now=NOW + timedelta(days=1))
    check(found, "too_old")
    assert "86400 s ago" in found.message


def test_what_was_changed_counts_before_the_time() -> None:
    later = NOW + timedelta(days=1)
    check(explain(BODY + b"\n", HEADERS, secret=SECRET, now=later), "body_newline")
    check(explain(BODY, HEADERS, secret=OTHER, now=later), "unknown")


def test_a_secret_of_another_environment_is_known_where_it_is_at_hand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = explain(BODY, HEADERS, secret=OTHER, other_secrets=["no secret", SECRET], now=NOW)
    check(found, "secret_of_another")
    assert "number 2 of the other secrets" in found.message
    monkeypatch.setenv("WEBHOOK_SECRET_OF_STAGING", SECRET)
    found = explain(BODY, HEADERS, secret=OTHER, now=NOW)
    check(found, "secret_of_another")
    assert "environment variable WEBHOOK_SECRET_OF_STAGING" in found.message
    check(explain(BODY, HEADERS, now=NOW), "secret_of_another")
    check(explain(BODY, HEADERS, secret="sk_test_1", now=NOW), "secret_is_api_key")


def test_of_two_things_that_are_wrong_together_the_one_to_mend_first_is_named() -> None:
    body = json.dumps(parsed())
    check(explain(body, HEADERS, secret=f"{SECRET};", now=NOW), "secret_malformed")
    check(explain(body, HEADERS, secret=OTHER, other_secrets=SECRET, now=NOW), "body_reserialised")


def test_where_nothing_can_be_proven_the_request_may_show_it() -> None:
    changed = BODY.replace(b"Lovelace", b"Byron")
    check(explain(changed, HEADERS, secret=SECRET, now=NOW), "unknown")
    length = {**HEADERS, "Content-Length": str(len(BODY))}
    found = explain(changed, length, secret=SECRET, now=NOW)
    check(found, "body_changed")
    assert not found.proven
    assert f"{len(changed)} bytes, but its Content-Length is {len(BODY)}" in found.message
    found = explain(json.dumps({**parsed(), "more": 1}), HEADERS, secret=SECRET, now=NOW)
    check(found, "body_changed")
    assert not found.proven


def test_a_forged_request_is_not_explained_away() -> None:
    forged = REQUEST.forged()
    found = explain(*forged, secret=SECRET, other_secrets=OTHER, now=NOW)
    check(found, "unknown")
    assert not found.proven
    assert "forged" in found.advice


def test_every_cause_has_a_case() -> None:
    named_here = {cause for cases in (BODIES, SECRETS, HEADER_CASES) for cause, _ in cases.values()}
    elsewhere = {"clock_behind", "too_old", "secret_of_another", "body_changed"}
    assert named_here | elsewhere == set(get_args(Cause))


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_every_sample_that_is_written_again_is_recognised(event_type: str) -> None:
    request = signed_request(sample_payload(event_type), secret=SECRET)
    for changed in (
        json.dumps(json.loads(request.body)),
        json.dumps(json.loads(request.body), indent=4),
    ):
        check(explain(changed, request.headers, secret=SECRET), "body_reserialised")


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        explain(BODY, HEADERS, secret=SECRET, now=float("nan"))


def test_any_container_of_headers_will_do() -> None:
    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in HEADERS.items()}
    scope = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
    for headers in (environ, scope, {name: [value] for name, value in HEADERS.items()}):
        assert explain(BODY, headers, secret=SECRET, now=NOW).verified
        check(explain(BODY + b"\n", headers, secret=SECRET, now=NOW), "body_newline")
    mixed = {**environ, "HTTP_WEBHOOK_ID": environ.pop("HTTP_SVIX_ID")}
    del mixed["HTTP_SVIX_ID"]
    check(explain(BODY, mixed, secret=SECRET), "headers_mixed")


verified = st.builds(
    lambda body, key, age: (body, "whsec_" + base64.b64encode(key).decode(), age),
    st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.binary(min_size=16, max_size=64),
    st.integers(-300, 300),
)


@given(verified)
@examples(100)
def test_no_cause_is_ever_named_for_a_delivery_that_is_verified(
    case: tuple[bytes, str, int],
) -> None:
    body, secret, age = case
    headers = sign(body, secret=secret, timestamp=2_000_000_000)
    now = 2_000_000_000 + age
    assert verify(body, headers, secret=secret, now=now)
    found = explain(body, headers, secret=secret, other_secrets=OTHER, now=now)
    assert (found.verified, found.cause, found.advice) == (True, None, "")


anything = (
    st.none() | st.integers() | st.binary() | st.text() | st.dictionaries(st.text(), st.text())
)


@examples(100)
@given(anything, anything | st.lists(st.tuples(st.text(), st.text())), anything, anything)
def test_whatever_is_passed_there_is_an_explanation(
    body: Any, headers: Any, secret: Any, others: Any
) -> None:
    assert not explain(body, headers, secret=secret, other_secrets=others).verified
    assert not explain(body, HEADERS, secret=secret, other_secrets=others).verified
    assert not explain(body, HEADERS, secret=SECRET).verified


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b"("])
def test_a_body_that_is_nested_deeper_than_python_goes_is_no_error(opening: bytes) -> None:
    body = opening * (sys.getrecursionlimit() * 50)
    assert explain(body, HEADERS, secret=SECRET, now=NOW).cause == "unknown"


def test_an_api_key_is_named_also_where_the_right_secret_is_known() -> None:
    found = explain(BODY, HEADERS, secret="sk_test_abcdefghijkl", other_secrets=SECRET, now=NOW)
    assert found.cause == "secret_is_api_key"


FORGED = REQUEST.forged().headers


@pytest.mark.parametrize(
    "body",
    [
        b"{{}}",
        b"{[]: 1}",
        b"{{'a': 1}: 2}",
        b"{1: " * 150,
        b"{b'a': 1}",
        b"{(1, 2): 1}",
        b"{0x1" + b"f" * 5000 + b": 1}",
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":' * 900 + b"1" + b"}" * 900,
        b'{"a":' * 100_000,
        b"[" * 100_000,
        b'"\\d"',
        b"b'\\d'",
        b"'" * 1000,
        b'"\\ud800"',
        b'{"a": "\\ud800"}',
        b"\x00",
        b"%7b" * 1000,
    ],
    ids=lambda body: body[:12].decode(),
)
def test_a_body_that_is_hard_to_read_is_explained(body: bytes) -> None:
    assert not explain(body, FORGED, secret=SECRET).verified


@pytest.mark.parametrize(
    "headers",
    [
        {**FORGED, "content-length": "1" * 5000},
        {**FORGED, "content-length": "\u0661"},
        {**FORGED, "content-length": 5},
        {**FORGED, 5: 5, None: object(), ("svix", "id"): "x"},
        {"svix_id": 10**5000, 10**5000: "x"},
        {"svix_id": object(), "svix_timestamp": [], "svix_signature": ["x"]},
        [("svix_id", "x", "y")],
        [5],
        {"svix-signature": "v1,AAAA " * 100_000, **without("svix-signature")},
    ],
)
def test_headers_of_strange_types_are_explained(headers: Any) -> None:
    assert not explain(BODY, headers, secret=SECRET, now=NOW).verified


def test_headers_that_can_be_read_once_are_explained_like_others() -> None:
    assert explain(BODY, iter(HEADERS.items()), secret=SECRET, now=NOW).verified
    check(explain(BODY + b"\n", iter(HEADERS.items()), secret=SECRET, now=NOW), "body_newline")
    renamed = named(lambda name: f"X-{name}")
    check(explain(BODY, iter(renamed.items()), secret=SECRET, now=NOW), "headers_renamed")


def test_names_of_headers_are_harmless_for_a_terminal() -> None:
    found = explain(BODY, named(lambda name: f"\x1b[31m\n{name}{'x' * 10_000}"), secret=SECRET)
    check(found, "headers_renamed")
    assert found.message.isprintable()
    assert len(found.message) < 1000


@pytest.mark.parametrize(
    "secret",
    [SecretStr(SECRET), lambda: SECRET, [lambda: SecretStr(SECRET)], [SecretStr(OTHER), SECRET]],
)
def test_secrets_of_every_form_are_tried(secret: Any) -> None:
    assert explain(BODY, HEADERS, secret=secret, now=NOW).verified
    check(explain(BODY + b"\n", HEADERS, secret=secret, now=NOW), "body_newline")
    check(explain(BODY, HEADERS, secret=OTHER, other_secrets=secret, now=NOW), "secret_of_another")


def test_a_function_that_fails_is_no_secret() -> None:
    check(explain(BODY, HEADERS, secret=lambda: 1 // 0, now=NOW), "secret_missing")  # type: ignore[arg-type,return-value]


def test_an_unset_variable_is_explained_with_the_variable_that_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANOTHER_NAME", SECRET)
    found = explain(BODY + b" ", HEADERS, now=NOW)
    check(found, "secret_missing")
    assert "but ANOTHER_NAME is: rename it" in found.message
