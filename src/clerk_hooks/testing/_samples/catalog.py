"""The sample of each event type, and of each of its variants."""

from collections.abc import Callable
from functools import partial

from ...event_types import EVENT_TYPES
from . import access, billing, message, organization
from .session import session
from .shapes import as_dashboard_example, as_old_delivery
from .sign_up import WAYS, user_who_signed_up_by
from .source import DAY, Payload, Source
from .user import deleted_user, new_user, older_user

_BUILDERS: dict[str, Callable[[Source], Payload]] = {
    "email.created": message.email,
    "organization.created": organization.organization,
    "organization.updated": organization.older_organization,
    "organization.deleted": partial(organization.deleted, prefix="org", kind="organization"),
    "organizationDomain.created": partial(organization.domain, verified=False),
    "organizationDomain.updated": partial(organization.domain, verified=True),
    "organizationDomain.deleted": partial(
        organization.deleted, prefix="orgdmn", kind="organization_domain"
    ),
    "organizationInvitation.created": partial(organization.invitation, status="pending"),
    "organizationInvitation.accepted": partial(organization.invitation, status="accepted"),
    "organizationInvitation.revoked": partial(organization.invitation, status="revoked"),
    "organizationMembership.created": partial(organization.membership, age=0, role="org:member"),
    "organizationMembership.updated": partial(
        organization.membership, age=20 * DAY, role="org:admin"
    ),
    # Not a deleted object with its id only, but all of the membership.
    "organizationMembership.deleted": partial(
        organization.membership, age=20 * DAY, role="org:member"
    ),
    "paymentAttempt.created": partial(billing.payment_attempt, paid=False),
    "paymentAttempt.updated": partial(billing.payment_attempt, paid=True),
    "permission.created": access.permission,
    "permission.updated": partial(access.permission, age=20 * DAY),
    "permission.deleted": partial(organization.deleted, prefix="perm", kind="permission"),
    "role.created": access.role,
    "role.updated": partial(access.role, age=20 * DAY),
    "role.deleted": partial(organization.deleted, prefix="role", kind="role"),
    "session.created": partial(session, status="active"),
    "session.pending": partial(session, status="pending"),
    "session.ended": partial(session, status="ended"),
    "session.removed": partial(session, status="removed"),
    "session.revoked": partial(session, status="revoked"),
    "sms.created": message.sms,
    "user.created": new_user,
    "user.updated": older_user,
    "user.deleted": deleted_user,
    "waitlistEntry.created": partial(message.waitlist_entry, invited=False),
    "waitlistEntry.updated": partial(message.waitlist_entry, invited=True),
}

_BILLING = {
    "subscription": billing.subscription,
    "subscriptionItem": billing.subscription_item,
}


def variants_of(event_type: str) -> tuple[str, ...]:
    """The names of the variants of an event type's sample."""
    users = WAYS if event_type in ("user.created", "user.updated") else ()
    return (*users, "dashboard", "old")


def build(event_type: str, variant: str | None, source: Source) -> Payload:
    """The payload of an event: one of `EVENT_TYPES`, and one of its variants, or None."""
    payload = {
        "data": _data(event_type, variant, source),
        "event_attributes": {
            "http_request": {
                "client_ip": "203.0.113.7",
                "user_agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 "
                "(KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36",
            }
        },
        "instance_id": source.id("ins", ago=365 * DAY),
        "object": "event",
        "timestamp": source.now,
        "type": event_type,
    }
    if variant == "dashboard":
        return as_dashboard_example(payload)
    return as_old_delivery(payload) if variant == "old" else payload


def _data(event_type: str, variant: str | None, source: Source) -> Payload:
    module, _ = EVENT_TYPES[event_type]
    family, _, name = event_type.partition(".")
    if family in _BILLING:
        return _BILLING[family](source, name)
    if module == "user" and name != "deleted":
        way = "google" if variant == "old" else variant
        if way in WAYS:
            return user_who_signed_up_by(way, source, older=name == "updated")
    return _BUILDERS[event_type](source)
