"""Deliveries: three ways to read one payload that always agree, and what they never show."""

import copy
import json
import pickle
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clerk_hooks import Delivery, InputTypeError, PayloadError, parse_event
from clerk_hooks.delivery import is_readable_as
from clerk_hooks.event_types import EVENT_TYPES
from clerk_hooks.events import UnknownEvent, UserCreated
from clerk_hooks.parsing import likely_type

from .properties import examples

NOW = 1_700_000_000
INSTANT = datetime(2023, 11, 14, 22, 13, 20, tzinfo=timezone.utc)
BODY = b'{"type": "user.created", "data": {"id": "user_1", "first_name": "Zo\xc3\xab"}}'


def delivery(payload: bytes | str = BODY) -> Delivery:
    return Delivery("msg_1", NOW, payload.encode() if isinstance(payload, str) else payload)


def test_a_delivery_tells_what_arrived() -> None:
    assert delivery().message_id == "msg_1"
    assert delivery().payload == BODY
    assert delivery().attempted_at == INSTANT
    assert delivery().attempted_at.tzinfo is timezone.utc
    assert delivery().type == "user.created"
    assert delivery().json()["data"] == {"id": "user_1", "first_name": "Zoë"}
    event = delivery().event
    assert isinstance(event, UserCreated)
    assert event.data.first_name == "Zoë"


FAR = '"far": "' + "_" * 99 + '"'
MANY = ", ".join(f'"key{n}": {n}' for n in range(99))
CREATED_OR_NOT = {
    "first": r'{"type": "user.created", DATA}',
    "last": r'{DATA, "type": "user.created"}',
    "in the middle": rf'{{{FAR}, DATA, "type": "user.created", {FAR}}}',
    "without blanks": r'{"type":"user.created",DATA}',
    "with many blanks": '\n\t {\r\n"type" \t:\n"user.created" , DATA }\n',
    "after a nested one": r'{"x": {"type": "user.deleted"}, DATA, "type": "user.created"}',
    "before a nested one": r'{"type": "user.created", DATA, "x": {"type": "user.deleted"}}',
    "far from nested ones": rf'{{"x": [{{"type": "user.deleted"}}], {FAR}, DATA, '
    rf'"type": "user.created", {FAR}, "y": {{"type": "user.updated"}}}}',
    "after an unknown one": r'{"x": {"type": "moon.landed"}, DATA, "type": "user.created"}',
    "after a text": r'{"x": "\"type\": \"user.deleted\"", "type": "user.created", DATA}',
    "escaped key": r'{"x": {"type": "user.deleted"}, "\u0074ype": "user.created", DATA}',
    "escaped value": r'{"type": "user\u002ecreated", DATA}',
    "beside similar keys": r'{"Type": "a", "type ": "b", "type": "user.created", DATA}',
    "last of two": r'{"type": "user.deleted", DATA, "type": "user.created"}',
    "last of two, escaped": r'{"type": "user.deleted", DATA, "\u0074ype": "user.created"}',
    "last of two among many": rf'{{"type": "user.deleted", {MANY}, DATA, "type": "user.created"}}',
    "last of two, after a number": r'{"type": 5, DATA, "type": "user.created"}',
}


@pytest.mark.parametrize("place", CREATED_OR_NOT)
@pytest.mark.parametrize("type_first", [True, False], ids=["type first", "event first"])
def test_the_type_is_the_top_level_one(place: str, type_first: bool) -> None:
    one = delivery(CREATED_OR_NOT[place].replace("DATA", '"data": {"id": "user_1"}'))
    if type_first:
        assert one.type == "user.created"
    assert type(one.event) is UserCreated
    assert one.event.type == one.type == one.json()["type"] == "user.created"


@pytest.mark.parametrize("name", ["moon.landed", "", "\0 \U0001f680 é", "user.created\n", "*"])
def test_any_other_type_is_an_unknown_event(name: str) -> None:
    one = delivery(json.dumps({"type": name, "data": [1]}))
    assert one.type == name
    assert isinstance(one.event, UnknownEvent)
    assert (one.event.type, one.event.data) == (name, [1])


