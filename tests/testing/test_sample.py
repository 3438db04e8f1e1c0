"""Sample events: complete, coherent, new each time, and changed as asked."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from clerk_hooks import ConfigurationError, PayloadError, parse_event
from clerk_hooks.event_types import EVENT_TYPES
from clerk_hooks.events import EmailAddress, UserCreated, UserDeleted, UserUpdated
from clerk_hooks.testing import sample, sample_payload, variants_of

ALL = [(name, variant) for name in EVENT_TYPES for variant in (None, *variants_of(name))]
each_type = pytest.mark.parametrize("event_type", EVENT_TYPES)
each_sample = pytest.mark.parametrize(("event_type", "variant"), ALL)


def dump(event: Any) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(event.model_dump_json(exclude_unset=True))
    return payload


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in a value, at every depth."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from objects(inner)


def texts(value: Any, *prefixes: str) -> set[str]:
    """All texts in a value that begin with one of the prefixes."""
    if isinstance(value, str):
        return {value} if value.startswith(prefixes) else set()
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set().union(*(texts(each, *prefixes) for each in inner))


@each_sample
def test_every_sample_is_an_event_of_its_class(event_type: str, variant: Any) -> None:
    event = sample(event_type, variant=variant)
    _, name = EVENT_TYPES[event_type]
    assert (type(event).__name__, event.type) == (name, event_type)
    assert type(sample(type(event), variant=variant)) is type(event)


@each_sample
def test_a_payload_is_json_with_its_keys_sorted_at_the_top(event_type: str, variant: Any) -> None:
    payload = sample_payload(event_type, variant=variant)
    assert json.loads(json.dumps(payload)) == payload
    assert [*payload] == sorted(payload)


@each_type
def test_the_envelope_is_whole_and_its_timestamp_now_in_milliseconds(event_type: str) -> None:
    before = int(time.time() * 1000)
    payload = sample_payload(event_type)
    assert set(payload) == {
        *("data", "event_attributes", "instance_id", "object", "timestamp", "type"),
    }
    assert payload["object"] == "event"
    assert payload["instance_id"].startswith("ins_")
    assert before <= payload["timestamp"] <= time.time() * 1000
    assert set(payload["event_attributes"]["http_request"]) == {"client_ip", "user_agent"}


@each_type
def test_no_time_is_before_what_comes_first(event_type: str) -> None:
    """Created, then updated, then the event; what is planned for later has other names."""
    payload = sample_payload(event_type)
    now = payload["timestamp"]
    for each in objects(payload["data"]):
        created = each.get("created_at")
        updated = each.get("updated_at")
        assert created is None or created <= (now if updated is None else updated), each["id"]
        past = ("updated_at", "last_active_at", "last_sign_in_at", "last_used_at", "paid_at")
        for name in (*past, "password_last_updated_at", "verified_at", "past_due_at"):
            assert each.get(name) is None or each[name] <= now, name
        for name in ("last_sign_in_at", "last_active_at", "paid_at", "past_due_at", "active_at"):
            assert created is None or each.get(name) is None or each[name] >= created, name
        assert each.get("period_end") is None or each["period_end"] > each["period_start"]


@each_sample
def test_ids_and_times_are_new_on_each_call(event_type: str, variant: Any) -> None:
    first, second = (sample_payload(event_type, variant=variant)["data"] for _ in range(2))
    prefixes = ("user_", "org", "sess_", "idn_", "ema_", "sms_", "csub", "role_", "perm_", "wle_")
    ids, others = (texts(data, *prefixes) - texts(data, "org:") for data in (first, second))
    ids = {each for each in ids if len(each) > 27}
    assert ids
    assert not ids & others


@each_sample
def test_a_seed_gives_the_same_event_each_time(event_type: str, variant: Any) -> None:
    first, again, other = (
        sample_payload(event_type, variant=variant, seed=seed) for seed in (7, 7, 8)
    )
    assert first == again
    assert first["data"]["id"] != other["data"]["id"]
    assert sample(event_type, variant=variant, seed=7) == parse_event(first)


def test_changes_are_merged_into_the_data() -> None:
    event = sample(UserCreated, {"first_name": None, "public_metadata": {"plan": "pro"}}, seed=1)
    same = sample(UserCreated, seed=1)
    assert event.data.first_name is None
    assert event.data.public_metadata == {"plan": "pro"}
    assert (
        event.data.model_copy(update={"first_name": same.data.first_name, "public_metadata": {}})
        == same.data
    )


def test_mappings_are_merged_at_every_depth_and_all_else_replaces() -> None:
    changes = {
        "organization": {"name": "Mills", "public_metadata": {"seats": 5}},
        "permissions": ["org:x"],
        "public_user_data": {},
    }
    event = sample_payload("organizationMembership.updated", changes, seed=1)["data"]
    same = sample_payload("organizationMembership.updated", seed=1)["data"]
    assert event["organization"] == {
        **same["organization"],
        "name": "Mills",
        "public_metadata": {"plan": "team", "seats": 5},
    }
    assert event["permissions"] == ["org:x"]
    assert event["public_user_data"] == {}


def test_changes_may_hold_datetimes_and_models_and_new_fields() -> None:
    instant = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    changes = {
        "created_at": instant,
        "email_addresses": [EmailAddress(id="idn_1", email_address="ada@example.com")],
        "primary_email_address_id": "idn_1",
        "a_field_of_tomorrow": [1],
    }
    event = sample(UserCreated, changes)
    assert event.data.created_at == instant
    assert event.data.primary_email == "ada@example.com"
    assert dump(event)["data"]["a_field_of_tomorrow"] == [1]


def test_changes_never_reach_another_sample() -> None:
    metadata = {"plan": "pro"}
    event = sample_payload("user.updated", {"public_metadata": metadata})
    event["data"]["public_metadata"]["plan"] = "free"
    assert metadata == {"plan": "pro"}
    assert sample_payload("user.updated")["data"]["public_metadata"] == {"plan": "pro"}


def test_changes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(PayloadError, match=r"data\.id"):
        sample(UserCreated, {"id": None})
    with pytest.raises(PayloadError):
        sample("user.created", {"email_addresses": "ada@example.com"})


def test_a_class_of_ones_own_that_is_derived_from_an_event_is_what_comes() -> None:
    class Mine(UserCreated, frozen=True):
        pass

    assert type(sample(Mine)) is Mine


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("user.creted", "did you mean 'user.created'?"),
        ("organization_membership.created", "did you mean 'organizationMembership.created'?"),
        ("subscription.past_due", "did you mean 'subscription.pastDue'?"),
        ("invoice.paid", "unknown event type 'invoice.paid'$"),
        (int, "an event class or the name of a type, not int"),
        (None, "not NoneType"),
    ],
)
def test_what_is_no_event_type_is_refused(event: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said.replace("?", r"\?")):
        sample(event)


def test_a_variant_that_an_event_has_not_is_refused_with_those_it_has() -> None:
    with pytest.raises(ConfigurationError, match="no variant 'google': it has dashboard, old"):
        sample(UserDeleted, variant="google")


def test_the_ways_to_sign_up_are_variants_of_users_only() -> None:
    ways = ("no_email", "second_email", "google", "phone", "saml", "passkey", "web3")
    assert variants_of("user.created") == variants_of("user.updated")
    assert variants_of("user.created") == (*ways, "dashboard", "old")
    assert variants_of("user.deleted") == variants_of("session.created") == ("dashboard", "old")


def test_a_user_without_email_has_a_username() -> None:
    user = sample(UserCreated, variant="no_email").data
    assert (user.email_addresses, user.primary_email, user.full_name) == ([], None, None)
    assert user.username


def test_the_second_of_two_emails_is_the_primary_one() -> None:
    user = sample(UserUpdated, variant="second_email").data
    assert len(user.email_addresses) == 2
    assert user.primary_email == user.email_addresses[1].email_address
    assert user.email_addresses[0].verification is None


def test_a_google_account_brings_the_email() -> None:
    user = sample(UserCreated, variant="google").data
    [account] = user.external_accounts
    assert account.object == "google_account"
    assert user.primary_email == account.email_address
    assert user.email_addresses[0].linked_to[0].id == account.id
    assert user.password_enabled is False


def test_a_user_may_have_nothing_but_a_phone_or_a_wallet() -> None:
    by_phone = sample(UserCreated, variant="phone").data
    by_wallet = sample(UserCreated, variant="web3").data
    assert by_phone.primary_phone == by_phone.phone_numbers[0].phone_number
    assert by_wallet.primary_web3_wallet_id == by_wallet.web3_wallets[0].id
    for user in (by_phone, by_wallet):
        assert (user.primary_email, user.full_name, user.email_addresses) == (None, None, [])


def test_a_saml_user_is_listed_in_both_places_and_a_passkey_replaces_the_password() -> None:
    user = sample(UserCreated, variant="saml").data
    assert user.saml_accounts[0].email_address == user.enterprise_accounts[0].email_address
    user = sample(UserCreated, variant="passkey").data
    assert (len(user.passkeys), user.password_enabled) == (1, False)


def test_statuses_are_those_of_their_events() -> None:
    def status(event_type: str) -> Any:
        return sample_payload(event_type)["data"]["status"]

    assert status("session.pending") == "pending"
    assert status("session.removed") == "removed"
    assert status("organizationInvitation.accepted") == "accepted"
    assert status("paymentAttempt.updated") == "paid"
    assert status("subscription.pastDue") == status("subscriptionItem.pastDue") == "past_due"
    assert status("subscriptionItem.canceled") == "canceled"
    assert status("waitlistEntry.updated") == "invited"


def test_a_free_trial_ends_in_three_days_and_an_upcoming_item_begins_later() -> None:
    trial = sample_payload("subscriptionItem.freeTrialEnding")
    assert trial["data"]["is_free_trial"] is True
    assert trial["data"]["period_end"] - trial["timestamp"] == 3 * 24 * 60 * 60 * 1000
    upcoming = sample_payload("subscriptionItem.upcoming")
    assert upcoming["data"]["period_start"] > upcoming["timestamp"]
