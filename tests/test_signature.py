"""The rules of verifying that the published cases leave open."""

import time
from base64 import b64encode
from datetime import datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from clerk_hooks import (
    ConfigurationError,
    Delivery,
    InputTypeError,
    MalformedHeader,
    NoMatchingSignature,
    SecretError,
    TimestampOutsideTolerance,
    VerificationError,
    Verifier,
    sign,
    verify,
)
from clerk_hooks.signature import DEFAULT_TOLERANCE

SECRETS = ["whsec_" + b64encode(bytes([n]) * 24).decode() for n in range(4)]
SECRET = SECRETS[0]
VARIABLE = "CLERK_WEBHOOK_SIGNING_SECRET"
NOW = 1_700_000_000
BODY = b'{"type": "user.created", "data": {"id": "user_1"}}'

pytestmark = pytest.mark.usefixtures("no_secret_in_environment")


def signed(timestamp: int = NOW, secret: Any = SECRET, message_id: str = "msg_1") -> dict[str, str]:
    return sign(BODY, secret=secret, message_id=message_id, timestamp=timestamp)


def verifier_at(now: float, tolerance: timedelta = DEFAULT_TOLERANCE) -> Verifier:
    return Verifier(SECRET, tolerance=tolerance, clock=lambda: now)


def reason_of(verifier: Verifier, headers: dict[str, str]) -> str:
    try:
        verifier.verify(BODY, headers)
    except VerificationError as error:
        return error.reason
    return "ok"


# The tolerance


@pytest.mark.parametrize(
    ("tolerance", "age", "reason"),
    [
        (DEFAULT_TOLERANCE, 300, "ok"),
        (DEFAULT_TOLERANCE, 300.999, "ok"),
        (DEFAULT_TOLERANCE, 301, "too_old"),
        (DEFAULT_TOLERANCE, -300, "ok"),
        (DEFAULT_TOLERANCE, -300.001, "too_new"),
        (DEFAULT_TOLERANCE, -301, "too_new"),
        (timedelta(0), 0, "ok"),
        (timedelta(0), 0.999, "ok"),
        (timedelta(0), 1, "too_old"),
        (timedelta(0), -1, "too_new"),
        (timedelta(seconds=1.5), 1, "ok"),
        (timedelta(seconds=1.5), 2, "too_old"),
        (timedelta.max, 1_699_999_999, "ok"),
        (timedelta.max, -98_299_999_999, "ok"),
    ],
)
def test_exactly_the_tolerance_is_accepted_in_whole_seconds(
    tolerance: timedelta, age: float, reason: str
) -> None:
    verifier = verifier_at(NOW + age % 1, tolerance)
    assert reason_of(verifier, signed(NOW - int(age // 1))) == reason


def test_a_refused_time_says_how_far_off_it_is() -> None:
    with pytest.raises(TimestampOutsideTolerance, match=r"^signed 400 s ago.*0:05:00.*clock"):
        verifier_at(NOW).verify(BODY, signed(NOW - 400))
    with pytest.raises(TimestampOutsideTolerance, match=r"^signed 400 s in the future"):
        verifier_at(NOW).verify(BODY, signed(NOW + 400))
    with pytest.raises(TimestampOutsideTolerance, match=r"^signed 1 s ago"):
        verifier_at(NOW, timedelta(0)).verify(BODY, signed(NOW - 1))


@pytest.mark.parametrize(
    "tolerance", [None, 300, 300.0, "300", timedelta(seconds=-1), timedelta.min, float("nan")]
)
def test_a_tolerance_is_a_timedelta_that_is_not_negative(tolerance: Any) -> None:
    with pytest.raises(ConfigurationError, match="tolerance"):
        Verifier(SECRET, tolerance=tolerance)
    with pytest.raises(ConfigurationError, match="tolerance"):
        verify(BODY, signed(), secret=SECRET, tolerance=tolerance)


# The three values


@pytest.mark.parametrize(
    "timestamp",
    [
        "0",
        "00",
        f"0{NOW}",
        "1" * 12,
        f"{NOW}.0",
        f"{NOW},{NOW}",
        f"{NOW}, {NOW}",
        f"{NOW} 1",
        "1\x00",
        "1\ud800",
    ],
)
def test_a_timestamp_is_one_to_eleven_digits_without_zeros_in_front(timestamp: str) -> None:
    headers = {**signed(), "svix-timestamp": timestamp}
    with pytest.raises(MalformedHeader) as caught:
        verifier_at(NOW, timedelta.max).verify(BODY, headers)
    assert caught.value.reason == "bad_timestamp"


@pytest.mark.parametrize("timestamp", [1, 99_999_999_999])
def test_the_first_and_the_last_timestamp_are_accepted(timestamp: int) -> None:
    delivery = verifier_at(NOW, timedelta.max).verify(BODY, signed(timestamp))
    assert delivery.attempted_at.timestamp() == timestamp


@pytest.mark.parametrize(
    "message_id",
    ["msg.1", ".", "msg 1", "msg_1, msg_1", "m\x00", "m\x7f", "m\xe9", "m\ud800", "m" * 256],
)
def test_a_message_id_is_visible_ascii_without_a_dot(message_id: str) -> None:
    assert reason_of(verifier_at(NOW), {**signed(), "svix-id": message_id}) == "bad_message_id"


@pytest.mark.parametrize(
    "message_id", ["m", "m" * 255, "".join(map(chr, range(33, 127))).replace(".", "")]
)
def test_every_other_message_id_is_accepted(message_id: str) -> None:
    delivery = verifier_at(NOW).verify(BODY, signed(message_id=message_id))
    assert delivery.message_id == message_id


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("{bad} {good}", "ok"),
        ("{bad}  {good}", "ok"),
        ("{good}\t{bad}", "no_match"),
        ("{bad}\n{good}", "no_match"),
        ("{bad}\v{good}", "no_match"),
        ("{good}\u00a0{bad}", "no_match"),
        ("{bad}\r\n {good}", "ok"),
        ("{bad} v1,", "duplicate_header"),
        ("v1, {good}", "duplicate_header"),
        ("{good}, v1a,abc", "duplicate_header"),
        ("{bad},{good}", "no_match"),
        ("v1,", "no_match"),
        (",", "duplicate_header"),
        ("V1{good[2:]}", "no_match"),
        ("v1,{good}", "no_match"),
        ("{lower}", "no_match"),
        ("{good}\ud800", "no_match"),
        ("{bad} \xe9", "no_match"),
    ],
)
def test_the_signature_header_is_entries_between_spaces(pattern: str, reason: str) -> None:
    good, bad = signed()["svix-signature"], signed(NOW + 1)["svix-signature"]
    header = pattern.replace("{good[2:]}", good[2:])
    header = header.format(good=good, bad=bad, lower=good.lower())
    assert reason_of(verifier_at(NOW), {**signed(), "svix-signature": header}) == reason


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (lambda good: " ".join(["v1,AAAA"] * 63 + [good]), "ok"),
        (lambda good: " ".join(["v1,AAAA"] * 64 + [good]), "too_many_signatures"),
        (lambda good: " ".join([good] + ["v1,AAAA"] * 64), "too_many_signatures"),
        (lambda good: "a" + " " * 64 + good, "too_many_signatures"),
        (lambda good: "a" * (8191 - len(good)) + " " + good, "ok"),
        (lambda good: "a" * (8192 - len(good)) + " " + good, "too_many_signatures"),
        (lambda good: "aa " * 400_000 + good, "too_many_signatures"),
        (lambda good: "a" * 10**6, "too_many_signatures"),
    ],
)
def test_a_signature_header_has_at_most_64_entries_and_8_kib(pattern: Any, reason: str) -> None:
    header = pattern(signed()["svix-signature"])
    assert reason_of(verifier_at(NOW), {**signed(), "svix-signature": header}) == reason


