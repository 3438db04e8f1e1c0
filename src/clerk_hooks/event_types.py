"""The event types that Clerk sends, each with the module and the class of its event.

Plain text and no import, so that a router can check a spelling without building one model.
Source: Clerk's OpenAPI webhook document of 2026-08-14 (45 types), and
``subscriptionItem.created``, which is no longer in that document, but is in Clerk's own types.
"""

_NAMES = """
email.created
organization.created
organization.updated
organization.deleted
organizationDomain.created
organizationDomain.updated
organizationDomain.deleted
organizationInvitation.created
organizationInvitation.accepted
organizationInvitation.revoked
organizationMembership.created
organizationMembership.updated
organizationMembership.deleted
paymentAttempt.created
paymentAttempt.updated
permission.created
permission.updated
permission.deleted
role.created
role.updated
role.deleted
session.created
session.pending
session.ended
session.removed
session.revoked
sms.created
subscription.created
subscription.updated
subscription.active
subscription.pastDue
subscriptionItem.created
subscriptionItem.updated
subscriptionItem.active
subscriptionItem.upcoming
subscriptionItem.incomplete
subscriptionItem.pastDue
subscriptionItem.freeTrialEnding
subscriptionItem.canceled
subscriptionItem.ended
subscriptionItem.abandoned
user.created
user.updated
user.deleted
waitlistEntry.created
waitlistEntry.updated
"""


def _place(name: str) -> tuple[str, str]:
    """``roleSet.newlyMade`` -> ``("role_set", "RoleSetNewlyMade")``."""
    family, _, happened = name.partition(".")
    module = "".join("_" + letter.lower() if letter.isupper() else letter for letter in family)
    return module, family[0].upper() + family[1:] + happened[0].upper() + happened[1:]


EVENT_TYPES: dict[str, tuple[str, str]] = {name: _place(name) for name in _NAMES.split()}
"""Event type -> (module in ``clerk_hooks.events``, class in that module)."""

PATTERNS = (*EVENT_TYPES, *dict.fromkeys(f"{name.partition('.')[0]}.*" for name in EVENT_TYPES))
"""The event types, and the patterns of their families, such as ``user.*``."""
