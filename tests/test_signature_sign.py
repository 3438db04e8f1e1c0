"""The rules of signing that the published vectors leave open."""

import re
import time
from datetime import datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any

import pytest

from clerk_hooks import ConfigurationError, InputTypeError, SecretError, sign

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
VARIABLE = "CLERK_WEBHOOK_SIGNING_SECRET"
NOW = 1_700_000_000
BODY = b'{"type": "user.created", "data": {"id": "user_1"}}'

pytestmark = pytest.mark.usefixtures("no_secret_in_environment")


def test_an_id_is_made_up_and_the_time_taken() -> None:
    before = int(time.time())
    first, second = sign(BODY, secret=SECRET), sign(BODY, secret=SECRET)
    assert list(first) == ["svix-id", "svix-timestamp", "svix-signature"]
    assert first["svix-id"] != second["svix-id"]
    assert re.fullmatch("msg_[0-9a-f]{32}", first["svix-id"])
    assert before <= int(first["svix-timestamp"]) <= int(second["svix-timestamp"]) <= time.time()


NO_TIMESTAMPS = {
    "zero": 0,
    "negative": -1,
    "twelve digits": 100_000_000_000,
    "huge": 10**5000,
    "float": float(NOW),
    "bool": True,
    "text": str(NOW),
    "Decimal zero": Decimal(0),
    "Decimal, huge": Decimal("1e400"),
    "timedelta": timedelta(seconds=NOW),
    "naive": datetime.fromtimestamp(NOW, timezone.utc).replace(tzinfo=None),
    "before 1970": datetime(1969, 12, 31, tzinfo=timezone.utc),
    "unfinished time zone": datetime(2023, 11, 14, tzinfo=tzinfo()),
}


@pytest.mark.parametrize("timestamp", NO_TIMESTAMPS.values(), ids=NO_TIMESTAMPS)
def test_a_time_that_no_receiver_accepts_is_refused(timestamp: Any) -> None:
    with pytest.raises(ConfigurationError, match="time"):
        sign(BODY, secret=SECRET, timestamp=timestamp)


def test_a_fraction_of_a_second_is_cut_off() -> None:
    instant = datetime.fromtimestamp(NOW, timezone.utc).replace(microsecond=999_999)
    assert sign(BODY, secret=SECRET, timestamp=instant)["svix-timestamp"] == str(NOW)


@pytest.mark.parametrize(
    "message_id",
    [
        "",
        "msg.1",
        "msg 1",
        "m\x00",
        "m\x7f",
        "m\xe9",
        "m" * 256,
        "\ud800",
        b"msg_1",
        5,
        True,
        ["msg_1"],
    ],
)
def test_what_is_no_message_id_is_refused(message_id: Any) -> None:
    with pytest.raises(ConfigurationError, match="message_id"):
        sign(BODY, secret=SECRET, message_id=message_id)


@pytest.mark.parametrize("payload", [None, {"type": "user.created"}, 5, [1], object()])
def test_what_is_no_body_is_refused(payload: Any) -> None:
    with pytest.raises(InputTypeError, match="pass the raw request body"):
        sign(payload, secret=SECRET)


def test_the_environment_variable_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SecretError, match=f"{VARIABLE} is not set"):
        sign(BODY)
    monkeypatch.setenv(VARIABLE, f"{SECRET} {OTHER_SECRET}")
    assert sign(BODY, message_id="msg_1", timestamp=NOW) == sign(
        BODY, secret=[SECRET, OTHER_SECRET], message_id="msg_1", timestamp=NOW
    )


def test_there_is_one_signature_per_secret_in_their_order() -> None:
    def signature(secret: Any) -> str:
        return sign(BODY, secret=secret, message_id="msg_1", timestamp=NOW)["svix-signature"]

    both = f"{signature(OTHER_SECRET)} {signature(SECRET)}"
    assert signature([OTHER_SECRET, SECRET]) == both
    assert signature(f"{OTHER_SECRET} {SECRET}") == both


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda body: body.decode()])
def test_text_is_signed_as_its_utf8_and_bytes_as_they_are(kind: Any) -> None:
    body = BODY + "\U0001f680".encode()
    expected = sign(body, secret=SECRET, message_id="msg_1", timestamp=NOW)
    assert sign(kind(body), secret=SECRET, message_id="msg_1", timestamp=NOW) == expected