def test_the_rules_of_the_values_come_before_the_clock_and_the_clock_before_the_signature() -> None:
    headers = {"svix-id": "a.b", "svix-timestamp": "x", "svix-signature": "v1,x"}
    assert reason_of(verifier_at(NOW), headers) == "bad_message_id"
    headers["svix-id"] = "a"
    assert reason_of(verifier_at(NOW), headers) == "bad_timestamp"
    headers["svix-timestamp"] = "5"
    assert reason_of(verifier_at(NOW), headers) == "too_old"
    headers["svix-timestamp"] = str(NOW)
    assert reason_of(verifier_at(NOW), headers) == "no_match"


def test_a_refusal_without_a_match_says_what_is_wrong_most_often() -> None:
    with pytest.raises(NoMatchingSignature, match=r"raw bytes, not parsed JSON.*signing secret"):
        verifier_at(NOW).verify(BODY + b" ", signed())


def test_the_body_is_named_before_the_headers_are_read() -> None:
    with pytest.raises(InputTypeError, match="body is of type dict"):
        verifier_at(NOW).verify({}, None)  # type: ignore[arg-type]


def test_an_awaitable_body_is_a_forgotten_await() -> None:
    class Awaitable:
        def __await__(self) -> None: ...

    with pytest.raises(InputTypeError, match="await it first"):
        verifier_at(NOW).verify(Awaitable(), signed())  # type: ignore[arg-type]


# Rotation


@pytest.mark.parametrize("held", [SECRETS[:1], SECRETS[:2], SECRETS[1::-1], SECRETS[:3]])
@pytest.mark.parametrize("signed_with", [SECRETS[:1], SECRETS[:2], [SECRETS[3], SECRETS[0]]])
def test_one_common_secret_is_enough(held: list[str], signed_with: list[str]) -> None:
    headers = signed(secret=signed_with)
    assert len(headers["svix-signature"].split()) == len(signed_with)
    assert reason_of(Verifier(held, clock=lambda: NOW), headers) == "ok"
    assert reason_of(Verifier(SECRETS[2:3], clock=lambda: NOW), headers) == "no_match"


# The one-liner


