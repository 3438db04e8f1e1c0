"""A delivery as JSON: every byte of it comes back, and no other text is read as a delivery."""

import base64
import json
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clerk_hooks import Delivery, InputTypeError, PayloadError, Router, Verifier, sign

from .properties import examples

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"type":"user.created","data":{"id":"user_1","first_name":"Zo\xc3\xab"}}'
WRITTEN = {
    "v": 1,
    "message_id": "msg_1",
    "attempted_at": "2023-11-14T22:13:20+00:00",
    "type": "user.created",
    "payload": BODY.decode(),
}


def test_a_verified_delivery_is_written_as_documented_and_read_again() -> None:
    headers = sign(BODY, secret=SECRET, message_id="msg_1", timestamp=1_700_000_000)
    delivery = Verifier(SECRET, clock=lambda: 1_700_000_000).verify(BODY, headers)
    text = delivery.to_json()
    assert list(json.loads(text).items()) == list(WRITTEN.items())
    assert text.isascii()
    twin = Delivery.from_json(text)
    assert type(twin) is Delivery
    assert twin == delivery
    assert twin.event == delivery.event


def test_a_payload_that_is_not_utf_8_is_written_as_base64() -> None:
    delivery = Delivery("msg_1", 1_700_000_000, b'{"type":"\xff"}')
    members = json.loads(delivery.to_json())
    assert "payload" not in members
    assert base64.b64decode(members["payload_base64"]) == delivery.payload
    assert Delivery.from_json(delivery.to_json()) == delivery


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'{"type":5}', b"\xff", b"[" * 100_000])
def test_a_type_that_cannot_be_read_is_null(payload: bytes) -> None:
    delivery = Delivery("msg_1", 1, payload)
    assert json.loads(delivery.to_json())["type"] is None
    assert Delivery.from_json(delivery.to_json()) == delivery


def test_a_type_of_the_second_reading_is_written_too() -> None:
    deep = b'{"type":"user.created","data":{"id":"1","unsafe_metadata":' + b"[" * 500 + b"]" * 500
    delivery = Delivery("msg_1", 1, deep + b"}}")
    assert json.loads(delivery.to_json())["type"] == "user.created"
    assert Delivery.from_json(delivery.to_json()) == delivery


OFFSETS = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone)


@given(
    payload=st.binary() | st.text().map(str.encode),
    message_id=st.text(st.characters()),
    attempted_at=st.datetimes(timezones=OFFSETS) | st.integers(0, 10**11 - 1),
)
@examples(300)
def test_any_delivery_comes_back(
    payload: bytes, message_id: str, attempted_at: datetime | int
) -> None:
    delivery = Delivery(message_id, attempted_at, payload)
    text = delivery.to_json()
    assert text.isascii()
    for form in (text, text.encode(), bytearray(text.encode()), memoryview(text.encode())):
        twin = Delivery.from_json(form)
        assert (twin.message_id, twin.attempted_at) == (message_id, delivery.attempted_at)
        assert twin.payload == payload
        assert twin.to_json() == text


def test_the_context_stays_behind() -> None:
    delivery = Delivery("msg_1", 1, BODY, context=object())
    assert Delivery.from_json(delivery.to_json()).context is None
    assert set(json.loads(delivery.to_json())) == set(WRITTEN)


def test_a_delivery_of_a_handler_can_be_written(router: Router) -> None:
    texts: list[str] = []
    router.on("user.created")(lambda event, delivery: texts.append(delivery.to_json()))
    router.dispatch(Delivery("msg_1", 1_700_000_000, BODY))
    assert json.loads(texts[0]) == WRITTEN


class Own(Delivery):
    """What somebody derives."""

    __slots__ = ()


def test_a_subclass_reads_itself() -> None:
    assert type(Own.from_json(json.dumps(WRITTEN))) is Own


class Boastful(datetime):
    """A datetime that writes itself in its own way."""

    def isoformat(self, *_: object, **__: object) -> str:
        return "teatime"


class Zone(tzinfo):
    def utcoffset(self, _: datetime | None) -> timedelta:
        return timedelta(hours=5, minutes=30, seconds=7)

    def dst(self, _: datetime | None) -> None:
        return None


@pytest.mark.parametrize(
    "instant",
    [
        Boastful(2026, 1, 1, tzinfo=timezone.utc),
        datetime(2026, 1, 1, 0, 0, 0, 5, tzinfo=Zone()),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
        datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-2))),
    ],
    ids=["class", "zone", "first", "last"],
)
def test_a_time_of_any_kind_comes_back(instant: datetime) -> None:
    delivery = Delivery("msg_1", instant, BODY)
    assert Delivery.from_json(delivery.to_json()).attempted_at == instant


def test_members_of_a_later_version_are_ignored() -> None:
    assert Delivery.from_json(json.dumps(WRITTEN | {"trace": "1"})).payload == BODY


def test_the_type_is_that_of_the_payload() -> None:
    for told in ("user.deleted", None, 5):
        assert Delivery.from_json(json.dumps(WRITTEN | {"type": told})).type == "user.created"
    assert Delivery.from_json(json.dumps({**WRITTEN, "type": None})).payload == BODY


