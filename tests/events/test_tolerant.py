"""One value that cannot be read costs neither the event nor anything else in it."""

import copy
import json
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_core import from_json

from clerk_hooks import Delivery, PayloadError, Processor, Router, UnreadableValue, parse_event
from clerk_hooks.event_types import EVENT_TYPES
from clerk_hooks.events import EmailAddress, Event, Model, UnknownEvent, User, UserCreated
from clerk_hooks.events._tolerant import read_tolerantly
from clerk_hooks.testing import sample_payload
from clerk_hooks.testing.strategies import payloads

from .walk import EVENTS

Path = tuple[str | int, ...]

text = st.text(max_size=5)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | text,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(text | st.sampled_from(["id", "type", "amount"]), inner, max_size=3)
    ),
    max_leaves=6,
)
DUPLICATES: list[Callable[[Any], Any]] = [
    copy.copy,
    copy.deepcopy,
    lambda one: pickle.loads(pickle.dumps(one)),
    lambda one: one.model_copy(),
]


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every place in a JSON value, at every depth."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in entries:
        yield (*path, key)
        if isinstance(inner, (dict, list)):
            yield from places(inner, (*path, key))


def changed(payload: Any, path: Path, value: Any) -> Any:
    """A copy of `payload` that has `value` at `path`."""
    payload = json.loads(json.dumps(payload))
    target = payload
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    return payload


def follow(event: Any, path: str) -> Any:
    for step in path.split("."):
        event = event[int(step)] if isinstance(event, list) else getattr(event, step)
    return event


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({name for name, _ in pairs}) == len(pairs)
    return dict(pairs)


def dumped(event: Model) -> Any:
    text = event.model_dump_json(exclude_unset=True)
    return json.loads(text, object_pairs_hook=without_duplicates)


def is_refused(payload: Any) -> bool:
    """Whether this is one of the payloads that no reading can make an event of."""
    if not isinstance(payload.get("type"), str):
        return True
    data = payload.get("data")
    return payload["type"] in EVENT_TYPES and not (
        isinstance(data, dict) and isinstance(data.get("id"), str)
    )


def assert_same_but(path: Path, new: Any, old: Any) -> None:
    """Every declared field has the same value in both models, but for what is at `path`."""
    for name in type(old).model_fields:
        if not path or path[0] != name:
            assert getattr(new, name) == getattr(old, name)
            continue
        rest, values = path[1:], (new.__dict__.get(name), old.__dict__.get(name))
        if rest and isinstance(rest[0], int) and all(isinstance(each, list) for each in values):
            for index, pair in enumerate(zip(*values, strict=True)):
                if index != rest[0]:
                    assert pair[0] == pair[1]
            values, rest = tuple(each[rest[0]] for each in values), rest[1:]  # type: ignore[index]
        if rest and all(isinstance(each, Model) for each in values):
            assert_same_but(rest, *values)


@st.composite
def changes(draw: st.DrawFn) -> tuple[dict[str, Any], Path, Any]:
    payload = sample_payload(draw(st.sampled_from([*EVENT_TYPES])), seed=draw(st.integers(0, 3)))
    return payload, draw(st.sampled_from([*places(payload)])), draw(json_values)


USER = sample_payload("user.created", seed=1)


@settings(max_examples=1000, deadline=None)
@given(changes())
@example((USER, ("data", "email_addresses", 0, "email_address"), {"to": "x"}))
@example((USER, ("data", "email_addresses", 0), None))
@example((USER, ("data", "email_addresses", 0), {}))
@example((USER, ("data", "created_at"), "soon"))
@example((USER, ("event_attributes",), [1]))
def test_any_value_in_any_sample_may_become_any_other(case: tuple[Any, Path, Any]) -> None:
    original, path, value = case
    payload = changed(original, path, value)
    delivery = Delivery("msg_1", 1, json.dumps(payload))
    if is_refused(payload):
        for read in (lambda: delivery.event, lambda: parse_event(payload)):
            with pytest.raises(PayloadError):
                read()
        return
    router, seen = Router(), list[Any]()
    router.on("*", name="keep")(seen.append)
    assert Processor(router).process(delivery) == "handled"
    [event] = seen
    assert type(event) is EVENTS.get(payload["type"], UnknownEvent)
    if payload["type"] == original["type"]:
        assert_same_but(path, event, parse_event(original))
    for name in event.unreadable:
        assert tuple(name.split(".")) <= tuple(map(str, path)) or name.startswith(
            ".".join(map(str, path))
        )
        with pytest.raises(UnreadableValue):
            follow(event, name)
    assert delivery.json() == payload
    assert parse_event(payload) == event
    dump = dumped(event)
    if event.unreadable or path[-1] not in follow_parent_fields(event, path):
        assert dump == payload
    else:  # What fits may be spelt in another way: "5" for 5, or seconds.
        assert changed(dump, path, None) == changed(payload, path, None)
    for duplicate in DUPLICATES:
        twin = duplicate(event)
        assert twin == event
        assert twin.unreadable == event.unreadable
        assert dumped(twin) == dump


