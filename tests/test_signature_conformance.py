"""Every row of `shared/verification/conformance.json`, which says how receivers must judge."""

import hmac
import json
import re
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from clerk_hooks import (
    ConfigurationError,
    SecretError,
    SvixVerifier,
    VerificationError,
    Verifier,
    sign,
)

Row = dict[str, Any]

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DOCUMENT = Path(__file__).parents[1].parent / "shared/verification/conformance.json"

# What DESIGN.md grants `SvixVerifier`: svix decodes the body, and does not truncate its clock.
SVIX_IS_STRICTER = {
    "non-UTF-8 body, correctly signed": "no_match",
    "age 300.5 s (sub-second clock)": "too_old",
}

pytestmark = pytest.mark.usefixtures("shared")


def every(row: Row) -> bool:
    return True


def signed_anew(row: Row) -> bool:
    return "fixed vector" not in row.get("note", "")


def for_svix(row: Row) -> bool:
    return signed_anew(row) and "options" not in row


def rows(section: str, name: str, where: Callable[[Row], bool] = every) -> pytest.MarkDecorator:
    """One test per row, with the row's `name` as its id."""
    if not DOCUMENT.exists():  # A single row, which the fixture `shared` skips or fails.
        return pytest.mark.parametrize("row", [pytest.param({}, id="absent")])
    document = json.loads(DOCUMENT.read_text("utf-8"))
    return pytest.mark.parametrize(
        "row",
        [pytest.param(row, id=str(row[name])) for row in document[section] if where(row)],
    )


@rows("cases", "name")
def test_the_verdict_at_the_given_instant_is_the_documented_one(row: Row) -> None:
    def clock() -> float:
        return row["now"] + row.get("now_fraction", 0)

    verifier = Verifier(secret_of(row), tolerance=tolerance_of(row), clock=clock)
    assert verdict(verifier, row, row["headers"]) == row["reason"]
    assert (row["reason"] == "ok") == (row["expect"] == "accept")


@rows("cases", "name", where=signed_anew)
def test_the_verdict_on_the_real_clock_is_the_documented_one(row: Row) -> None:
    verifier = Verifier(secret_of(row), tolerance=tolerance_of(row))
    assert verdict_now(verifier, row) == row["reason"]


@rows("cases", "name", where=for_svix)
def test_the_verdict_of_svix_verifier_is_never_milder(row: Row) -> None:
    expected = SVIX_IS_STRICTER.get(row["name"], row["reason"])
    assert verdict_now(SvixVerifier(secret_of(row)), row) == expected


def test_no_case_is_lost(shared: Path) -> None:
    document = json.loads((shared / "verification/conformance.json").read_text("utf-8"))
    sections = ("cases", "secret_cases", "sign_vectors", "sign_errors", "tolerance_errors")
    assert [len(document[section]) for section in sections] == [70, 13, 2, 3, 3]
    names = [case["name"] for case in document["cases"]]
    assert len(set(names)) == 70
    assert set(names) > set(SVIX_IS_STRICTER)
    assert sum(map(signed_anew, document["cases"])) == 68
    assert sum(map(for_svix, document["cases"])) == 60


@pytest.mark.usefixtures("no_secret_in_environment")
@rows("secret_cases", "secret")
@pytest.mark.parametrize("kind", [Verifier, SvixVerifier])
def test_a_secret_is_refused_exactly_where_documented(
    row: Row, kind: Callable[[Any], Verifier]
) -> None:
    if row["expect"] == "ok":
        kind(secret_of(row))
        return
    with pytest.raises(SecretError) as caught:
        kind(secret_of(row))
    if row["secret"] is None:
        assert "CLERK_WEBHOOK_SIGNING_SECRET" in str(caught.value)


@rows("sign_vectors", "id")
def test_sign_gives_the_published_signature(row: Row) -> None:
    headers = sign(
        row["body"], secret=row["secret"], message_id=row["id"], timestamp=row["timestamp"]
    )
    assert headers == {
        "svix-id": row["id"],
        "svix-timestamp": str(row["timestamp"]),
        "svix-signature": row["signature"],
    }


@rows("sign_errors", "timestamp")
def test_sign_refuses_the_timestamp(row: Row) -> None:
    with pytest.raises(ConfigurationError):
        sign(b"{}", secret=SECRET, timestamp=row["timestamp"])


@rows("tolerance_errors", "tolerance")
def test_the_tolerance_is_refused(row: Row) -> None:
    with pytest.raises(ConfigurationError):
        Verifier(SECRET, tolerance=row["tolerance"])


def verdict(verifier: Verifier, row: Row, headers: Any) -> str:
    try:
        delivery = verifier.verify(body_of(row), headers)
    except VerificationError as error:
        return error.reason
    assert delivery.payload == body_of(row)
    return "ok"


def verdict_now(verifier: Verifier, row: Row) -> str:
    while True:  # Again, if the second has passed meanwhile: some rows are at the edge of one.
        now = int(time.time())
        result = verdict(verifier, row, rendered(row, now))
        if now == int(time.time()):
            return result


def body_of(row: Row) -> bytes:
    if "body_b64" in row:
        return b64decode(row["body_b64"])
    if "body_repeat" in row:
        text, times = row["body_repeat"]
        return (text * times).encode()
    return row["body"].encode()


def secret_of(row: Row) -> Any:
    if isinstance(row["secret"], dict):
        return b64decode(row["secret"]["raw_b64"])
    return row["secret"]


def tolerance_of(row: Row) -> timedelta:
    options = row.get("options", {})
    if options.get("ignore_timestamp"):
        return timedelta.max
    return timedelta(seconds=options.get("tolerance", 300))


def rendered(row: Row, now: int) -> Any:
    """The row's `headers_template`, filled in for the clock of now."""
    template = row["headers_template"]
    if isinstance(template, list):
        return [(name, fill_in(value, row, now)) for name, value in template]
    return {name: fill_in(value, row, now) for name, value in template.items()}


def fill_in(text: str, row: Row, now: int) -> str:
    text = re.sub(r"\{now([+-]\d+)?\}", lambda match: str(now + int(match[1] or 0)), text)

    def signature(match: re.Match[str]) -> str:
        name, start, end = match.groups()
        whole = signature_of(row, row["sign"][name], now)
        return whole[int(start or 0) : int(end) if end else None]

    return re.sub(r"\{sig\.(\w+)(?:\[(\d*):(\d*)\])?\}", signature, text)


def signature_of(row: Row, what: Row, now: int) -> str:
    body = what["body"].encode() if "body" in what else body_of(row)
    secret = what.get("secret", row["secret"])
    if isinstance(secret, list):
        secret = secret[0]
    key = b64decode(secret.removeprefix("whsec_") + "==")
    content = f"{what['id']}.{fill_in(what['timestamp'], row, now)}.".encode() + body
    return b64encode(hmac.digest(key, content, "sha256")).decode()
