"""What the README and verifying.md say of svix 2.9.1, measured again where that is installed.

The inputs are those of test_signature_hostile.py: here svix is given them, too.
"""

import base64
import importlib.metadata
import inspect
import runpy
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from svix.webhooks import Webhook, WebhookVerificationError

import clerk_hooks
from clerk_hooks import ClerkHooksError, VerificationError, Verifier

Input = dict[str, Any]
"""A request (body, headers and secret), or what is to be signed (timestamp, body)."""

ROOT = Path(__file__).parents[1]
README = " ".join((ROOT / "README.md").read_text("utf-8").split())
VERIFYING = " ".join((ROOT / "docs" / "verifying.md").read_text("utf-8").split())

hostile = runpy.run_path(str(Path(__file__).with_name("test_signature_hostile.py")))
BODY, HEADERS, SECRET, NOW = (hostile[name] for name in ("BODY", "HEADERS", "SECRET", "NOW"))

standardwebhooks = pytest.importorskip("standardwebhooks.webhooks", reason="svix 1.x has none")
pytestmark = pytest.mark.skipif(
    importlib.metadata.version("svix") != "2.9.1", reason="the numbers are those of svix 2.9.1"
)


def with_signature(header: str, *_: str) -> Input:
    return request(headers={**HEADERS, "svix-signature": header})


def with_timestamp(timestamp: str) -> Input:
    header = f"{hostile['GOOD']} {hostile['signature'](timestamp=timestamp)}"
    return request(headers={**HEADERS, "svix-timestamp": timestamp, "svix-signature": header})


def with_dot(boundary: str) -> Input:
    signature = hostile["signature"](f"{boundary}.{{}}".encode())
    names = {"svix-id": f"msg_1.{NOW}", "svix-timestamp": boundary, "svix-signature": signature}
    return request(b"{}", names)


def without_zone(timestamp: datetime) -> Input:
    """The same instant as wall clocks west of Greenwich show it."""
    here = timezone(timedelta(hours=-5))
    local = timestamp.replace(tzinfo=timezone.utc).astimezone(here).replace(tzinfo=None)
    return {"timestamp": local, "body": BODY.decode()}


def request(body: Any = BODY, headers: Any = HEADERS, secret: Any = SECRET) -> Input:
    return {"body": body, "headers": headers, "secret": secret}


INPUT_OF_TEST: dict[str, Callable[..., Input]] = {
    "a_valid_delivery_gives_the_typed_event": lambda headers: request(headers=headers),
    "a_signature_header_without_a_match_is_refused": with_signature,
    "entries_that_cannot_be_read_are_skipped": with_signature,
    "another_spelling_of_the_right_signature_is_refused": with_signature,
    "a_timestamp_that_is_not_whole_seconds_in_digits_is_refused": with_timestamp,
    "blanks_around_a_timestamp_are_not_part_of_it": with_timestamp,
    "a_body_that_is_no_text_matches_no_signature": request,
    "a_signed_body_that_is_not_json_is_verified_and_then_unreadable": lambda body: request(
        body, hostile["signed_headers"](body)
    ),
    "any_bytes_like_body_is_accepted": request,
    "what_is_no_body_is_a_type_error_that_says_what_to_pass": request,
    "headers_of_any_framework_are_read": lambda headers: request(headers=headers),
    "what_is_no_headers_is_a_type_error_that_says_what_to_pass": lambda headers: request(
        headers=headers
    ),
    "headers_that_contradict_each_other_are_refused": lambda headers, _: request(headers=headers),
    "what_is_no_secret_is_refused_when_the_program_starts": lambda secret, _: request(
        secret=secret
    ),
    "a_secret_as_people_paste_it_is_accepted": lambda secret: request(secret=secret),
    "sign_means_what_it_is_given": lambda timestamp, body: {"timestamp": timestamp, "body": body},
    "sign_refuses_a_datetime_without_a_time_zone": without_zone,
    "a_dot_in_the_message_id_cannot_shift_what_is_signed": with_dot,
}


def inputs() -> Iterator[tuple[str, Input]]:
    """Each row of the table, by its id; of a row's variants (``A12-valid-first``) the first."""
    for name, make in INPUT_OF_TEST.items():
        (mark,) = (
            mark for mark in hostile[f"test_{name}"].pytestmark if mark.name == "parametrize"
        )
        for parameter in reversed(mark.args[1]):
            yield parameter.id.partition("-")[0], make(*parameter.values)


