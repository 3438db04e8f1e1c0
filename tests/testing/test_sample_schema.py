"""The samples against Clerk's document and against payloads that were really delivered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from clerk_hooks.event_types import EVENT_TYPES
from clerk_hooks.testing import sample_payload, variants_of

from ..events.walk import documented_type

Schema = dict[str, Any]

THE_DOCUMENT_IS_WRONG = {("session.pending", ("data", "status"))}
"""Where a delivery has what the document does not allow: a status that only its example names."""

WAYS = variants_of("user.created")[:-2]
TODAY = [(name, None) for name in EVENT_TYPES]
TODAY += [(f"user.{name}", way) for name in ("created", "updated") for way in WAYS]


class Document:
    """Clerk's OpenAPI 3.0 document as JSON Schema, as it is meant.

    `nullable` counts beside `$ref` and `allOf` too, and `additionalProperties: false` applies to
    all branches of an `allOf` together: read to the letter, some of it could not be fulfilled.
    """

    def __init__(self, path: Path) -> None:
        self.content: Schema = yaml.safe_load(path.read_text("utf-8"))

    def payload(self, event_type: str) -> Schema:
        operation = self.content["x-webhooks"][documented_type(event_type)]
        schema: Schema = operation["post"]["requestBody"]["content"]["application/json"]["schema"]
        return self.converted(schema)

    def converted(self, schema: Schema) -> Schema:
        merged = self.merged(schema)
        nullable = merged.pop("nullable", False)
        merged = {name: value for name, value in merged.items() if name != "format"}
        if "properties" in merged:
            properties = merged["properties"].items()
            merged["properties"] = {name: self.converted(inner) for name, inner in properties}
        if "items" in merged:
            merged["items"] = self.converted(merged["items"])
        for name in ("oneOf", "anyOf"):
            if name in merged:
                merged[name] = [self.converted(inner) for inner in merged[name]]
        return {"anyOf": [{"type": "null"}, merged]} if nullable else merged

    def merged(self, schema: Schema) -> Schema:
        """One object of a schema, what it refers to, and the branches of its `allOf`."""
        whole: Schema = {}
        parts = [{name: value for name, value in schema.items() if name not in ("$ref", "allOf")}]
        if "$ref" in schema:
            name = schema["$ref"].removeprefix("#/components/schemas/")
            parts.append(self.merged(self.content["components"]["schemas"][name]))
        parts += [self.merged(part) for part in schema.get("allOf", ())]
        for part in parts:
            whole = {
                **part,
                **whole,
                "properties": {**part.get("properties", {}), **whole.get("properties", {})},
                "required": [*part.get("required", ()), *whole.get("required", ())],
            }
        empty = [name for name in ("properties", "required") if not whole[name]]
        return {name: value for name, value in whole.items() if name not in empty}


@pytest.fixture(scope="module")
def document(shared: Path) -> Document:
    return Document(shared / "clerk" / "schema.yml")


NEWER_THAN_THE_DOCUMENT = {"requires_password_reset", "suppression_reason", "timezone"}
"""Fields that Clerk's types or live deliveries have by now."""


def violations(document: Document, payload: Schema) -> set[tuple[str, ...]]:
    """The places in a payload that the document does not allow."""
    validator = jsonschema.Draft202012Validator(document.payload(payload["type"]))
    known = without(payload, NEWER_THAN_THE_DOCUMENT)
    return {tuple(map(str, error.absolute_path)) for error in validator.iter_errors(known)}


def without(value: Any, names: set[str]) -> Any:
    """A JSON value without the members of these names, at every depth."""
    if isinstance(value, dict):
        return {name: without(each, names) for name, each in value.items() if name not in names}
    return [without(each, names) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("event_type", "variant"), TODAY)