def test_the_one_liner_verifies_on_the_real_clock() -> None:
    now = int(time.time())
    delivery = verify(BODY, signed(now), secret=SECRET)
    assert delivery == Delivery("msg_1", now, BODY)
    with pytest.raises(TimestampOutsideTolerance):
        verify(BODY, signed(now - 400), secret=SECRET)
    assert verify(BODY, signed(now - 400), secret=SECRET, tolerance=timedelta.max).payload == BODY


@pytest.mark.parametrize(
    "now",
    [
        NOW,
        NOW + 0.999,
        Decimal(f"{NOW}.5"),
        Fraction(NOW),
        datetime.fromtimestamp(NOW, timezone.utc),
        datetime.fromtimestamp(NOW, timezone(timedelta(hours=-5))),
        datetime.fromtimestamp(NOW, timezone.utc).replace(microsecond=999_999),
    ],
)
def test_now_is_an_aware_datetime_or_seconds_and_is_truncated(now: Any) -> None:
    def reason(timestamp: int) -> str:
        try:
            verify(BODY, signed(timestamp), secret=SECRET, now=now)
        except VerificationError as error:
            return error.reason
        return "ok"

    assert [reason(NOW + offset) for offset in (-301, -300, 300, 301)] == [
        "too_old",
        "ok",
        "ok",
        "too_new",
    ]


NO_TIMES = {
    "text": str(NOW),
    "naive": datetime.fromtimestamp(NOW, timezone.utc).replace(tzinfo=None),
    "unfinished time zone": datetime(2023, 11, 14, tzinfo=tzinfo()),
    "nan": float("nan"),
    "inf": float("inf"),
    "huge int": 10**5000,
    "twelve digits": 10**11,
    "huge Decimal": Decimal("1e400"),
    "complex": 1j,
    "timedelta": timedelta(seconds=NOW),
    "list": [NOW],
}


@pytest.mark.parametrize("time_", NO_TIMES.values(), ids=NO_TIMES)
def test_what_is_no_instant_is_refused(time_: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^a (time must|naive datetime is)"):
        verify(BODY, signed(), secret=SECRET, now=time_)


def test_the_environment_variable_holds_one_secret_or_several(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, f"{SECRETS[1]} {SECRETS[2]}")
    verifier = Verifier(clock=lambda: NOW)
    for secret in SECRETS[1:3]:
        assert verifier.verify(BODY, signed(secret=secret)).payload == BODY
        assert verify(BODY, signed(secret=secret), now=NOW).payload == BODY
        assert verify(BODY, sign(BODY, secret=secret)).payload == BODY
    with pytest.raises(NoMatchingSignature):
        verify(BODY, sign(BODY, secret=SECRETS[3]))


def test_the_one_liner_notices_a_changed_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = sign(BODY, secret=SECRET)
    monkeypatch.setenv(VARIABLE, SECRETS[1])
    with pytest.raises(NoMatchingSignature):
        verify(BODY, headers)
    monkeypatch.setenv(VARIABLE, SECRET)
    assert verify(BODY, headers).payload == BODY
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(SecretError, match=f"{VARIABLE} is not set"):
        verify(BODY, headers)


@pytest.mark.parametrize("secret", [SECRET, SECRET.encode(), [SECRET], (SECRET, SECRETS[1])])
def test_the_one_liner_takes_secrets_in_every_form(secret: Any) -> None:
    assert verify(BODY, sign(BODY, secret=SECRET), secret=secret).payload == BODY


def test_an_empty_body_is_said_to_be_empty() -> None:
    with pytest.raises(NoMatchingSignature, match="the body is empty"):
        Verifier(SECRET, clock=lambda: NOW).verify(b"", signed())
    empty = sign(b"", secret=SECRET, timestamp=NOW)
    assert Verifier(SECRET, clock=lambda: NOW).verify(b"", empty).payload == b""


def test_a_verifier_shows_neither_its_secrets_nor_its_keys() -> None:
    assert repr(Verifier(SECRETS[:2])) == "<Verifier secrets=2 tolerance=0:05:00>"


def test_a_clock_that_cannot_be_called_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="clock must be a function"):
        Verifier(SECRET, clock=5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "now",
    [float("nan"), float("inf"), -float("inf"), "1700000000", None, [NOW], 1j, 10**5000,
     Decimal("nan"), datetime.fromtimestamp(NOW, timezone.utc)],
    ids=lambda now: type(now).__name__,
)  # fmt: skip
def test_a_clock_that_returns_no_usable_number_is_an_error_of_the_tree(now: Any) -> None:
    with pytest.raises(ConfigurationError, match="clock must return the Unix time"):
        Verifier(SECRET, clock=lambda: now).verify(BODY, signed())


def test_a_clock_that_raises_is_an_error_of_the_tree() -> None:
    with pytest.raises(ConfigurationError, match="clock must return") as caught:
        Verifier(SECRET, clock=lambda: 1 // 0).verify(BODY, signed())
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize("now", [Decimal(NOW), Fraction(NOW), NOW])
def test_a_clock_may_return_any_number(now: Any) -> None:
    assert Verifier(SECRET, clock=lambda: now).verify(BODY, signed()).payload == BODY
