"""``clerk-hooks events`` and ``clerk-hooks sample``."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clerk_hooks import events as classes
from clerk_hooks import parse_event
from clerk_hooks.event_types import EVENT_TYPES
from clerk_hooks.testing import sample_payload, variants_of

from .conftest import Run


def test_all_types_are_listed_with_what_is_in_them_and_when_they_come(run: Run) -> None:
    result = run("events")
    assert result.status == 0
    assert [line.split()[0] for line in result.lines[2:]] == list(EVENT_TYPES)
    row = next(line for line in result.lines if line.startswith("user.created "))
    assert row.split(maxsplit=2)[1] == "User"
    assert "somebody signed up" in row


def test_as_json_each_type_has_its_class_its_model_and_a_sentence(run: Run) -> None:
    rows = json.loads(run("events", "--json").out)
    assert [row["type"] for row in rows] == list(EVENT_TYPES)
    for row in rows:
        event = getattr(classes, row["event"])
        assert event.model_fields["data"].annotation is getattr(classes, row["data"])
        assert len(row["when"]) > 10, row


@pytest.mark.parametrize(
    ("pattern", "types"),
    [
        ("user.created", ["user.created"]),
        ("user.*", [name for name in EVENT_TYPES if name.startswith("user.")]),
        ("waitlist", ["waitlistEntry.created", "waitlistEntry.updated"]),
        ("PASTDUE", ["subscription.pastDue", "subscriptionItem.pastDue"]),
        ("*.revoked", ["organizationInvitation.revoked", "session.revoked"]),
    ],
)
def test_a_pattern_chooses(run: Run, pattern: str, types: list[str]) -> None:
    assert [row["type"] for row in json.loads(run("events", pattern, "--json").out)] == types


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_a_pattern_that_fits_nothing_is_a_negative_result(run: Run, arguments: list[str]) -> None:
    result = run("events", "invoice", *arguments)
    assert (result.status, result.err) == (1, "clerk-hooks: no event type matches 'invoice'\n")
    assert result.out == ("[]\n" if arguments else "")


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_the_sample_of_every_type_is_printed_as_json(run: Run, event_type: str) -> None:
    result = run("sample", event_type, "--seed", 3)
    assert (result.status, result.err) == (0, "")
    assert json.loads(result.out) == sample_payload(event_type, seed=3)


def test_a_sample_is_new_each_time_and_may_be_on_one_line(run: Run) -> None:
    first, second = (run("sample", "user.created", "--compact").out for _ in range(2))
    assert first != second
    assert first.count("\n") == 1
    assert parse_event(first).type == "user.created"


def test_a_variant_is_printed_with_what_it_leaves_out(run: Run) -> None:
    for arguments in ([], ["--compact"]):
        payload = json.loads(run("sample", "user.created", "--variant", "old", *arguments).out)
        assert "instance_id" not in payload


@pytest.mark.parametrize(
    ("change", "place", "value"),
    [
        ("first_name=Ada=B", ["first_name"], "Ada=B"),
        ("first_name=null", ["first_name"], None),
        ("first_name=", ["first_name"], ""),
        ("banned=true", ["banned"], True),
        ("public_metadata.plan=pro", ["public_metadata", "plan"], "pro"),
        ('public_metadata={"a": [1]}', ["public_metadata"], {"a": [1]}),
        ("a.b.c=1", ["a", "b", "c"], 1),
        ("email_addresses.0.email_address=x", ["email_addresses", 0, "email_address"], "x"),
        ("email_addresses.0=null", ["email_addresses", 0], None),
    ],
)
def test_set_changes_a_field_of_the_data(
    run: Run, change: str, place: list[Any], value: Any
) -> None:
    changed = json.loads(run("sample", "user.created", "--seed", 1, "--set", change).out)["data"]
    for step in place:
        changed = changed[step]
    assert changed == value


@pytest.mark.parametrize(
    ("event_type", "change", "said"),
    [
        ("user.created", "frist_name=Ada", "User has no field 'frist_name': did you mean 'first_"),
        ("user.created", "zzz=1", "User has no field 'zzz'"),
        (
            "user.created",
            "email_addresses.0.email_adress=x",
            "'email_adress': did you mean 'email_",
        ),
        ("user.created", 'email_addresses=[{"email_adress": 1}]', "'email_adress': did you mean"),
        ("session.created", "user.frist_name=x", "User has no field 'frist_name'"),
        ("email.created", "data.zzz=1", None),
        ("user.created", "public_metadata.plan=pro", None),
        ("user.created", 'unsafe_metadata={"a": {"b": 1}}', None),
        ("user.created", "first_name=null", None),
    ],
)
def test_a_field_that_no_model_declares_is_set_with_a_warning(
    run: Run, event_type: str, change: str, said: str | None
) -> None:
    result = run("sample", event_type, "--set", change)
    assert (result.status, json.loads(result.out)["type"]) == (0, event_type)
    assert result.err.startswith("" if said is None else f"clerk-hooks: --set {change!r}: ")
    assert result.err.count("\n") == (said is not None)
    assert (said or "") in result.err


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_no_field_of_a_sample_is_warned_of(run: Run, event_type: str) -> None:
    for variant in (None, *variants_of(event_type)):
        data = sample_payload(event_type, variant=variant, seed=1)["data"]
        changes = [("--set", f"{name}={json.dumps(value)}") for name, value in data.items()]
        options = [] if variant is None else ["--variant", variant]
        result = run("sample", event_type, *options, *(each for pair in changes for each in pair))
        assert (result.status, result.err) == (0, "")


def test_set_may_be_repeated(run: Run) -> None:
    out = run("sample", "user.created", "--set", "first_name=A", "--set", "last_name=B").out
    user = json.loads(out)["data"]
    assert (user["first_name"], user["last_name"]) == ("A", "B")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["user.creted"], "did you mean 'user.created'?"),
        (["user.*"], "pass one event type: 'user.*' matches user.created, user.updated, user.del"),
        (["User.*"], "did you mean 'user.*'?"),
        (["user.created", "--set", "email_addresses." + 5000 * "1" + "=x"], "no item '111"),
        (["user.created", "--set", "email_addresses.\xb2=x"], "no item '\xb2'"),
        (
            ["user.created", "--compact", "--set", "public_metadata" + 100_000 * ".a" + "=1"],
            "nested too deeply",
        ),
        (["user.created", "--variant", "x"], "it has no_email, second_email"),
        (["user.created", "--set", "first_name"], "expected NAME=VALUE"),
        (["user.created", "--set", "=1"], "expected NAME=VALUE"),
        (["user.created", "--set", "email_addresses.1.id=x"], "no item '1' in a list of 1"),
        (["user.created", "--set", "email_addresses.x=1"], "no item 'x'"),
        (["user.created", "--set", "first_name.x=1"], "cannot set 'x': its parent has no fields"),
        (["user.created", "--seed", "x"], "Invalid value for '--seed'"),
        ([], "Missing argument"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(run: Run, arguments: list[str], said: str) -> None:
    result = run("sample", *arguments)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("clerk-hooks: ")
    assert result.err.count("\n") == 1
    assert said in result.err
