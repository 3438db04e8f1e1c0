"""Every row of `shared/verification/HOSTILE.md`: what clerk_hooks does where svix crashes or errs.

The id of each test begins with the id of its row.
"""

import hmac
import re
from array import array
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import Headers as StarletteHeaders
from werkzeug.datastructures import Headers as WerkzeugHeaders

from clerk_hooks import (
    ConfigurationError,
    Delivery,
    InputTypeError,
    PayloadError,
    SecretError,
    VerificationError,
    Verifier,
    sign,
)
from clerk_hooks.events import UserCreated

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
NOW = 1_700_000_000
BODY = b'{"type": "user.created", "data": {"id": "user_1", "first_name": "Zo\xc3\xab"}}'

row = pytest.param


def signature(body: bytes = BODY, message_id: str = "msg_1", timestamp: object = NOW) -> str:
    """A signature header, made without the library's own code."""
    content = f"{message_id}.{timestamp}.".encode() + body
    mac = hmac.digest(b64decode(SECRET.removeprefix("whsec_")), content, "sha256")
    return "v1," + b64encode(mac).decode()


GOOD = signature()
HEADERS = {"svix-id": "msg_1", "svix-timestamp": str(NOW), "svix-signature": GOOD}
WEBHOOK_HEADERS = {name.replace("svix", "webhook"): value for name, value in HEADERS.items()}


def signed_headers(body: bytes) -> dict[str, str]:
    return {**HEADERS, "svix-signature": signature(body)}


def verify(body: Any, headers: Any, secret: Any = SECRET) -> Delivery:
    return Verifier(secret, clock=lambda: NOW).verify(body, headers)


def refusal(body: Any, headers: Any) -> str:
    with pytest.raises(VerificationError) as caught:
        verify(body, headers)
    return caught.value.reason


@pytest.mark.parametrize("headers", [row(HEADERS, id="ok"), row(WEBHOOK_HEADERS, id="ok-webhook")])
def test_a_valid_delivery_gives_the_typed_event(headers: dict[str, str]) -> None:
    event = verify(BODY, headers).event
    assert isinstance(event, UserCreated)
    assert event.data.first_name == "Zoë"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        row("v1", "no_match", id="A1"),
        row("garbage", "no_match", id="A2"),
        row("v1,AAAA,BBBB", "no_match", id="A3"),
        row("v1,abc", "no_match", id="A4"),
        row("v1,\xe9" + GOOD[4:], "no_match", id="A5"),
        row(signature(b"another") + " ", "no_match", id="A10"),
        row(f"{GOOD}, {signature(b'another')}", "duplicate_header", id="A12-valid-first"),
        row(f"{signature(b'another')}, {GOOD}", "duplicate_header", id="A12-valid-last"),
        row(f"{GOOD},", "duplicate_header", id="A12-trailing-comma"),
    ],
)
def test_a_signature_header_without_a_match_is_refused(header: str, reason: str) -> None:
    assert refusal(BODY, {**HEADERS, "svix-signature": header}) == reason


@pytest.mark.parametrize(
    "header",
    [
        row(f"v1a {GOOD}", id="A6"),
        row(f"v1,abc {GOOD}", id="A7"),
        row(f"{signature(b'another')}  {GOOD}", id="A8"),
        row(f" {GOOD}", id="A9"),
        row(f"v9,!!,!! {GOOD}", id="A11"),
    ],
)
def test_entries_that_cannot_be_read_are_skipped(header: str) -> None:
    assert verify(BODY, {**HEADERS, "svix-signature": header}).payload == BODY


