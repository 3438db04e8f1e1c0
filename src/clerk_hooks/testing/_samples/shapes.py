"""Today's payloads as they were until recently, and as the dashboard's "Send Example" has them.

What is known of both comes from payloads that people have published, and from comparing Clerk's
examples with its own document: fields that are missing, empty where others are null, or older.
"""

from collections.abc import Callable
from typing import cast

from .source import DAY, SECOND, Payload

Change = Callable[[Payload], None]
"""What makes the data of an event another shape, in place."""


def as_dashboard_example(payload: Payload) -> Payload:
    """The event as "Send Example" sends it: made up, its timestamp in seconds."""
    event_type: str = payload["type"]
    change = _EXAMPLES.get(event_type) or _EXAMPLES.get(event_type.partition(".")[0])
    if change is not None:
        change(payload["data"])
    return payload | {"timestamp": payload["timestamp"] // SECOND}


def as_old_delivery(payload: Payload) -> Payload:
    """The event as it was sent, or shown by the dashboard, before its newer fields existed."""
    event_type: str = payload["type"]
    family, _, name = event_type.partition(".")
    if name != "deleted" or family == "organizationMembership":
        if (change := _OLD.get(family)) is not None:
            change(payload["data"])
        _without_verification_kinds(payload["data"])
    payload["event_attributes"] = {"http_request": {"client_ip": "", "user_agent": ""}}
    del payload["instance_id"]
    return payload


def _drop(data: Payload, *names: str) -> None:
    for name in names:
        data.pop(name, None)


def _keep(data: Payload, *names: str) -> None:
    _drop(data, *(data.keys() - {*names}))


def _without_verification_kinds(value: object) -> None:
    """Verifications named their kind from 2025 on; before, there was only their strategy."""
    if isinstance(value, list):
        for inner in cast("list[object]", value):
            _without_verification_kinds(inner)
    elif isinstance(value, dict):
        payload = cast("Payload", value)
        if payload.get("object", "").startswith("verification_"):
            del payload["object"]
        for inner in payload.values():
            _without_verification_kinds(inner)


def _example_user(user: Payload) -> None:
    """Its primary email address is none of those that it has."""
    _drop(user, "requires_password_reset", "timezone")
    user |= {"email_addresses": [], "private_metadata": None}


def _example_email(email: Payload) -> None:
    _drop(email, "suppression_reason")


def _example_domain(domain: Payload) -> None:
    _drop(domain, "affiliation_verification", "ownership_verification")
    domain["verification"] = {
        "attempts": 1,
        "expire_at": domain["updated_at"] + DAY,
        "status": "unverified",
        "strategy": "affiliation_email_code",
    }


def _example_invitation(invitation: Payload) -> None:
    _drop(invitation, "inviter_id", "public_inviter_data", "data")


def _example_payment(payment: Payload) -> None:
    _drop(payment, "invoice_id")
    _drop(payment["payer"], "organization_id", "organization_name")
    for item in payment["subscription_items"]:
        _old_item(item)
        _drop(item, "object", "created_at", "updated_at", "interval")


def _example_role_update(role: Payload) -> None:
    del role["is_creator_eligible"]


def _example_deleted_role(deleted: Payload) -> None:
    deleted["slug"] = None


def _example_sms(sms: Payload) -> None:
    sms["created_at"] = sms.pop("created_at_ms")


def _example_item(item: Payload) -> None:
    item["object"] = "subscription_item"


def _example_waitlist_entry(entry: Payload) -> None:
    entry["object"] = "waitlistEntry"
    if entry["invitation"]:
        del entry["invitation"]["public_metadata"]


def _unchanged(data: Payload) -> None:
    """Nothing is known to differ."""


_EXAMPLES: dict[str, Change] = {
    "email": _example_email,
    "user": _example_user,
    "user.deleted": _unchanged,
    "organizationDomain": _example_domain,
    "organizationDomain.deleted": _unchanged,
    "organizationInvitation": _example_invitation,
    "paymentAttempt": _example_payment,
    "role.updated": _example_role_update,
    "role.deleted": _example_deleted_role,
    "sms": _example_sms,
    "subscriptionItem": _example_item,
    "waitlistEntry": _example_waitlist_entry,
}
"""Event type or family -> what its example has that a delivery has not, or the reverse."""


def _old_user(user: Payload) -> None:
    """A user of 2023, when Google accounts had names for their fields that were all their own."""
    for address in user["email_addresses"]:
        _drop(address, "created_at", "updated_at", "matches_sso_connection", "reserved")
    for account in user["external_accounts"]:
        _drop(account, "provider", "identification_id", "provider_user_id", "first_name")
        _drop(account, "last_name", "external_account_id", "email_address_verified", "avatar_url")
    _drop(user, "bypass_client_trust", "deprovisioned", "enterprise_accounts", "has_image")
    _drop(user, "last_active_at", "legal_accepted_at", "locale", "locked", "mfa_disabled_at")
    _drop(user, "lockout_expires_in_seconds", "mfa_enabled_at", "passkeys", "saml_accounts")
    _drop(user, "password_last_updated_at", "verification_attempts_remaining")
    _drop(user, "requires_password_reset", "timezone")
    user |= {"birthday": "", "gender": ""}


def _old_session(session: Payload) -> None:
    _drop(session, "user", "actor", "latest_activity", "last_active_organization_id")


def _old_organization(organization: Payload) -> None:
    _keep(organization, "created_at", "created_by", "id", "image_url", "name", "object", "slug")
    organization |= {
        "logo_url": None,
        "public_metadata": {},
        "updated_at": organization["created_at"],
    }


def _old_membership(membership: Payload) -> None:
    """Roles had no ``org:`` in front of them, and nobody said what they allow."""
    _old_organization(membership["organization"])
    _drop(membership, "permissions", "public_metadata", "private_metadata", "role_name")
    user: Payload = membership["public_user_data"]
    _drop(user, "has_image", "username", "banned", "deprovisioned")
    membership["role"] = _old_role(membership["role"])


def _old_role(role: str) -> str:
    return {"org:admin": "admin", "org:member": "basic_member"}[role]


def _old_invitation(invitation: Payload) -> None:
    role = _old_role(invitation["role"])
    _keep(invitation, "created_at", "email_address", "id", "object", "organization_id", "status")
    invitation |= {"role": role, "updated_at": invitation["created_at"]}


def _old_permission(permission: Payload) -> None:
    permission["type"] = "user"


def _id(prefix: str, item: Payload) -> str:
    """An id for what belongs to the item; as new as the item's own."""
    return f"{prefix}_{item['id'].rpartition('_')[2]}"


def _old_item(item: Payload) -> None:
    """An item of a subscription as it was until November 2025."""
    _drop(item, "is_free_trial", "subscription_id", "seats", "credits")
    price = item["plan"]["amount"]
    amount = {
        "amount": price,
        "amount_formatted": f"{price / 100:.2f}",
        "currency": "USD",
        "currency_symbol": "$",
    }
    _drop(item["plan"], "unit_prices")
    item["plan"] |= {
        "annual_monthly_amount": price * 4 // 5,
        "description": "Everything, without limits",
        "free_trial_days": 7,
        "free_trial_enabled": False,
        "has_base_fee": True,
        "instance_id": _id("ins", item),
        "interval": 1,
        "is_default": False,
        "is_prorated": False,
        "period": "month",
        "product_id": _id("cprod", item),
        "publicly_visible": True,
    }
    item |= {
        "amount": amount,
        "canceled_at": None,
        "lifetime_paid": amount,
        "next_payment_amount": amount,
        "next_payment_date": item["period_start"] + 30 * DAY,
        "past_due_at": None,
        "period_end": -62_135_596_800_000,  # "Never", in Go: the first second of the year 1.
        "plan_period": "month",
        "proration_date": "2025-07-15",
    }


def _old_event_item(item: Payload) -> None:
    _old_item(item)
    item["payer"]["instance_id"] = _id("ins", item)


def _old_subscription(subscription: Payload) -> None:
    """Who pays was known by the id only."""
    del subscription["payer"]
    for item in subscription["items"]:
        _old_item(item)


def _old_payment(payment: Payload) -> None:
    _example_payment(payment)
    payment["object"] = "commerce_payment_attempt"
    payment["payer"]["instance_id"] = payment["instance_id"]


_OLD: dict[str, Change] = {
    "email": _example_email,
    "user": _old_user,
    "session": _old_session,
    "organization": _old_organization,
    "organizationMembership": _old_membership,
    "organizationInvitation": _old_invitation,
    "permission": _old_permission,
    "subscription": _old_subscription,
    "subscriptionItem": _old_event_item,
    "paymentAttempt": _old_payment,
}
"""Family -> what its data lacked, or had, in earlier years."""
