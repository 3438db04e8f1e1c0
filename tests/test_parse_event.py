"""`parse_event`: typed parsing without verification, of what workers and tests have."""

import copy
import json
from collections import OrderedDict, UserDict
from types import MappingProxyType
from typing import Any

import pytest

from clerk_hooks import InputTypeError, PayloadError, parse_event
from clerk_hooks.events import UnknownEvent, UserCreated, UserDeleted

MEMBERS: dict[str, Any] = {"type": "user.deleted", "data": {"id": "user_1", "deleted": True}}
TEXT = json.dumps(MEMBERS)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(TEXT, id="text"),
        pytest.param(TEXT.encode(), id="bytes"),
        pytest.param(bytearray(TEXT.encode()), id="bytearray"),
        pytest.param(memoryview(TEXT.encode()), id="memoryview"),
        pytest.param(MEMBERS, id="dict"),
        pytest.param(OrderedDict(MEMBERS), id="OrderedDict"),
        pytest.param(UserDict(MEMBERS), id="UserDict"),
        pytest.param(MappingProxyType(MEMBERS), id="read-only mapping"),
    ],
)
def test_an_event_is_parsed_from_text_bytes_or_a_mapping(payload: Any) -> None:
    event = parse_event(payload)
    assert isinstance(event, UserDeleted)
    assert event.data.id == "user_1"


@pytest.mark.parametrize("payload", [None, 5, ["type"], [("type", "user.created")], object()])
def test_nothing_else_is_parsed(payload: Any) -> None:
    with pytest.raises(InputTypeError) as caught:
        parse_event(payload)
    assert caught.value.reason == "bad_body"


@pytest.mark.parametrize(
    "payload",
    [{}, {"type": None}, {"type": 5}, {"type": ["user.created"]}, {"data": {}}, {b"type": "a"}],
)
def test_a_mapping_without_a_textual_type_is_no_event(payload: Any) -> None:
    with pytest.raises(PayloadError, match="no `type`, or it is not text") as caught:
        parse_event(payload)
    assert caught.value.reason == "no_type"


def test_a_mapping_of_another_shape_says_where() -> None:
    with pytest.raises(PayloadError, match=r"its type: data\.id is ") as caught:
        parse_event({"type": "user.created", "data": {"id": ["s3cret"]}})
    assert "s3cret" not in f"{caught.value}{caught.value.__cause__}"


def test_a_mapping_is_not_changed() -> None:
    members = copy.deepcopy(MEMBERS)
    parse_event(members)
    assert members == MEMBERS


def test_a_type_that_is_not_known_is_an_unknown_event() -> None:
    event = parse_event({"type": "moon.landed", "data": [1, None], "timestamp": "soon"})
    assert isinstance(event, UnknownEvent)
    assert (event.type, event.data) == ("moon.landed", [1, None])


def test_text_and_mapping_give_equal_events() -> None:
    members = {"type": "user.created", "data": {"id": "user_1", "x": [1.5, "\U0001f680"]}}
    event = parse_event(members)
    assert isinstance(event, UserCreated)
    assert parse_event(json.dumps(members)) == event
