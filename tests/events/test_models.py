"""What the models do with what arrives: tolerance, timestamps, immutability, helpers."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from operator import attrgetter
from typing import Any

import pytest
from pydantic import ValidationError

from clerk_hooks import ClerkHooksError, UnreadableValue, parse_event
from clerk_hooks.events import (
    BillingAmount,
    BillingPlan,
    DeletedObject,
    EmbeddedSubscriptionItem,
    EmbeddedUser,
    Event,
    EventAttributes,
    Model,
    OrganizationMembership,
    Session,
    UnknownEvent,
    User,
    UserCreated,
)

from .walk import DATA_MODELS, EVENTS, MODELS, model_in, parts

each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
SMALL = """
{"object":"user","type":"user.created","data":{"id":"user_123",
"email_addresses":[{"email_address":"user@example.com"}],"created_at":"2025-02-21T02:00:00Z"}}
"""


def dumped(model: Model) -> Any:
    return json.loads(model.model_dump_json(exclude_unset=True))


def required(model: type[Model]) -> set[str]:
    return {name for name, field in model.model_fields.items() if field.is_required()}


def minimal(model: type[Model]) -> dict[str, Any]:
    """The least that a model takes."""
    values = {"data": {"id": "x"}, "type": "some.type"}
    if model in EVENTS.values():
        values["type"] = next(name for name, event in EVENTS.items() if event is model)
    return {name: values.get(name, "x") for name in required(model)}


# --- tolerance ---


@each_model
def test_only_ids_of_top_level_data_and_what_identifies_is_required(model: type[Model]) -> None:
    own = {
        "EmailAddress": {"email_address"},
        "PhoneNumber": {"phone_number"},
        "Web3Wallet": {"web3_wallet"},
        "UnknownEvent": {"type"},
    }
    if model in EVENTS.values():
        assert required(model) == {"type", "data"}
    elif model in DATA_MODELS:
        assert required(model) == {"id"}
    else:
        assert required(model) == own.get(model.__name__, set())


def test_no_object_inside_another_requires_an_id() -> None:
    for model in MODELS:
        nested = {model_in(field.annotation) for field in model.model_fields.values()}
        if model not in EVENTS.values():
            assert not nested & DATA_MODELS, model


@each_model
def test_what_is_absent_is_empty_or_none(model: type[Model]) -> None:
    instance = model.model_validate(minimal(model))
    for name, field in model.model_fields.items():
        if not field.is_required():
            kinds = {*parts(field.annotation)}
            empty: Any = [] if list in kinds else {} if dict in kinds else None
            assert getattr(instance, name) == empty, name


@each_model
def test_an_absent_list_or_mapping_is_not_shared(model: type[Model]) -> None:
    one, other = (model.model_validate(minimal(model)) for _ in range(2))
    for name in model.model_fields:
        if isinstance(getattr(one, name), (list, dict)):
            assert getattr(one, name) is not getattr(other, name), name


NULLABLE_COLLECTIONS = {
    ("Email", "data"),
    ("EmbeddedOrganization", "public_metadata"),
    ("EmbeddedUser", "organization_memberships"),
    ("EmbeddedUser", "private_metadata"),
    ("ExternalAccount", "public_metadata"),
    ("Invitation", "public_metadata"),
    ("Organization", "public_metadata"),
    ("OrganizationInvitation", "public_metadata"),
    ("PhoneNumber", "backup_codes"),
    ("Session", "actor"),
    ("Sms", "data"),
    ("User", "organization_memberships"),
    ("User", "private_metadata"),
}


@each_model
def test_everything_else_may_be_null_but_not_each_list_or_mapping(model: type[Model]) -> None:
    for name, field in model.model_fields.items():
        if field.is_required():
            continue
        kinds = {*parts(field.annotation)}
        collection = bool(kinds & {list, dict})
        if not collection or (model.__name__, name) in NULLABLE_COLLECTIONS:
            instance = model.model_validate({**minimal(model), name: None})
            assert getattr(instance, name) is None
            assert dumped(instance)[name] is None
        else:
            with pytest.raises(ValidationError):
                model.model_validate({**minimal(model), name: None})


@each_model
def test_unknown_fields_are_kept(model: type[Model]) -> None:
    payload = {**minimal(model), "new": {"deep": [1, None, {"er": 2.5}]}}
    instance = model.model_validate_json(json.dumps(payload))
    assert (instance.model_extra or {})["new"] == {"deep": [1, None, {"er": 2.5}]}
    assert dumped(instance)["new"] == payload["new"]


@pytest.mark.parametrize(
    "name",
    [
        "full_name",
        "primary_email",
        "model_config",
        "__class__",
        "__dict__",
        "self",
        "json",
        "",
        " ",
    ],
)
def test_an_unknown_field_may_have_any_name(name: str) -> None:
    payload = {"type": "user.created", "data": {"id": "x", name: [1]}, name: 2}
    event = parse_event(json.dumps(payload))
    assert dumped(event) == payload
    assert event.data.full_name is None


def test_a_small_payload_with_little_but_an_address_is_enough() -> None:
    event = parse_event(SMALL)
    assert isinstance(event, UserCreated)
    assert event.data.email_addresses[0].email_address == "user@example.com"
    assert event.data.created_at == datetime(2025, 2, 21, 2, tzinfo=timezone.utc)
    assert event.data.primary_email is None


@pytest.mark.parametrize("event_type", EVENTS)
@pytest.mark.parametrize("data", [{}, {"id": None}, {"id": 5}, [], None, "x"])
def test_data_without_a_textual_id_is_refused(event_type: str, data: Any) -> None:
    with pytest.raises(ValidationError):
        EVENTS[event_type].model_validate({"type": event_type, "data": data})


def test_open_enumerations_take_any_text() -> None:
    session = Session.model_validate({"id": "x", "status": "hibernating"})
    assert session.status == "hibernating"


# --- no union coerces ---


@pytest.mark.parametrize("interval", [1, "1", "month", None])
def test_the_interval_of_a_plan_stays_what_it_is(interval: object) -> None:
    plan = BillingPlan.model_validate_json(json.dumps({"interval": interval}))
    assert plan.interval == interval
    assert type(plan.interval) is type(interval)
    assert dumped(plan) == {"interval": interval}


@pytest.mark.parametrize("name", ["amount", "lifetime_paid", "next_payment_amount"])
def test_an_old_amount_may_be_a_number_or_an_object(name: str) -> None:
    number = EmbeddedSubscriptionItem.model_validate({name: 1200})
    assert type(getattr(number, name)) is int
    assert dumped(number) == {name: 1200}
    payload = {name: {"amount": 1200, "currency": "USD", "new": True}}
    item = EmbeddedSubscriptionItem.model_validate(payload)
    assert isinstance(getattr(item, name), BillingAmount)
    assert dumped(item) == payload


def test_there_is_no_other_union_that_could_coerce() -> None:
    unions = {
        name
        for model in MODELS
        for name, field in model.model_fields.items()
        if len({*parts(field.annotation)} - {type(None), list}) > 1
    }
    assert unions == {"interval", "amount", "lifetime_paid", "next_payment_amount"}


# --- timestamps ---

UTC = timezone.utc


def created_at(value: object) -> datetime | None:
    return User.model_validate_json(json.dumps({"id": "x", "created_at": value})).created_at


@pytest.mark.parametrize(
    ("number", "instant"),
    [
        (1760601600123, datetime(2025, 10, 16, 8, 0, 0, 123000, UTC)),
        (1760601600, datetime(2025, 10, 16, 8, 0, 0, 0, UTC)),
        (1760601600.5, datetime(2025, 10, 16, 8, 0, 0, 500000, UTC)),
        (42, datetime(1970, 1, 1, 0, 0, 42, 0, UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (-1, datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (-62135596800000, datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_numbers_become_aware_utc_instants(number: float, instant: datetime) -> None:
    for value in (
        created_at(number),
        User.model_validate({"id": "x", "created_at": number}).created_at,
    ):
        assert value == instant
        assert value is not None
        assert value.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("2025-02-21T02:00:00Z", timedelta(0)),
        ("2025-02-21T02:00:00+02:00", timedelta(hours=2)),
        ("2025-02-21T02:00:00-09:30", -timedelta(hours=9, minutes=30)),
        ("2025-02-21T02:00:00", None),
        ("2025-02-21 02:00", None),
    ],
)
def test_iso_text_keeps_its_offset_or_the_lack_of_one(text: str, offset: timedelta | None) -> None:
    value = created_at(text)
    assert value is not None
    assert value.utcoffset() == offset
    assert value.replace(tzinfo=None) == datetime.fromisoformat("2025-02-21T02:00:00")


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        (1760601600123, 1760601600123),
        (1760601600, 1760601600000),
        (42, 42000),
        (-62135596800000, -62135596800000),
        ("2025-02-21T02:00:00Z", 1740103200000),
        ("2025-02-21T02:00:00+02:00", 1740096000000),
        ("2025-02-21T02:00:00", 1740103200000),
        ("2025-02-21T02:00:00.123999Z", 1740103200123),
        ("1969-12-31T23:59:59.999Z", -1),
        ("0001-01-01T00:00:00+14:00", -62135647200000),
        ("9999-12-31T23:59:59.999-14:00", 253402351199999),
    ],
)
def test_json_has_whole_milliseconds_and_a_naive_instant_counts_as_utc(
    value: object, milliseconds: int
) -> None:
    user = User.model_validate({"id": "x", "created_at": value})
    written = dumped(user)["created_at"]
    assert written == milliseconds
    assert type(written) is int
    assert user.model_dump(mode="json")["created_at"] == milliseconds


def test_a_dump_to_python_keeps_instants() -> None:
    instant = datetime.fromisoformat("2025-02-21T02:00:00")
    assert User(id="x", created_at=instant).model_dump()["created_at"] is instant


def test_every_field_named_like_an_instant_is_one() -> None:
    named = {
        (name, datetime in {*parts(field.annotation)})
        for model in MODELS
        for name, field in model.model_fields.items()
        if name.endswith(("_at", "_date", "_at_ms", "_seconds", "_start", "_end", "_client"))
        or name == "timestamp"
    }
    assert {name for name, is_instant in named if not is_instant} == {
        "lockout_expires_in_seconds",
        "proration_date",
        "verified_at_client",
    }
    assert len({name for name, is_instant in named if is_instant}) > 25


@pytest.mark.parametrize("value", ["soon", [], {}, 10**18, True])
def test_what_is_no_instant_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        created_at(value)


# --- immutability ---


@pytest.mark.parametrize(
    "change",
    [
        lambda event: setattr(event, "type", "user.updated"),
        lambda event: setattr(event, "timestamp", None),
        lambda event: setattr(event, "new", 1),
        lambda event: setattr(event.data, "id", "other"),
        lambda event: setattr(event.data, "full_name", "other"),
        lambda event: setattr(event.data.email_addresses[0], "email_address", "other"),
        lambda event: delattr(event.data, "id"),
    ],
)
def test_nothing_can_be_changed(change: Callable[[Any], None]) -> None:
    event = parse_event(SMALL)
    with pytest.raises((ValidationError, AttributeError)):
        change(event)
    assert event == parse_event(SMALL)


# --- errors ---

SECRET = "sesame-open"


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "user.created", "data": SECRET},
        {"type": "user.created", "data": {"id": {"x": SECRET}}},
        {"type": "user.created", "data": {"id": "x", "created_at": SECRET}},
        {"type": "user.created", "data": {"id": "x", "banned": SECRET}},
        {"type": "user.created", "data": {"id": "x", "lockout_expires_in_seconds": SECRET}},
        {"type": "user.created", "data": {"id": "x", "email_addresses": [{"id": SECRET}]}},
        {"type": "user.created", "data": {"id": "x", "email_addresses": [SECRET, {"x": SECRET}]}},
        {"type": "user.created", "data": {"id": "x", "public_metadata": SECRET}},
        {"type": "user.created", "data": {"id": "x"}, "timestamp": SECRET},
        {"type": "user.created", "data": {"id": "x"}, "event_attributes": {"http_request": SECRET}},
        {"type": "subscriptionItem.active", "data": {"id": "x", "amount": SECRET}},
        {"type": "subscriptionItem.active", "data": {"id": "x", "plan": {"interval": [SECRET]}}},
    ],
)
def test_errors_never_show_the_payload(payload: dict[str, Any]) -> None:
    model = EVENTS[payload["type"]]
    for refused in (
        lambda: model.model_validate(payload),
        lambda: model.model_validate_json(json.dumps(payload)),
    ):
        with pytest.raises(ValidationError) as caught:
            refused()
        assert SECRET not in f"{caught.value}{caught.value!r}"
    try:
        shown = f"{parse_event(payload)}{parse_event(payload)!r}"
    except ClerkHooksError as error:
        shown = f"{error}{error!r}"
    assert SECRET not in shown


# --- unknown events ---


def test_an_unknown_event_has_the_raw_data() -> None:
    event = parse_event({"type": "user.moved", "data": {"id": 5}, "timestamp": 1760601600123})
    assert type(event) is UnknownEvent
    assert event.data == {"id": 5}
    assert event.timestamp == datetime(2025, 10, 16, 8, 0, 0, 123000, UTC)


@pytest.mark.parametrize(
    "envelope",
    [
        {"object": 5},
        {"timestamp": "soon"},
        {"instance_id": ["x"]},
        {"event_attributes": {"http_request": {"client_ip": 5}}},
        {"object": [], "timestamp": {}, "instance_id": 1, "event_attributes": 2, "new": 3},
    ],
)
def test_an_unreadable_envelope_does_not_lose_an_unknown_event(envelope: dict[str, Any]) -> None:
    payload = {"type": "user.moved", "data": [1], **envelope}
    for event in (parse_event(payload), parse_event(json.dumps(payload))):
        assert type(event) is UnknownEvent
        assert event.unreadable
        assert event.data == [1]
        assert dumped(event) == payload
        for name in event.unreadable:
            with pytest.raises(UnreadableValue):
                attrgetter(name)(event)


@pytest.mark.parametrize("payload", [{}, {"type": None}, {"type": 5, "object": 5}, [], "x", None])
def test_an_unknown_event_needs_a_type(payload: object) -> None:
    with pytest.raises(ValidationError):
        UnknownEvent.model_validate_json(json.dumps(payload))


# --- helpers of users ---

users = pytest.mark.parametrize("model", [User, EmbeddedUser])


def user(model: type[EmbeddedUser], **fields: object) -> EmbeddedUser:
    return model.model_validate({"id": "user_1", **fields})


@users
def test_the_primary_email_is_the_one_with_its_id(model: type[EmbeddedUser]) -> None:
    addresses = [
        {"id": "idn_1", "email_address": "first@example.com"},
        {"id": "idn_2", "email_address": "second@example.com"},
    ]
    one = user(model, email_addresses=addresses, primary_email_address_id="idn_2")
    assert one.primary_email == "second@example.com"
    assert one.primary_email_address is one.email_addresses[1]


@users
@pytest.mark.parametrize("primary", ["idn_9", None, ""])
@pytest.mark.parametrize("addresses", [[], [{"email_address": "only@example.com"}]])
def test_without_the_primary_address_there_is_no_primary_email(
    model: type[EmbeddedUser], primary: str | None, addresses: list[dict[str, str]]
) -> None:
    one = user(model, email_addresses=addresses, primary_email_address_id=primary)
    assert one.primary_email is None
    assert one.primary_email_address is None


@users
def test_the_primary_phone_is_the_one_with_its_id(model: type[EmbeddedUser]) -> None:
    numbers = [
        {"id": "idn_1", "phone_number": "+12015550101"},
        {"id": "idn_2", "phone_number": "+12015550102"},
    ]
    one = user(model, phone_numbers=numbers, primary_phone_number_id="idn_2")
    assert one.primary_phone == "+12015550102"
    assert one.primary_phone_number is one.phone_numbers[1]


@users
@pytest.mark.parametrize("primary", ["idn_9", None, ""])
@pytest.mark.parametrize("numbers", [[], [{"phone_number": "+12015550101"}]])
def test_without_the_primary_number_there_is_no_primary_phone(
    model: type[EmbeddedUser], primary: str | None, numbers: list[dict[str, str]]
) -> None:
    one = user(model, phone_numbers=numbers, primary_phone_number_id=primary)
    assert one.primary_phone is None
    assert one.primary_phone_number is None


@users
@pytest.mark.parametrize(
    ("first", "last", "full"),
    [
        ("Grace", "Hopper", "Grace Hopper"),
        ("Grace", None, "Grace"),
        (None, "Hopper", "Hopper"),
        ("Grace", "", "Grace"),
        ("  ", "Hopper", "Hopper"),
        (" Grace Brewster ", "Hopper", "Grace Brewster Hopper"),
        (None, None, None),
        ("", " ", None),
    ],
)
def test_the_full_name_is_what_there_is_of_it(
    model: type[EmbeddedUser], first: str | None, last: str | None, full: str | None
) -> None:
    assert user(model, first_name=first, last_name=last).full_name == full


# --- embedded objects ---


def test_embedded_objects_are_of_the_kind_without_an_id() -> None:
    membership = OrganizationMembership.model_validate({"id": "orgmem_1", "organization": {}})
    assert membership.organization is not None
    assert membership.organization.id is None
    with pytest.raises(ValidationError):
        OrganizationMembership.model_validate({"organization": {"id": "org_1"}})


def test_an_embedded_kind_has_the_fields_of_the_top_level_one() -> None:
    embedded = [model for model in MODELS if model.__name__.startswith("Embedded")]
    assert len(embedded) == 5
    for model in embedded:
        (top,) = (other for other in DATA_MODELS if issubclass(other, model))
        assert model.__name__ == f"Embedded{top.__name__}"
        assert [*top.model_fields] == [*model.model_fields]


def test_events_can_be_built_in_code() -> None:
    event = UserCreated(
        type="user.created",
        data=User(id="user_1"),
        event_attributes=EventAttributes(http_request=None),
    )
    assert isinstance(event, Event)
    assert dumped(event) == {
        "type": "user.created",
        "data": {"id": "user_1"},
        "event_attributes": {"http_request": None},
    }
    assert DeletedObject(id="x").deleted is None