def test_a_sample_is_valid_by_clerks_document(
    document: Document, event_type: str, variant: Any
) -> None:
    payload = sample_payload(event_type, variant=variant)
    wrong = {place for name, place in THE_DOCUMENT_IS_WRONG if name == event_type}
    assert violations(document, payload) == wrong


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_a_sample_has_every_field_that_the_document_has_and_is_not_left_out_by_rule(
    document: Document, event_type: str
) -> None:
    data = document.payload(event_type)["properties"]["data"]
    optional = {"organization_memberships", "create_organizations_limit", "scim"}
    if "deleted" in data["properties"]:
        optional |= {"slug", "external_id"}
    if event_type.startswith("organizationInvitation"):
        optional |= {"user_id"}
    missing = set(data["properties"]) - set(sample_payload(event_type)["data"])
    assert missing <= optional


@pytest.mark.parametrize(
    ("path", "change"),
    [
        (("data", "id"), 5),
        (("data", "email_addresses", 0, "verification", "status"), "x"),
        (("data", "email_addresses", 0, "more"), 1),
        (("timestamp",), "now"),
    ],
)
def test_what_is_invalid_is_found(document: Document, path: tuple[Any, ...], change: Any) -> None:
    payload = sample_payload("user.created")
    target: Any = payload
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = change
    assert violations(document, payload)


def test_the_dashboards_examples_break_the_document_as_those_of_clerk_do(
    document: Document,
) -> None:
    """Only some do: most of what they have wrong is valid by the document, and surprising."""
    wrong = {
        event_type
        for event_type in EVENT_TYPES
        if violations(document, sample_payload(event_type, variant="dashboard"))
    }
    families = {name.partition(".")[0] for name in wrong}
    assert families == {
        *("organizationDomain", "organizationInvitation", "paymentAttempt", "role", "session"),
        *("sms", "subscriptionItem", "waitlistEntry"),
    }


def test_a_dashboard_example_has_a_timestamp_in_seconds_and_no_primary_email() -> None:
    payload = sample_payload("user.created", variant="dashboard")
    assert payload["timestamp"] < 10**11
    assert payload["data"]["email_addresses"] == []
    assert payload["data"]["primary_email_address_id"]
    assert payload["data"]["private_metadata"] is None


LIVE = {"004.json": ("user.created", None), "006.json": ("user.deleted", None)}
OLD = {
    "002.json": ("user.created", "old"),
    "012.json": ("organization.deleted", "old"),
    "014.json": ("organizationMembership.created", "old"),
    "026.json": ("organizationInvitation.revoked", "old"),
}


@pytest.mark.parametrize(("file", "event"), LIVE.items())
def test_a_sample_has_what_a_real_delivery_has(
    shared: Path, file: str, event: tuple[str, Any]
) -> None:
    real = json.loads((shared / "clerk" / "wild" / file).read_text("utf-8"))
    ours = sample_payload(event[0], variant=event[1])
    assert set(real) == set(ours)
    assert set(real["data"]) <= set(ours["data"])
    for real_address, address in zip(
        real["data"].get("email_addresses", ()),
        ours["data"].get("email_addresses", ()),
        strict=True,
    ):
        assert set(real_address) == set(address)
        assert set(real_address["verification"]) == set(address["verification"])


@pytest.mark.parametrize(("file", "event"), OLD.items())
def test_an_old_sample_lacks_what_an_old_delivery_lacked(
    shared: Path, file: str, event: tuple[str, Any]
) -> None:
    real = json.loads((shared / "clerk" / "wild" / file).read_text("utf-8"))
    ours = sample_payload(event[0], variant=event[1])
    assert set(ours) <= set(real) | {"event_attributes"}
    assert "instance_id" not in ours
    known = {"birthday", "gender"} if event[0].startswith("user") else set()
    assert set(ours["data"]) - known <= set(real["data"])


def test_the_verifications_of_old_users_have_no_object() -> None:
    user = sample_payload("user.created", variant="old")["data"]
    verified = [*user["email_addresses"], *user["external_accounts"]]
    assert len(verified) == 2
    assert [set(each["verification"]) for each in verified] == 2 * [
        {"attempts", "expire_at", "status", "strategy"}
    ]


def test_an_old_item_ended_before_it_began_and_had_its_amounts() -> None:
    item = sample_payload("subscriptionItem.active", variant="old")["data"]
    assert item["period_end"] < 0
    assert {"amount", "plan_period", "proration_date", "next_payment_date"} <= set(item)