def with_unused_bits_changed(header: str) -> str:
    """Base64 of 32 bytes has two bits to spare in its last character: same bytes, other text."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    changed = header[:-2] + alphabet[alphabet.index(header[-2]) ^ 1] + "="
    assert b64decode(changed[3:]) == b64decode(header[3:])
    return changed


@pytest.mark.parametrize(
    "header",
    [
        row(with_unused_bits_changed(GOOD), id="B1"),
        row(f"{GOOD[:8]}!*{GOOD[8:]}", id="B2"),
        row(f"{GOOD}====", id="B3"),
        row(f"{GOOD}text", id="B4"),
        row(f"{GOOD[:20]}\n{GOOD[20:]}", id="B5"),
    ],
)
def test_another_spelling_of_the_right_signature_is_refused(header: str) -> None:
    assert refusal(BODY, {**HEADERS, "svix-signature": header}) == "no_match"


@pytest.mark.parametrize(
    "timestamp",
    [
        row(f"{NOW}.75", id="C1"),
        row("1_700_000_000", id="C3"),
        row(f"+{NOW}", id="C4"),
        row("1.7e9", id="C5"),
        row("".join(chr(ord(digit) + 0xFEE0) for digit in str(NOW)), id="C6"),
        row("nan", id="C7"),
        row("inf", id="C8"),
        row("-1", id="C9"),
        row("9" * 400, id="C10"),
        row("1e400", id="C11"),
    ],
)
def test_a_timestamp_that_is_not_whole_seconds_in_digits_is_refused(timestamp: str) -> None:
    either = f"{GOOD} {signature(timestamp=timestamp)}"  # For what it means, and for its text.
    headers = {**HEADERS, "svix-timestamp": timestamp, "svix-signature": either}
    assert refusal(BODY, headers) == "bad_timestamp"


@pytest.mark.parametrize("timestamp", [row(f" {NOW}", id="C2"), row(f"\t{NOW} ", id="C2-both")])
def test_blanks_around_a_timestamp_are_not_part_of_it(timestamp: str) -> None:
    assert verify(BODY, {**HEADERS, "svix-timestamp": timestamp}).attempted_at == datetime(
        2023, 11, 14, 22, 13, 20, tzinfo=timezone.utc
    )


NOT_UTF8 = b'{"type": "user.created", "data": {"id": "\xff"}}'


@pytest.mark.parametrize(
    "body", [row(NOT_UTF8, id="D1"), row(BODY.decode() + "\ud800", id="D3-lone-surrogate")]
)
def test_a_body_that_is_no_text_matches_no_signature(body: bytes | str) -> None:
    assert refusal(body, HEADERS) == "no_match"


@pytest.mark.parametrize(
    "body",
    [
        row(NOT_UTF8, id="D2"),
        row(b"", id="D7"),
        row(b"hello", id="D8"),
        row(b"\xef\xbb\xbf" + BODY, id="D9"),
    ],
)
def test_a_signed_body_that_is_not_json_is_verified_and_then_unreadable(body: bytes) -> None:
    delivery = verify(body, signed_headers(body))
    assert delivery.payload == body
    readers: tuple[Callable[[], object], ...] = (
        lambda: delivery.type,
        lambda: delivery.event,
        delivery.json,
    )
    for read in readers:
        with pytest.raises(PayloadError) as caught:
            read()
        assert caught.value.reason == "not_json"
        assert not isinstance(caught.value, VerificationError)


@pytest.mark.parametrize(
    "body",
    [
        row(memoryview(BODY), id="D4"),
        row(bytearray(BODY), id="D4-bytearray"),
        row(array("B", BODY), id="D4-array"),
        row(memoryview(BODY + BODY)[: len(BODY)], id="D4-slice"),
    ],
)
def test_any_bytes_like_body_is_accepted(body: object) -> None:
    payload = verify(body, HEADERS).payload
    assert type(payload) is bytes
    assert payload == BODY


@pytest.mark.parametrize("body", [row({"type": "user.created"}, id="D5"), row(None, id="D6")])
def test_what_is_no_body_is_a_type_error_that_says_what_to_pass(body: object) -> None:
    with pytest.raises(TypeError, match="pass the raw request body") as caught:
        verify(body, HEADERS)
    assert isinstance(caught.value, InputTypeError)
    assert type(body).__name__ in str(caught.value)


def environ() -> dict[str, object]:
    fields = {f"HTTP_{name.upper().replace('-', '_')}": HEADERS[name] for name in HEADERS}
    return {"REQUEST_METHOD": "POST", "wsgi.version": (1, 0), **fields}


def encoded() -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in HEADERS.items()]


@pytest.mark.parametrize(
    "headers",
    [
        row(environ(), id="E1"),
        row(encoded(), id="E2"),
        row(list(HEADERS.items()), id="E3"),
        row(dict(encoded()), id="E4"),
        row({name.decode(): value for name, value in encoded()}, id="E5"),
        row({name: [value] for name, value in HEADERS.items()}, id="E6"),
        row(StarletteHeaders(HEADERS), id="E7"),
        row(WerkzeugHeaders(HEADERS), id="E8"),
        row({"svix-id": "", **WEBHOOK_HEADERS}, id="E13"),
        row({"User-Agent": "Svix-Webhooks/1.24", **HEADERS}, id="E14"),
    ],
)
def test_headers_of_any_framework_are_read(headers: Any) -> None:
    assert verify(BODY, headers).message_id == "msg_1"


@pytest.mark.parametrize("headers", [row(None, id="E9")])
def test_what_is_no_headers_is_a_type_error_that_says_what_to_pass(headers: object) -> None:
    with pytest.raises(TypeError, match="pass the request's headers") as caught:
        verify(BODY, headers)
    assert isinstance(caught.value, InputTypeError)


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        row({"Svix-Id": "msg_evil", **HEADERS}, "duplicate_header", id="E10"),
        row([("svix-id", "msg_evil"), *HEADERS.items()], "duplicate_header", id="E10-pairs"),
        row({**HEADERS, "Svix-Id": "junk"}, "duplicate_header", id="E11"),
        row([*HEADERS.items(), ("svix-id", "junk")], "duplicate_header", id="E11-pairs"),
        row({**WEBHOOK_HEADERS, "webhook-id": "", "svix-id": "msg_1"}, "missing_header", id="E12"),
    ],
)
def test_headers_that_contradict_each_other_are_refused(headers: Any, reason: str) -> None:
    assert refusal(BODY, headers) == reason


@pytest.mark.usefixtures("no_secret_in_environment")
@pytest.mark.parametrize(
    ("secret", "message"),
    [
        row("", "empty", id="F1"),
        row("whsec_", "empty", id="F2"),
        row("   ", "empty", id="F3"),
        row(None, "CLERK_WEBHOOK_SIGNING_SECRET is not set", id="F4"),
        row("sk_test_" + SECRET[6:], "an API key", id="F7"),
        row("whpk_" + SECRET[6:], "public key", id="F8"),
        row("whsec_your_secret_here", "not a signing secret", id="F10"),
        row("whsec_AA==", "too short", id="F12"),
        row(12345, "not int", id="F14"),
    ],
)
def test_what_is_no_secret_is_refused_when_the_program_starts(secret: Any, message: str) -> None:
    with pytest.raises(SecretError, match=message) as caught:
        Verifier(secret)
    assert isinstance(caught.value, ConfigurationError)


@pytest.mark.parametrize(
    "secret",
    [
        row(f"{SECRET}\n", id="F5"),
        row(f" {SECRET}", id="F6"),
        row(f'"{SECRET}"', id="F9"),
        row(f"'{SECRET}'", id="F9-single"),
        row(SECRET.encode(), id="F11"),
        row([SECRET, OTHER_SECRET], id="F13"),
        row([OTHER_SECRET, SECRET], id="F13-old-first"),
    ],
)
def test_a_secret_as_people_paste_it_is_accepted(secret: Any) -> None:
    assert verify(BODY, HEADERS, secret).payload == BODY


INSTANT = datetime.fromtimestamp(NOW, timezone.utc)


@pytest.mark.parametrize(
    ("timestamp", "body"),
    [
        row(INSTANT, BODY.decode(), id="G1"),
        row(INSTANT.astimezone(timezone(timedelta(hours=-5))), BODY.decode(), id="G2"),
        row(INSTANT, BODY, id="G4"),
        row(NOW, BODY, id="G5"),
    ],
)
def test_sign_means_what_it_is_given(timestamp: datetime | int, body: bytes | str) -> None:
    assert sign(body, secret=SECRET, message_id="msg_1", timestamp=timestamp) == HEADERS


@pytest.mark.parametrize("timestamp", [row(INSTANT.replace(tzinfo=None), id="G3")])
def test_sign_refuses_a_datetime_without_a_time_zone(timestamp: datetime) -> None:
    with pytest.raises(ConfigurationError, match="naive"):
        sign(BODY, secret=SECRET, timestamp=timestamp)


@pytest.mark.parametrize("boundary", [row(str(NOW + 1), id="H1")])
def test_a_dot_in_the_message_id_cannot_shift_what_is_signed(boundary: str) -> None:
    signed = signature(f"{boundary}.{{}}".encode())  # msg_1 . NOW . "NOW+1.{}"
    assert signed == signature(b"{}", f"msg_1.{NOW}", boundary)
    headers = {"svix-id": f"msg_1.{NOW}", "svix-timestamp": boundary, "svix-signature": signed}
    assert refusal(b"{}", headers) == "bad_message_id"


def test_every_row_has_a_test(shared: Path) -> None:
    document = (shared / "verification/HOSTILE.md").read_text("utf-8")
    rows = re.findall(r"^\| (ok|[A-H]\d+) \|", document, re.MULTILINE)
    assert len(rows) == 72
    tested = {
        parameter.id.partition("-")[0]
        for test in globals().values()
        for mark in getattr(test, "pytestmark", ())
        if mark.name == "parametrize"
        for parameter in mark.args[1]
    }
    assert tested == set(rows)
