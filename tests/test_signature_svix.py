"""`SvixVerifier`: our rules, and then svix's own code, which can only be stricter."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest
from svix.webhooks import Webhook

from clerk_hooks import (
    NoMatchingSignature,
    SecretError,
    SvixVerifier,
    TimestampOutsideTolerance,
    VerificationError,
    sign,
)

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
BODY = b'{"type": "user.created", "data": {"id": "user_1"}}'

Seen = list[tuple[object, dict[str, str]]]


@pytest.fixture
def seen_by_svix(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """What svix is asked, in order; it answers as ever."""
    seen: Seen = []
    verify = Webhook.verify

    def spy(self: Webhook, data: Any, headers: dict[str, str]) -> Any:
        seen.append((data, headers))
        return verify(self, data, headers)

    monkeypatch.setattr(Webhook, "verify", spy)
    return seen


def test_a_valid_delivery_is_accepted_by_both(seen_by_svix: Seen) -> None:
    headers = sign(BODY, secret=SECRET)
    assert SvixVerifier(SECRET).verify(BODY, headers).payload == BODY
    assert seen_by_svix == [(BODY.decode(), headers)]


def test_svix_sees_clean_headers_and_only_the_entry_that_matched(seen_by_svix: Seen) -> None:
    clean = sign(BODY, secret=SECRET)
    entry = clean["svix-signature"]
    dirty = {
        b"WEBHOOK-ID": f" {clean['svix-id']}\t".encode(),
        "Webhook-Timestamp": [f"{clean['svix-timestamp']} "],
        "webhook-signature": f" v1a v9,!!,!! v1,abc  {entry} v1,Ceo5qEr07ixe2NLpvHk3FH9bwy= ",
        "svix-id": "",
    }
    SvixVerifier(SECRET).verify(memoryview(BODY), dirty)  # type: ignore[arg-type]
    assert seen_by_svix == [(BODY.decode(), clean)]


@pytest.mark.parametrize("secrets", [[SECRET, OTHER_SECRET], f"{OTHER_SECRET} {SECRET}"])
def test_svix_gets_the_secret_that_matched(secrets: Any, seen_by_svix: Seen) -> None:
    SvixVerifier(secrets).verify(BODY, sign(BODY, secret=SECRET))
    SvixVerifier(secrets).verify(BODY, sign(BODY, secret=OTHER_SECRET))
    assert len(seen_by_svix) == 2


def test_svix_is_not_asked_about_what_our_rules_refuse(seen_by_svix: Seen) -> None:
    headers = sign(BODY, secret=OTHER_SECRET)
    joined = {**headers, "svix-signature": f"{headers['svix-signature']}, v1,abc"}
    spelt = {**sign(BODY, secret=SECRET), "svix-timestamp": "1.7e9"}
    for refused in ({}, headers, joined, spelt, sign(BODY, secret=SECRET, timestamp=5)):
        with pytest.raises(VerificationError):
            SvixVerifier(SECRET).verify(BODY, refused)
    assert seen_by_svix == []


@pytest.mark.parametrize(
    ("sent", "clock", "reason"),
    [(-200, +400, "too_old"), (-290, +20, "too_old"), (+200, -400, "too_new")],
)
def test_svix_judges_the_time_by_its_own_clock(
    sent: int, clock: int, reason: str, set_svix_clock: Callable[[float], None]
) -> None:
    now = int(time.time())
    set_svix_clock(now + clock)
    with pytest.raises(TimestampOutsideTolerance, match=r"^svix: Message timestamp") as caught:
        SvixVerifier(SECRET).verify(BODY, sign(BODY, secret=SECRET, timestamp=now + sent))
    assert caught.value.reason == reason


def test_a_body_that_is_not_utf8_is_refused_though_its_signature_is_right() -> None:
    body = BODY + b"\xff"
    with pytest.raises(NoMatchingSignature, match="svix refuses a body that is not UTF-8"):
        SvixVerifier(SECRET).verify(body, sign(body, secret=SECRET))


@pytest.fixture(params=["as installed", "as svix 1.x"])
def parsing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether svix parses the body once the signature has matched, as 1.x does."""
    if request.param == "as svix 1.x" and not version("svix").startswith("1."):
        verify = Webhook.verify

        def parsing_verify(self: Webhook, data: str, headers: dict[str, str]) -> Any:
            verify(self, data, headers)
            return json.loads(data)

        monkeypatch.setattr(Webhook, "verify", parsing_verify)


@pytest.mark.parametrize(
    "body",
    [BODY, b"", b"hello", b"\xef\xbb\xbf{}", b"[" * 100_000, b"1" * 5000],
    ids=["json", "empty", "text", "byte order mark", "too deep", "too many digits"],
)
@pytest.mark.usefixtures("parsing")
def test_what_svix_says_when_it_parses_the_body_is_no_refusal(body: bytes) -> None:
    headers = sign(body, secret=SECRET)
    assert SvixVerifier(SECRET).verify(body, headers).payload == body
    with pytest.raises(NoMatchingSignature):
        SvixVerifier(OTHER_SECRET).verify(body, headers)


def test_the_secret_is_the_only_setting() -> None:
    for setting in ("tolerance", "clock"):
        with pytest.raises(TypeError, match=setting):
            SvixVerifier(SECRET, **{setting: None})


@pytest.mark.usefixtures("no_secret_in_environment")
def test_the_environment_variable_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SecretError, match="CLERK_WEBHOOK_SIGNING_SECRET is not set"):
        SvixVerifier()
    monkeypatch.setenv("CLERK_WEBHOOK_SIGNING_SECRET", SECRET)
    assert SvixVerifier().verify(BODY, sign(BODY)).payload == BODY


def test_an_unpadded_secret_is_padded_for_svix() -> None:
    secret = SECRET[:-1]  # 23 bytes, and svix 1.x decodes strictly.
    assert SvixVerifier(secret).verify(BODY, sign(BODY, secret=secret)).payload == BODY


def test_it_shows_neither_its_secrets_nor_its_keys() -> None:
    shown = repr(SvixVerifier([SECRET, OTHER_SECRET]))
    assert shown == "<SvixVerifier secrets=2 tolerance=0:05:00>"


def test_svix_is_imported_only_when_one_is_built() -> None:
    code = f"""
import sys
from clerk_hooks import SvixVerifier, Verifier, sign
Verifier({SECRET!r}).verify(b"", sign(b"", secret={SECRET!r}))
assert "svix" not in sys.modules
SvixVerifier({SECRET!r})
assert "svix" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
