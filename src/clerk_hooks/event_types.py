"""The event types that Clerk sends, each with the module and the class of its event.

Plain text and no import, so that a router can check a spelling without building one model.
Source: Clerk's OpenAPI webhook document of 2026-08-14 (45 types), and
``subscriptionItem.created``, which left that document while Clerk's own types still name it.
"""

EVENT_TYPES: dict[str, tuple[str, str]] = {
    "email.created": ("email", "EmailCreated"),
    "organization.created": ("organization", "OrganizationCreated"),
    "organization.updated": ("organization", "OrganizationUpdated"),
    "organization.deleted": ("organization", "OrganizationDeleted"),
    "organizationDomain.created": ("organization_domain", "OrganizationDomainCreated"),
    "organizationDomain.updated": ("organization_domain", "OrganizationDomainUpdated"),
    "organizationDomain.deleted": ("organization_domain", "OrganizationDomainDeleted"),
    "organizationInvitation.created": ("organization_invitation", "OrganizationInvitationCreated"),
    "organizationInvitation.accepted": (
        "organization_invitation",
        "OrganizationInvitationAccepted",
    ),
    "organizationInvitation.revoked": ("organization_invitation", "OrganizationInvitationRevoked"),
    "organizationMembership.created": ("organization_membership", "OrganizationMembershipCreated"),
    "organizationMembership.updated": ("organization_membership", "OrganizationMembershipUpdated"),
    "organizationMembership.deleted": ("organization_membership", "OrganizationMembershipDeleted"),
    "paymentAttempt.created": ("payment_attempt", "PaymentAttemptCreated"),
    "paymentAttempt.updated": ("payment_attempt", "PaymentAttemptUpdated"),
    "permission.created": ("permission", "PermissionCreated"),
    "permission.updated": ("permission", "PermissionUpdated"),
    "permission.deleted": ("permission", "PermissionDeleted"),
    "role.created": ("role", "RoleCreated"),
    "role.updated": ("role", "RoleUpdated"),
    "role.deleted": ("role", "RoleDeleted"),
    "session.created": ("session", "SessionCreated"),
    "session.pending": ("session", "SessionPending"),
    "session.ended": ("session", "SessionEnded"),
    "session.removed": ("session", "SessionRemoved"),
    "session.revoked": ("session", "SessionRevoked"),
    "sms.created": ("sms", "SmsCreated"),
    "subscription.created": ("subscription", "SubscriptionCreated"),
    "subscription.updated": ("subscription", "SubscriptionUpdated"),
    "subscription.active": ("subscription", "SubscriptionActive"),
    "subscription.pastDue": ("subscription", "SubscriptionPastDue"),
    "subscriptionItem.created": ("subscription_item", "SubscriptionItemCreated"),
    "subscriptionItem.updated": ("subscription_item", "SubscriptionItemUpdated"),
    "subscriptionItem.active": ("subscription_item", "SubscriptionItemActive"),
    "subscriptionItem.upcoming": ("subscription_item", "SubscriptionItemUpcoming"),
    "subscriptionItem.incomplete": ("subscription_item", "SubscriptionItemIncomplete"),
    "subscriptionItem.pastDue": ("subscription_item", "SubscriptionItemPastDue"),
    "subscriptionItem.freeTrialEnding": ("subscription_item", "SubscriptionItemFreeTrialEnding"),
    "subscriptionItem.canceled": ("subscription_item", "SubscriptionItemCanceled"),
    "subscriptionItem.ended": ("subscription_item", "SubscriptionItemEnded"),
    "subscriptionItem.abandoned": ("subscription_item", "SubscriptionItemAbandoned"),
    "user.created": ("user", "UserCreated"),
    "user.updated": ("user", "UserUpdated"),
    "user.deleted": ("user", "UserDeleted"),
    "waitlistEntry.created": ("waitlist_entry", "WaitlistEntryCreated"),
    "waitlistEntry.updated": ("waitlist_entry", "WaitlistEntryUpdated"),
}
"""Event type -> (module in ``clerk_hooks.events``, class in that module)."""
