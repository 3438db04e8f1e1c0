"""JSON that pydantic's parser refuses is read all the same, whatever the caller's stack is."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clerk_hooks import Delivery, Endpoint, PayloadError, Router, parse_event, sign
from clerk_hooks.delivery import with_context
from clerk_hooks.events import UserUpdated
from clerk_hooks.json_text import MAX_DEPTH, JsonText, on_fresh_stack

SECRET = "whsec_" + "A" * 32
LONG = "9" * 4301


def body(metadata: str, **more: str) -> bytes:
    fields = {"id": '"user_1"', "unsafe_metadata": metadata, **more}
    data = ",".join(f'"{name}":{value}' for name, value in fields.items())
    return f'{{"type":"user.updated","data":{{{data}}}}}'.encode()


def deep(levels: int) -> str:
    return '{"a":' + "[" * (levels - 1) + "]" * (levels - 1) + "}"


REFUSED = {
    "220 levels": deep(220),
    "4,000 levels": deep(4000),
    "100,000 levels": deep(100_000),
    "a long integer": f'{{"n":{LONG}}}',
    "a long negative integer": f'{{"n":[-{LONG}]}}',
    "half a surrogate pair": r'{"bio":"cut \ud83d"}',
    "half a surrogate pair in a key": r'{"\udc00":1}',
    "all of them": rf'{{"a":{deep(300)},"b":{LONG},"c":"\ud83d"}}',
}
IS_CUT = {name: "surrogate" not in name for name in REFUSED}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_users_write_into_their_metadata_is_handled(kind: str) -> None:
    router, seen = Router(), list[UserUpdated]()
    router.on("user.updated", name="keep")(seen.append)
    payload = body(REFUSED[kind])
    reply = Endpoint(router, secret=SECRET).receive(payload, sign(payload, secret=SECRET))
    assert reply.status == 200
    [event] = seen
    delivery = Delivery("msg_1", 1, payload)
    assert delivery.type == delivery.json()["type"] == "user.updated"
    assert event == delivery.event == parse_event(payload)
    assert event.data.unsafe_metadata == delivery.json()["data"]["unsafe_metadata"]
    assert event.unreadable == (("data.unsafe_metadata",) if IS_CUT[kind] else ())
    assert json.loads(event.model_dump_json(exclude_unset=True)) == delivery.json()
    assert delivery.payload == payload


@pytest.mark.parametrize("levels", range(183, 206))
def test_the_readings_agree_where_the_first_one_begins_to_fail(levels: int) -> None:
    delivery = Delivery("msg_1", 1, body(deep(levels)))
    event: Any = delivery.event
    assert event.data.unsafe_metadata == delivery.json()["data"]["unsafe_metadata"]
    assert event == parse_event(delivery.payload)
    assert parse_event(event.model_dump_json(exclude_unset=True)).data == event.data


def test_what_is_cut_is_none_and_everything_else_is_kept() -> None:
    payload = body(f'{{"a":{deep(300)},"b":{LONG},"c":[1,"{{[",-7,1.5,{"9" * 4300}]}}')
    metadata = Delivery("msg_1", 1, payload).json()["data"]["unsafe_metadata"]
    assert metadata["b"] is None
    assert metadata["c"] == [1, "{[", -7, 1.5, int("9" * 4300)]
    inner, levels = metadata["a"]["a"], 5
    while inner != [None]:
        [inner], levels = inner, levels + 1
    assert levels == MAX_DEPTH


def test_half_a_surrogate_pair_is_read_as_it_is() -> None:
    event: Any = parse_event(body(r'{"bio":"cut \ud83d"}', first_name=r'"A\udc00"'))
    assert event.data.unsafe_metadata == {"bio": "cut \ud83d"}
    assert event.data.first_name == "A\udc00"
    assert event.unreadable == ()


def test_a_field_of_ours_that_was_cut_itself_is_unreadable() -> None:
    from clerk_hooks import UnreadableValue

    event: Any = parse_event(body("{}", created_at=LONG, passkeys=f'[{{"last_used_at":{LONG}}}]'))
    assert sorted(event.unreadable) == ["data.created_at", "data.passkeys.0.last_used_at"]
    for read in (lambda: event.data.created_at, lambda: event.data.passkeys[0].last_used_at):
        with pytest.raises(UnreadableValue):
            read()
    assert event.data.model_extra == {"created_at": None}


def test_the_path_of_a_cut_ends_at_the_last_name_of_ours() -> None:
    payload = body("{}", tomorrow=f'{{"x":{LONG}}}', external_accounts=f'[{{"new":{LONG}}}]')
    assert sorted(parse_event(payload).unreadable) == ["data", "data.external_accounts.0"]


@pytest.mark.parametrize(
    "payload",
    [
        body(deep(300))[:-1],
        body(deep(300) + "]"),
        body("[" * 300),
        body(r'{"a":"\ud83d}'),
        body(LONG + "x"),
        body('{"a":"\\ud83d"}').replace(b"a", b"\xff"),
        body('{"a":"\\ud83d"}').replace(b"a", b"\xed\xa0\x80"),
        b"\xef\xbb\xbf" + body(deep(300)),
        b'{"a":"\\ud83d", "type":' + b'"\\"' * 1000,
    ],
)
def test_what_is_not_json_is_still_refused(payload: bytes) -> None:
    delivery = Delivery("msg_1", 1, payload)
    for read in (lambda: delivery.type, lambda: delivery.event, delivery.json):
        with pytest.raises(PayloadError, match="not JSON") as caught:
            read()
        assert caught.value.reason == "not_json"
        assert caught.value.__cause__ is None


def test_a_type_that_was_cut_is_no_type() -> None:
    for cut in (LONG, deep(300)):
        delivery = Delivery("msg_1", 1, f'{{"type":{cut},"data":{{"id":"x"}}}}')
        with pytest.raises(PayloadError, match="no `type`, or it is not text"):
            _ = delivery.type
        assert delivery.json()["type"] is None or isinstance(delivery.json()["type"], dict)


def at_depth(frames: int, call: Callable[[], Any]) -> Any:
    """The result of `call`, from a stack that has so many frames more."""
    return call() if frames == 0 else at_depth(frames - 1, call)


@pytest.mark.parametrize("room", [60, 100, 150, 200, 250, 400])
@pytest.mark.parametrize("kind", REFUSED)
def test_the_readings_agree_however_deep_the_stack_of_the_caller_is(kind: str, room: int) -> None:
    payload = body(REFUSED[kind], locale="5")
    expected = Delivery("msg_1", 1, payload)
    used = len(__import__("inspect").stack(0))
    frames = sys.getrecursionlimit() - used - room

    def read() -> tuple[Any, ...]:
        one, two = Delivery("msg_1", 1, payload), Delivery("msg_1", 1, payload)
        return one.type, one.event, one.json(), two.json(), two.event, two.type

    found = at_depth(frames, read)
    values = expected.type, expected.event, expected.json()
    assert found == (*values, *reversed(values))
    assert found[1].unreadable == expected.event.unreadable


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    st.integers(-1, 1),
)
def test_other_json_is_read_as_the_first_reading_reads_it(value: Any, indent: int) -> None:
    from pydantic_core import from_json

    text = json.dumps(value, indent=indent or None).encode()
    assert JsonText.of(text).parse() == from_json(text)


@pytest.mark.parametrize(
    "text",
    ['"' + '\\"' * 200_000, "[" * 400_000, "[]," * 130_000, '"a",' * 100_000, "\\" * 400_000],
)
def test_the_pass_over_the_text_takes_linear_time(text: str) -> None:
    deep_text = "[" * 200 + text

    def seconds(size: int) -> float:
        started = time.process_time()
        JsonText.of(deep_text[:size].encode())
        return time.process_time() - started

    seconds(50_000)
    small = min(seconds(50_000) for _ in range(3))
    assert min(seconds(400_000) for _ in range(3)) < 8 * 4 * max(small, 0.001)


def test_an_error_on_a_fresh_stack_is_the_callers() -> None:
    def fails() -> None:
        depths.append(len(__import__("inspect").stack(0)))
        if len(depths) == 1:
            raise RecursionError
        raise ValueError("x")

    depths: list[int] = []
    with pytest.raises(ValueError, match="x"):
        on_fresh_stack(fails)
    assert depths[1] < depths[0]


@pytest.fixture
def second_readings(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The payloads that were read a second time."""
    from clerk_hooks import reading

    payloads: list[bytes] = []
    read = reading.second_json

    def noted(payload: bytes) -> object:
        payloads.append(payload)
        return read(payload)

    monkeypatch.setattr(reading, "second_json", noted)
    return payloads