def follow_parent_fields(event: Any, path: Path) -> Any:
    """The declared fields of the object that has the last name of `path`."""
    for step in path[:-1]:
        event = event[step] if isinstance(event, (list, dict)) else getattr(event, str(step))
    return type(event).model_fields if isinstance(event, Model) else {}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([*EVENT_TYPES]).flatmap(payloads))
def test_what_fits_is_read_alike_by_both_readings(payload: dict[str, Any]) -> None:
    first = EVENTS[payload["type"]].model_validate_json(json.dumps(payload))
    second = read_tolerantly(type(first), from_json(json.dumps(payload)))
    assert_alike(first, second)
    assert second.unreadable == ()
    assert second.model_dump_json() == first.model_dump_json()


def assert_alike(first: Any, second: Any) -> None:
    assert type(first) is type(second)
    if isinstance(first, Model):
        assert first == second
        assert first.model_fields_set == second.model_fields_set
        assert [*first.__dict__] == [*second.__dict__]
        for name in type(first).model_fields:
            assert_alike(getattr(first, name), getattr(second, name))
    elif isinstance(first, list):
        for pair in zip(first, second, strict=True):
            assert_alike(*pair)


leaves = st.none() | st.booleans() | st.integers() | st.floats() | text
numbers = (
    st.integers(-(10**20), 10**20) | st.floats() | st.integers().map(str) | st.floats().map(str)
)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(["banned", "created_at", "lockout_expires_in_seconds"]), leaves | numbers)
def test_a_leaf_is_read_by_the_second_reading_as_it_is_by_the_first(name: str, value: Any) -> None:
    payload = {"type": "user.created", "data": {"id": "x", name: value}}
    second = read_tolerantly(UserCreated, from_json(json.dumps(payload)))
    try:
        first = UserCreated.model_validate_json(json.dumps(payload))
    except ValidationError:
        assert second.unreadable == (f"data.{name}",)
    else:
        assert repr(getattr(second.data, name)) == repr(getattr(first.data, name))


# --- what an unreadable value is ---

BODY = {
    "type": "user.created",
    "data": {
        "id": "user_1",
        "first_name": "Ada",
        "locale": {"language": "en"},
        "email_addresses": [
            {"id": "idn_1", "email_address": "ada@example.com", "reserved": {}},
            {"id": "idn_2"},
        ],
        "phone_numbers": [{"phone_number": "+1"}, None],
        "passkeys": 5,
        "scim": {"directory_id": 1, "external_id": "x"},
    },
}
PATHS = (
    "data.locale",
    "data.email_addresses.0.reserved",
    "data.email_addresses.1.email_address",
    "data.phone_numbers",
    "data.passkeys",
    "data.scim.directory_id",
)


def user(payload: Any = BODY) -> Any:
    return parse_event(payload).data


def test_the_paths_of_unreadable_values_are_named() -> None:
    event = parse_event(BODY)
    assert sorted(event.unreadable) == sorted(PATHS)
    assert parse_event(json.dumps(BODY)).unreadable == event.unreadable
    assert parse_event(USER).unreadable == ()


@pytest.mark.parametrize("path", PATHS)
def test_reading_an_unreadable_value_is_an_error_that_nothing_hides(path: str) -> None:
    event = parse_event(BODY)
    name = path.rpartition(".")[2]
    model = follow(event, path.rpartition(".")[0])
    for read in (
        lambda: getattr(model, name),
        lambda: getattr(model, name, None),
        lambda: hasattr(model, name),
    ):
        with pytest.raises(UnreadableValue, match=rf"^{type(model).__name__}\.{name} ") as caught:
            read()
        assert not isinstance(caught.value, AttributeError)
        assert "language" not in str(caught.value)


def test_the_raw_value_is_in_the_extra_fields_unless_nothing_arrived() -> None:
    assert user().model_extra == {
        name: BODY["data"][name]
        for name in ("locale", "phone_numbers", "passkeys")  # type: ignore[index]
    }
    assert user().email_addresses[0].model_extra == {"reserved": {}}
    assert user().email_addresses[1].model_extra == {}


def test_the_rest_is_as_usual() -> None:
    assert user().first_name == "Ada"
    assert [type(each) for each in user().email_addresses] == [EmailAddress, EmailAddress]
    assert user().scim.external_id == "x"
    assert user().web3_wallets == []
    assert user().banned is None


def test_a_name_that_no_model_has_is_still_an_attribute_error() -> None:
    assert not hasattr(user(), "favourite_colour")


def test_a_copy_with_another_value_is_readable_and_has_the_key_once() -> None:
    mended = user().model_copy(update={"locale": "en"})
    assert mended.locale == "en"
    assert "locale" not in mended.model_extra
    assert dumped(mended)["locale"] == "en"
    assert user().model_copy(update={"new": 1}).model_extra["new"] == 1