@pytest.mark.parametrize("version", [0, 2, -1, 10**30])
@pytest.mark.parametrize("rest", [WRITTEN, {}], ids=["same", "other"])
def test_another_version_is_told_apart(version: int, rest: dict[str, Any]) -> None:
    with pytest.raises(PayloadError, match=f"has version {version}") as caught:
        Delivery.from_json(json.dumps({**rest, "v": version}))
    assert caught.value.reason == "unknown_version"


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in WRITTEN.items() if key != name}


MALFORMED: dict[str, tuple[Any, str]] = {
    "empty": ("", "not JSON"),
    "truncated": (json.dumps(WRITTEN)[:-1], "not JSON"),
    "not UTF-8": (b'{"v":1,"message_id":"\xff"}', "not JSON"),
    "half a character": (json.dumps(WRITTEN, ensure_ascii=False) + "\ud800", "not JSON"),
    "deep": ("[" * 1_000_000, "not"),
    "deep and closed": ("[" * 100_000 + "]" * 100_000, "not an object"),
    "a long number": ('{"v":' + "1" * 10_000 + "}", "not JSON"),
    "a byte order mark": ("\ufeff" + json.dumps(WRITTEN), "not JSON"),
    "text": ('"msg_1"', "not an object"),
    "a list": ("[1]", "not an object"),
    "null": ("null", "not an object"),
    "Clerk's own payload": (BODY, "no version"),
    "no version": (without("v"), "no version"),
    "a version in text": (WRITTEN | {"v": "1"}, "no version"),
    "a version with a point": (WRITTEN | {"v": 1.0}, "no version"),
    "a version that is true": (WRITTEN | {"v": True}, "no version"),
    "no id": (without("message_id"), "no `message_id`"),
    "a number as the id": (WRITTEN | {"message_id": 5}, "no `message_id`"),
    "no time": (without("attempted_at"), "`attempted_at`"),
    "a time in seconds": (WRITTEN | {"attempted_at": 1_700_000_000}, "`attempted_at`"),
    "a time in words": (WRITTEN | {"attempted_at": "noon"}, "`attempted_at`"),
    "a time without an offset": (WRITTEN | {"attempted_at": "2026-01-01T00:00:00"}, "offset"),
    "no payload": (without("payload"), "either"),
    "two payloads": (WRITTEN | {"payload_base64": "e30="}, "either"),
    "null as the payload": (WRITTEN | {"payload": None}, "either"),
    "an object as the payload": (WRITTEN | {"payload": json.loads(BODY)}, "either"),
    "a number as the payload": (without("payload") | {"payload_base64": 5}, "either"),
    "half a character as the payload": (WRITTEN | {"payload": "\ud800"}, "half a character"),
    "no base64": (without("payload") | {"payload_base64": "e30"}, "not base64"),
    "signs that are not base64": (without("payload") | {"payload_base64": "e3 0="}, "not base64"),
    "base64 that is not ASCII": (without("payload") | {"payload_base64": "é30="}, "not base64"),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_any_other_text_is_refused_with_a_reason_of_its_own(kind: str) -> None:
    text, problem = MALFORMED[kind]
    with pytest.raises(PayloadError, match=problem) as caught:
        Delivery.from_json(json.dumps(text) if isinstance(text, dict) else text)
    assert caught.value.reason == "not_a_delivery"
    assert str(caught.value).startswith("not the text of a delivery: ")
    assert "Zo" not in str(caught.value)


VALUES = (
    st.sampled_from([None, True, 1, 1.0, [1], {}, float("nan"), WRITTEN["attempted_at"], "e30="])
    | st.integers()
    | st.text(st.characters())
)


@given(
    text=st.text(st.characters())
    | st.binary()
    | st.builds(json.dumps, VALUES)
    | st.builds(
        lambda changes: json.dumps(WRITTEN | changes),
        st.dictionaries(st.sampled_from([*WRITTEN, "payload_base64"]), VALUES),
    )
)
@examples(300)
def test_no_text_raises_anything_else(text: Any) -> None:
    reason = ""
    try:
        delivery = Delivery.from_json(text)
        assert Delivery.from_json(delivery.to_json()) == delivery
    except PayloadError as error:
        reason = error.reason
    assert reason in ("", "not_a_delivery", "unknown_version")


@pytest.mark.parametrize("value", [None, 5, WRITTEN, ["a"]], ids=["none", "int", "dict", "list"])
def test_what_is_not_text_is_a_mistake_of_the_caller(value: Any) -> None:
    with pytest.raises(InputTypeError, match="from_json takes the text that to_json has written"):
        Delivery.from_json(value)


def test_a_caller_whose_stack_is_deep_reads_it_as_well() -> None:
    text = json.dumps(WRITTEN)

    def read(frames: int) -> Delivery | None:
        try:
            return read(frames + 1) or Delivery.from_json(text)
        except RecursionError:
            return None

    assert read(0) == Delivery.from_json(text)