NOT_JSON = {
    "empty": b"",
    "blank": b" \n",
    "text": b"hello",
    "truncated": BODY[:-1],
    "trailing text": BODY + b"x",
    "two documents": BODY + BODY,
    "byte order mark": b"\xef\xbb\xbf" + BODY,
    "UTF-16": BODY.decode().encode("utf-16"),
    "not UTF-8": BODY.replace(b"\xab", b""),
    "single quotes": BODY.replace(b'"', b"'"),
    "trailing comma": BODY[:-1] + b",}",
    "raw control character": BODY.replace(b"Zo", b"\x00"),
    "encoded lone surrogate": BODY.replace(b"Zo", b"\xed\xa0\x80"),
    "deep and never closed": b'{"type": "user.created", "data": ' + b"[" * 100_000,
    "deep and closed too often": b'{"type": "user.created", "data": ' + b"[" * 300 + b"]" * 400,
}
NO_TYPE = {
    "no member": b'{"data": {"type": "user.created"}}',
    "null": b'{"type": null}',
    "number": b'{"type": 5, "data": {"type": "user.created"}}',
    "list": b'{"type": ["user.created"]}',
    "last of two": b'{"type": "user.created", "data": {"id": "user_1"}, "type": 5}',
    "other case": b'{"Type": "user.created"}',
}
NO_OBJECT = {
    "null": b"null",
    "text": b'"type"',
    "number": b"5",
    "list": b'[{"type": "user.created"}]',
    "not a number": b"NaN",
}


def reading(name: str) -> Callable[[Delivery], object]:
    return {
        "type": lambda one: one.type,
        "event": lambda one: one.event,
        "json": lambda one: one.json(),
        "parse_event": lambda one: parse_event(one.payload),
    }[name]


@pytest.mark.parametrize("read", ["type", "event", "json", "parse_event"])
@pytest.mark.parametrize("kind", NOT_JSON)
def test_what_is_not_json_is_a_payload_error(kind: str, read: str) -> None:
    one = delivery(NOT_JSON[kind])
    for _ in range(2):  # A failure is not remembered as something else.
        with pytest.raises(PayloadError, match="not JSON") as caught:
            reading(read)(one)
        assert caught.value.reason == "not_json"


@pytest.mark.parametrize("read", ["type", "event", "json", "parse_event"])
def test_an_empty_payload_is_said_to_be_empty(read: str) -> None:
    with pytest.raises(PayloadError, match="it is empty"):
        reading(read)(delivery(b""))


@pytest.mark.parametrize("read", ["type", "event", "parse_event"])
@pytest.mark.parametrize("kind", NO_TYPE)
def test_an_object_without_a_textual_type_is_no_event(kind: str, read: str) -> None:
    with pytest.raises(PayloadError, match="no `type`, or it is not text") as caught:
        reading(read)(delivery(NO_TYPE[kind]))
    assert caught.value.reason == "no_type"
    assert delivery(NO_TYPE[kind]).json() == json.loads(NO_TYPE[kind])


@pytest.mark.parametrize("read", ["type", "event", "json", "parse_event"])
@pytest.mark.parametrize("kind", NO_OBJECT)
def test_json_that_is_no_object_is_no_event(kind: str, read: str) -> None:
    with pytest.raises(PayloadError) as caught:
        reading(read)(delivery(NO_OBJECT[kind]))
    assert caught.value.reason == ("bad_shape" if read == "json" else "no_type")


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "9" * 400, "-0", "1E5"])
def test_unusual_numbers_are_read_alike(number: str) -> None:
    one = delivery(f'{{"type": "moon.landed", "data": {number}}}')
    event = one.event
    assert isinstance(event, UnknownEvent)
    assert repr(event.data) == repr(one.json()["data"])