def test_a_pattern_does_not_take_an_unreadable_value_for_none() -> None:
    def has_no_locale(event: Any) -> bool:
        match event:
            case UserCreated(data=User(locale=None)):
                return True
            case _:
                return False

    assert has_no_locale(parse_event(USER | {"data": {"id": "x"}}))
    with pytest.raises(UnreadableValue):
        has_no_locale(parse_event(BODY))


def test_an_object_that_lacks_its_only_required_field_lacks_that() -> None:
    with pytest.raises(UnreadableValue):
        _ = user().email_addresses[1].email_address
    assert user().email_addresses[1].id == "idn_2"


@pytest.mark.parametrize("event_type", ["user.created", "newer.type"])
def test_the_envelope_follows_the_same_rule(event_type: str) -> None:
    payload = {
        "type": event_type,
        "data": {"id": "x"},
        "object": 5,
        "timestamp": "soon",
        "event_attributes": {"http_request": {"client_ip": 1, "user_agent": "curl"}},
    }
    event: Event[Any] = parse_event(payload)
    names = ("object", "timestamp", "event_attributes.http_request.client_ip")
    assert sorted(event.unreadable) == sorted(names)
    assert event.event_attributes
    assert event.event_attributes.http_request
    assert event.event_attributes.http_request.user_agent == "curl"
    assert dumped(event) == payload


def test_classes_stay_strict() -> None:
    with pytest.raises(ValidationError):
        UserCreated.model_validate(BODY)
    with pytest.raises(ValidationError):
        UnknownEvent.model_validate({"type": "newer.type", "timestamp": "soon"})


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({"type": "user.created"}, "data is not an object"),
        ({"type": "user.created", "data": [1]}, "data is not an object"),
        ({"type": "user.created", "data": {}}, "data.id is missing or not text"),
        ({"type": "user.created", "data": {"id": 5}}, "data.id is missing or not text"),
        ({"type": "user.created", "data": {"id": "x", 5: 6}}, "data is not an object"),
        ({"type": "user.created", 5: 6}, "a key is not text"),
    ],
)
def test_what_is_no_event_at_all_is_still_refused(payload: Any, said: str) -> None:
    with pytest.raises(PayloadError, match=said):
        parse_event(payload)


def test_half_a_surrogate_pair_in_a_key_is_kept_by_the_dump() -> None:
    payload = {"type": "user.created", "data": {"id": "x", "public_metadata": {"\ud83d": "\udc00"}}}
    event = parse_event(payload)
    assert event.unreadable == ()
    assert dumped(event) == payload
    assert event.model_dump_json(indent=1, exclude_unset=True).startswith('{\n "')


def test_half_a_surrogate_pair_in_the_name_of_a_new_field_is_not_taken_for_a_missing_type() -> None:
    event = parse_event({"type": "newer.type", "\ud83d": 1})
    assert (event.type, event.unreadable, event.model_extra) == ("newer.type", (), {"\ud83d": 1})


# --- how much it may cost ---


def addresses(count: int, **fields: Any) -> dict[str, Any]:
    broken = [{"id": f"idn_{number}", "reserved": {}} | fields for number in range(count)]
    return {"type": "user.created", "data": {"id": "x", "email_addresses": broken, "passkeys": 5}}


def test_up_to_a_hundred_unreadable_values_are_named_one_by_one() -> None:
    event: Any = parse_event(addresses(49))
    assert len(event.unreadable) == 99
    assert event.unreadable[-1] == "data.passkeys"
    assert len(event.data.email_addresses) == 49


def test_with_more_the_field_of_data_that_has_the_next_one_is_absent() -> None:
    payload = addresses(60, email_address="x") | {"object": 7}
    payload["data"]["phone_numbers"] = [{}] * 60
    event: Any = parse_event(payload)
    assert len(event.unreadable) == 1 + 60 + 2
    assert "data.phone_numbers" in event.unreadable
    assert not any(name.startswith("data.phone_numbers.") for name in event.unreadable)
    assert len(event.data.email_addresses) == 60
    for name in ("phone_numbers", "passkeys"):
        with pytest.raises(UnreadableValue):
            getattr(event.data, name)
    with pytest.raises(UnreadableValue):
        _ = event.object
    assert dumped(event) == payload


def test_at_most_a_hundred_paths_are_kept() -> None:
    event: Any = parse_event(addresses(50) | {"object": 7, "timestamp": []})
    assert len(event.unreadable) == 100
    for read in (lambda: event.object, lambda: event.timestamp):
        with pytest.raises(UnreadableValue):
            read()


def test_an_event_shows_its_type_and_its_id_and_nothing_else() -> None:
    for event in (parse_event(BODY), parse_event(USER)):
        for shown in (repr(event), str(event), f"{event}"):
            assert shown == f"UserCreated(type='user.created', id={event.data.id!r})"  # type: ignore[union-attr]
    assert str(parse_event({"type": "x", "data": {"id": "y", "z": 1}})) == (
        "UnknownEvent(type='x', id='y')"
    )
    assert repr(user()) == "User(id='user_1')"
    assert repr(user().scim) == "SCIMUserMetadata()"
    assert [*user().__rich_repr__()] == [("id", "user_1")]
