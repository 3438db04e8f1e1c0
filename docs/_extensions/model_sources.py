"""Where the fields of the models are from: Clerk's document, but for those listed here.

The tests compare this with the document.
"""

DOCUMENT = "document"
OLDER = "older document"
TYPES = "types"
SEEN = "deliveries"
EXAMPLES = "examples"

SOURCES = {
    DOCUMENT: "Clerk's OpenAPI document of its webhooks, as of August 2026",
    OLDER: "the same document until a change in late 2025; replays of old messages have the field",
    TYPES: "the types of Clerk's JavaScript SDK, which name fields that the document leaves out",
    SEEN: "real deliveries, mostly those before 2025",
    EXAMPLES: "the examples that Clerk's dashboard sends, or that Clerk publishes",
}
"""Each word for a source, and what it means."""

_OLD_ITEM = {
    "plan_period": OLDER,
    "proration_date": OLDER,
    "lifetime_paid": OLDER,
    "next_payment_amount": OLDER,
    "next_payment_date": OLDER,
    "amount": OLDER,
    "canceled_at": OLDER,
    "past_due_at": OLDER,
}

_USER = {
    "birthday": SEEN,
    "gender": SEEN,
    "requires_password_reset": SEEN,
    "timezone": TYPES,
}

BEYOND: dict[str, dict[str, str]] = {
    "BillingPayer": {"instance_id": OLDER},
    "BillingPlan": dict.fromkeys(
        (
            *("instance_id", "product_id", "period", "interval", "is_default", "is_prorated"),
            *("has_base_fee", "publicly_visible", "annual_monthly_amount", "description"),
            *("free_trial_days", "free_trial_enabled"),
        ),
        OLDER,
    ),
    "ClerkError": {"clerk_trace_id": OLDER},
    "EmbeddedOrganization": {"logo_url": EXAMPLES},
    "EmbeddedSubscriptionItem": _OLD_ITEM,
    "Email": {"suppression_reason": TYPES},
    "EmbeddedUser": _USER,
    "EnterpriseAccountConnection": {"object": TYPES},
    "ExternalAccount": {
        **dict.fromkeys(("google_id", "given_name", "family_name", "picture"), SEEN),
        "external_account_id": TYPES,
    },
    "IdentificationLink": {"object": TYPES},
    "Organization": {"logo_url": EXAMPLES},
    "OrganizationDomainVerification": {"expires_at": TYPES},
    "OrganizationInvitation": {"public_organization_data": TYPES},
    "PaymentAttempt": {"object": TYPES},
    "PublicOrganizationData": {"object": TYPES},
    "Sms": {"created_at": EXAMPLES},
    "SubscriptionItem": {**_OLD_ITEM, "credit": TYPES, "credits": DOCUMENT + " (items inside)"},
    "User": _USER,
}
"""Model -> the fields that today's document does not have in it -> where they are from."""
