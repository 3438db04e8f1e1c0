"""Whatever arrives can be written out again: nothing is lost, changed or refused."""

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clerk_hooks import parse_event
from clerk_hooks.event_types import EVENT_TYPES
from clerk_hooks.events import BillingCredit, Model, UnknownEvent

from ..properties import examples
from .walk import EVENTS, as_dumped, milliseconds, model_in, parts

SAMPLE = Path(__file__).parents[1] / "samples" / "user_created.json"

text = st.text(max_size=10)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
instants = st.datetimes(
    timezones=st.none()
    | st.just(timezone.utc)
    | st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
)
timestamps = (
    st.integers(-20_000_000_000, 20_000_000_000)  # Seconds.
    | st.integers(20_000_000_001, 253_402_300_799_999)  # Milliseconds, up to the year 9999.
    | st.integers(-62_135_596_800_000, -20_000_000_001)
    | instants.map(datetime.isoformat)
)
SCALARS: dict[type, st.SearchStrategy[Any]] = {
    type(None): st.none(),
    bool: st.booleans(),
    int: st.integers(),
    float: st.floats(allow_nan=False),
    str: text,
    datetime: timestamps,
    dict: st.dictionaries(text, json_values, max_size=3),
}


@st.composite
def payloads(draw: st.DrawFn, model: type[Model]) -> dict[str, Any]:
    """A payload of a model: some of its fields, and some that it does not know."""
    fields = model.model_fields
    optional = [name for name, field in fields.items() if not field.is_required()]
    names = draw(st.sets(st.sampled_from(optional), max_size=8)) if optional else set()
    names |= fields.keys() - {*optional}
    payload = {name: draw(values(fields[name].annotation)) for name in sorted(names)}
    extra = st.dictionaries(text.filter(lambda name: name not in fields), json_values, max_size=2)
    return {**draw(extra), **payload}


def values(annotation: Any) -> st.SearchStrategy[Any]:
    kinds = {*parts(annotation)}
    model = model_in(annotation)
    item = st.none() if model is None else st.deferred(lambda: payloads(model))
    if list in kinds:
        of_items = item if model else text
        lists = st.lists(of_items, max_size=2)
        return lists | st.none() if type(None) in kinds else lists
    simple = [SCALARS[kind] for kind in kinds if kind in SCALARS]
    return st.one_of([item, *simple] if model else simple)


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    """A payload of a known type."""
    event_type = draw(st.sampled_from(sorted(EVENTS)))
    return {**draw(payloads(EVENTS[event_type])), "type": event_type}


def dumped(model: Model) -> Any:
    return json.loads(model.model_dump_json(exclude_unset=True))


@examples(300)
@given(events())
def test_the_dump_of_an_event_is_its_payload(payload: dict[str, Any]) -> None:
    event = parse_event(json.dumps(payload))
    assert type(event) is EVENTS[payload["type"]]
    assert dumped(event) == as_dumped(payload, type(event))
    assert parse_event(payload) == event


@examples(200)
@given(
    st.fixed_dictionaries(
        {"type": text.filter(lambda name: name not in EVENT_TYPES)},
        optional=dict.fromkeys(
            ("data", "object", "instance_id", "event_attributes", "timestamp", "new"), json_values
        ),
    )
)
def test_the_dump_of_an_unknown_event_is_its_payload(payload: dict[str, Any]) -> None:
    event = parse_event(json.dumps(payload))
    assert type(event) is UnknownEvent
    assert event.data == payload.get("data")
    dump = dumped(event)
    if "timestamp" in payload and "timestamp" not in event.unreadable and event.timestamp:
        assert dump.pop("timestamp") == milliseconds(event.timestamp.isoformat())
        payload = {name: value for name, value in payload.items() if name != "timestamp"}
    assert dump == payload


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1e-400", "123456789012345678901234567890"])
def test_numbers_beyond_the_usual_range_survive(number: str) -> None:
    body = f'{{"type": "user.created", "data": {{"id": "x", "new": [{number}]}}}}'
    assert dumped(parse_event(body)) == json.loads(body)
    field = "cycle_remaining_percent" if "e" in number else "cycle_days_total"
    credit = f'{{"{field}": {number}}}'
    assert dumped(BillingCredit.model_validate_json(credit)) == json.loads(credit)


def test_the_sample_is_a_delivery_of_the_usual_size() -> None:
    body = SAMPLE.read_bytes()
    payload = json.loads(body)
    assert 1400 <= len(body) <= 1600
    assert json.dumps(payload, separators=(",", ":")).encode() == body
    event = parse_event(body)
    assert type(event) is EVENTS["user.created"]
    assert event.data.primary_email == "grace.hopper@example.com"
    assert event.data.full_name == "Grace Hopper"
    assert event.model_extra == event.data.model_extra == {}
    assert dumped(event) == payload


def test_numbers_and_truth_values_that_came_as_text_are_written_as_what_they_were_read_as() -> None:
    body = (
        '{"type":"user.created","data":{"id":"x","create_organizations_limit":"5","banned":"on"}}'
    )
    data = dumped(parse_event(body))["data"]
    assert data == {"id": "x", "create_organizations_limit": 5, "banned": True}