def test_a_payload_of_another_shape_says_where() -> None:
    body = '{"type": "user.created", "data": {"id": 5, "email_addresses": [{"id": "s3cret"}]}}'
    one = delivery(body)
    assert one.type == "user.created"
    assert one.json()["data"]["id"] == 5
    with pytest.raises(PayloadError, match=r"its type: data\.id is missing or not text$") as caught:
        _ = one.event
    assert caught.value.reason == "bad_shape"
    assert "s3cret" not in f"{caught.value}{caught.value.__cause__}"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "id", "a"]), inner, max_size=3)
    ),
    max_leaves=5,
)
names = st.sampled_from([*EVENT_TYPES]) | st.sampled_from(["moon.landed", "user.created"])
members = st.one_of(
    st.tuples(st.just("type"), names | values),
    st.tuples(st.just("data"), st.just({"id": "1"}) | values),
    st.tuples(st.sampled_from(["Type", "timestamp", "x"]) | st.text(max_size=3), values),
    st.tuples(st.just("x"), st.fixed_dictionaries({"type": names})),
)


@st.composite
def json_texts(draw: st.DrawFn) -> str:
    """Objects, with keys that come twice and blanks in places, and some other documents."""
    blank = draw(st.sampled_from(["", " ", "\t\r\n"]))

    def dumps(value: Any) -> str:
        return blank + json.dumps(value, ensure_ascii=draw(st.booleans())) + blank

    pairs: list[tuple[str, Any]] = [("data", {"id": "1"}), ("type", draw(names))]
    pairs = draw(st.permutations(pairs + draw(st.lists(members, max_size=3))))
    if draw(st.integers(0, 9)) == 9:
        return dumps(draw(values))
    text = ",".join(f"{dumps(key)}:{dumps(value)}" for key, value in pairs)
    return f"{blank}{{{text}}}" + draw(st.sampled_from(["", "", "", "", "", blank, blank, "x"]))


@examples(300)
@given(json_texts())
def test_type_event_and_json_agree(text: str) -> None:
    fresh, typed = delivery(text), delivery(text)
    expected = expected_type(fresh)
    if expected is None:
        for read in ("type", "event", "parse_event"):
            with pytest.raises(PayloadError):
                reading(read)(fresh)
        return
    assert typed.type == expected
    events = [shown(one, read) for one in (fresh, typed) for read in ("event", "parse_event")]
    assert len(set(events)) == 1
    if expected not in EVENT_TYPES:
        assert isinstance(fresh.event, UnknownEvent)


def expected_type(one: Delivery) -> str | None:
    try:
        name = one.json().get("type")
    except PayloadError:
        return None
    return name if isinstance(name, str) else None


def shown(one: Delivery, read: str) -> str:
    try:
        event: Any = reading(read)(one)
        return f"{type(event)} {event.model_dump()} {event.unreadable}"
    except PayloadError as error:
        return f"{error.reason}: {error}"


@pytest.mark.parametrize(
    ("payload", "guess"),
    [
        (b'{"type":"user.created","data":{"id":"1"}}', "user.created"),
        (b'{"data":{"id":"1"},"type":"user.created"}', "user.created"),
        (b'{\n  "type": "user.created",\n  "data": {"id": "1"}\n}\n', "user.created"),
        (b'{\n  "data": {"id": "1"},\n  "type": "user.created"\n}\n', "user.created"),
        (b'{"type":"moon.landed","data":{"id":"1"}}', None),
        (b'{"data":{"id":"1"},"type":"\xff"}', None),
        (b'{"type":"user.created', None),
        (b"", None),
    ],
)
def test_a_known_type_at_either_end_is_guessed(payload: bytes, guess: str | None) -> None:
    assert likely_type(payload) == guess


def test_a_guess_at_the_type_is_answered_and_leaves_nothing_wrong_behind() -> None:
    for other in ("user.deleted", "foo.bar"):
        guessed = delivery()
        assert not is_readable_as(guessed, other)
        assert isinstance(guessed.event, UserCreated)
        assert is_readable_as(guessed, "user.created")
    read = delivery()
    assert read.type == "user.created"
    assert is_readable_as(read, "user.created")
    assert not is_readable_as(read, "foo.bar")
    assert not is_readable_as(delivery(b'{"type": "user.created", "data": 1}'), "user.created")
    assert not is_readable_as(delivery(b"{"), "user.created")
    unknown = delivery(b'{"type": "foo.bar", "data": 1}')
    assert not is_readable_as(unknown, "foo.bar")
    assert unknown.event.type == "foo.bar"
    assert not is_readable_as(unknown, "foo.bar")