INPUTS = dict(inputs())
"""Later ones win, and each test gives its variants in reverse."""


@pytest.fixture(autouse=True)
def clock_of_svix_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Clock":
            return cls.fromtimestamp(NOW, tz)

    monkeypatch.setattr(standardwebhooks, "datetime", Clock)


def verdict_of_svix(given: Input) -> str:
    refusals = (WebhookVerificationError, standardwebhooks.EmptyWebhookSecretError)
    try:
        if "timestamp" in given:
            signed = Webhook(SECRET).sign("msg_1", given["timestamp"], given["body"])
            return "right signature" if signed == hostile["GOOD"] else "wrong signature"
        Webhook(given["secret"]).verify(given["body"], given["headers"])
    except refusals:
        return "refuse"
    except Exception:
        return "crash"
    return "accept"


def verdict_of_ours(given: Input) -> str:
    try:
        if "timestamp" in given:
            clerk_hooks.sign(given["body"], secret=SECRET, timestamp=given["timestamp"])
            return "right signature"  # test_signature_hostile.py compares it.
        Verifier(given["secret"], clock=lambda: NOW).verify(given["body"], given["headers"])
    except VerificationError:
        return "refuse"
    except ClerkHooksError:
        return "mistake of the caller"
    except Exception:
        return "crash"
    return "accept"


def those(verdict: Callable[[Input], str], answer: str) -> set[str]:
    return {row for row, given in INPUTS.items() if verdict(given) == answer}


def is_base64_strict() -> bool:
    """Whether this Python refuses text after the padding, which svix does not expect (B4)."""
    try:
        base64.b64decode("aGk=hi")
    except ValueError:
        assert verdict_of_svix(INPUTS["B4"]) == "crash"
        return True
    assert verdict_of_svix(INPUTS["B4"]) == "accept"
    return False


@pytest.mark.usefixtures("no_secret_in_environment")
def test_the_numbers_of_crashes_and_of_wrong_verdicts_are_as_stated() -> None:
    crashes = len(those(verdict_of_svix, "crash"))
    accepted = len(those(verdict_of_svix, "accept") & those(verdict_of_ours, "refuse"))
    if is_base64_strict():
        assert f"the numbers there are {crashes} and {accepted}." in README
        assert f"({accepted}, and {crashes} crashes, on CPython 3.14 and newer" in VERIFYING
        crashes, accepted = crashes - 1, accepted + 1
    assert (
        f"of {len(INPUTS)} inputs, most of them hostile or careless, svix 2.9.1 crashes on "
        f"{crashes} and accepts {accepted} that it should refuse"
    ) in README
    assert f"| crashes, on {len(INPUTS)} inputs | {crashes}; for" in README
    assert f"| accepts what it should refuse | {accepted} | 0 |" in README
    assert f"on a table of {len(INPUTS)} inputs that" in VERIFYING
    assert f"crashes on {crashes} of them" in VERIFYING
    assert f"accepts {accepted} that it should refuse" in VERIFYING


@pytest.mark.usefixtures("no_secret_in_environment")
def test_nothing_crashes_clerk_hooks() -> None:
    assert those(verdict_of_ours, "crash") == set()


def test_the_crashes_that_need_no_secret_are_as_many_as_stated() -> None:
    """Rows with nothing in them that only the owner of the receiver's secret could have made."""
    stranger = {"A1", "A2", "A3", "A4", "A5", "A10", "D1"}
    for row in stranger:
        assert verdict_of_svix({**INPUTS[row], "secret": hostile["OTHER_SECRET"]}) == "crash", row
    assert f"for {len(stranger)} of them a stranger needs no secret" in README
    assert f"{len(stranger)} of these need no secret" in VERIFYING


def test_svix_signs_wrongly_without_a_word_where_stated() -> None:
    assert those(verdict_of_svix, "wrong signature") == {"G2", "G3", "G4"}


def test_svix_verifies_without_returning_anything_and_has_no_options() -> None:
    assert Webhook(SECRET).verify(BODY, HEADERS) is None  # type: ignore[func-returns-value]
    assert [*inspect.signature(Webhook.verify).parameters] == ["self", "data", "headers"]