@pytest.mark.parametrize("first", ["type", "event", "json"])
def test_a_payload_is_read_a_second_time_only_once(
    first: str, second_readings: list[bytes]
) -> None:
    delivery = Delivery("msg_1", 1, body(REFUSED["all of them"]))
    twin = with_context(delivery, "a copy shares what was read")
    for name in (first, "type", "event", "json"):
        for one in (delivery, twin):
            read = getattr(one, name)
            assert read() if name == "json" else read
    assert len(second_readings) == 1


def test_what_is_not_json_is_tried_a_second_time_only_once(second_readings: list[bytes]) -> None:
    payload = body("{")
    reply = Endpoint(Router(), secret=SECRET).receive(payload, sign(payload, secret=SECRET))
    assert reply.status == 422
    assert len(second_readings) == 1


def test_each_json_of_a_second_reading_is_a_new_value() -> None:
    delivery = Delivery("msg_1", 1, body(REFUSED["all of them"]))
    event: Any = delivery.event
    expected = delivery.json()
    delivery.json()["data"]["unsafe_metadata"].clear()
    event.data.unsafe_metadata.clear()
    assert delivery.json() == expected
    assert delivery.json()["data"]["unsafe_metadata"]["c"] == "\ud83d"


def test_a_value_that_does_not_fit_warns_once_for_all_copies(
    caplog: pytest.LogCaptureFixture,
) -> None:
    delivery = Delivery("msg_1", 1, body("{}", locale="5"))
    for one in (with_context(delivery, 1), delivery, with_context(delivery, 2)):
        assert one.event.unreadable == ("data.locale",)
    assert len(caplog.records) == 1