def test_the_event_is_parsed_once_and_the_json_each_time() -> None:
    one = delivery()
    assert one.event is one.event
    assert one.json() is not one.json()
    one.json().clear()
    assert one.json()["type"] == "user.created"


def test_deliveries_are_equal_by_what_arrived() -> None:
    assert delivery() == delivery() == Delivery("msg_1", INSTANT, BODY)
    assert delivery() == Delivery("msg_1", INSTANT.astimezone(timezone(timedelta(hours=5))), BODY)
    assert len({delivery(), delivery(), Delivery("msg_1", INSTANT, BODY)}) == 1
    others = {
        Delivery("msg_2", NOW, BODY),
        Delivery("msg_1", NOW + 1, BODY),
        Delivery("msg_1", NOW, BODY + b" "),
        ("msg_1", INSTANT, BODY),
    }
    assert delivery() not in others
    assert all(other != delivery() for other in others)


def test_what_is_not_a_delivery_says_itself_whether_it_equals_one() -> None:
    assert delivery() == mock.ANY
    assert (delivery() == BODY) is False


def test_reading_a_delivery_does_not_change_what_it_equals() -> None:
    read = delivery()
    assert (read.event.type, read.type) == ("user.created", "user.created")
    assert read == delivery()
    assert hash(read) == hash(delivery())
    assert repr(read) == repr(delivery())


@pytest.mark.parametrize("name", ["message_id", "attempted_at", "payload", "type", "event", "new"])
def test_a_delivery_cannot_be_changed(name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(delivery(), name, None)
    with pytest.raises(AttributeError):
        delattr(delivery(), name)


@pytest.mark.parametrize("read", [False, True], ids=["unread", "read"])
@pytest.mark.parametrize(
    "duplicate",
    [lambda one: pickle.loads(pickle.dumps(one)), copy.copy, copy.deepcopy],
    ids=["pickle", "copy", "deepcopy"],
)
def test_a_delivery_can_be_copied(duplicate: Callable[[Delivery], Delivery], read: bool) -> None:
    one = delivery()
    if read:
        assert one.event.type == "user.created"
    twin = duplicate(one)
    assert twin == one
    assert twin.event == one.event


def test_the_payload_is_not_shown() -> None:
    one = delivery()
    assert one.type in repr(one.event)
    for shown in (repr(one), str(one), f"{one}"):
        assert "msg_1" in shown
        assert "user" not in shown


@pytest.mark.parametrize("payload", [BODY.decode(), bytearray(BODY), memoryview(BODY)])
def test_a_payload_of_any_kind_is_kept_as_bytes(payload: Any) -> None:
    """Queues give back text, and views of buffers."""
    assert Delivery("msg_1", NOW, payload) == delivery()
    assert type(Delivery("msg_1", NOW, payload).payload) is bytes


@pytest.mark.parametrize(
    ("message_id", "attempted_at", "payload"),
    [
        (b"msg_1", NOW, BODY),
        (None, NOW, BODY),
        ("msg_1", None, BODY),
        ("msg_1", "2026-01-01", BODY),
        ("msg_1", 1.5, BODY),
        ("msg_1", -1, BODY),
        ("msg_1", 10**11, BODY),
        ("msg_1", datetime(2026, 1, 1), BODY),  # noqa: DTZ001 - naive on purpose
        ("msg_1", NOW, None),
        ("msg_1", NOW, {"type": "user.created"}),
    ],
)
def test_a_delivery_of_anything_else_is_refused(
    message_id: Any, attempted_at: Any, payload: Any
) -> None:
    with pytest.raises(InputTypeError):
        Delivery(message_id, attempted_at, payload)


def test_the_first_and_the_last_second_of_a_timestamp_are_instants() -> None:
    assert Delivery("msg_1", 0, BODY).attempted_at.year == 1970
    assert Delivery("msg_1", 10**11 - 1, BODY).attempted_at.year == 5138
