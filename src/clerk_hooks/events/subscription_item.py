"""Items of subscriptions: the ``subscriptionItem.*`` events, and models of all billing events.

An amount of money is an integer of the smallest unit of its currency (US cents, for example).
Fields marked as old were sent until November 2025.
"""

from typing import Literal

from pydantic import Field

from ._base import Event, Model, Timestamp, empty_list


class BillingAmount(Model, frozen=True):
    """An amount of money."""

    amount: int | None = None
    """The amount in the smallest unit of the currency (cents)."""
    amount_formatted: str | None = None
    """The amount for people to read, such as ``$12.00``."""
    currency: str | None = None
    """ISO 4217 code of the currency, such as ``USD``."""
    currency_symbol: str | None = None
    """Symbol of the currency, such as ``$``."""


class BillingPayer(Model, frozen=True):
    """The user or the organization that pays.

    Texts that do not apply are empty: a user's `organization_id` is ``""``, for example.
    """

    id: str | None = None
    """Id of the payer (``cpayer_...``)."""
    object: str | None = None
    """Kind of this object: ``commerce_payer``."""
    instance_id: str | None = None
    """Id of the Clerk instance (old)."""
    user_id: str | None = None
    """Id of the user, if a user pays."""
    first_name: str | None = None
    """First name of the user, if a user pays."""
    last_name: str | None = None
    """Last name of the user, if a user pays."""
    email: str | None = None
    """Email address of the payer."""
    organization_id: str | None = None
    """Id of the organization, if an organization pays."""
    organization_name: str | None = None
    """Name of the organization, if an organization pays."""
    image_url: str | None = None
    """URL of the picture of the user, or of the logo of the organization."""
    created_at: Timestamp | None = None
    """When the payer was created."""
    updated_at: Timestamp | None = None
    """When the payer was last changed."""


class BillingUnitPriceTier(Model, frozen=True):
    """What one block of units costs, in one range of quantities."""

    starts_at_block: int | None = None
    """The first block with this price."""
    ends_after_block: int | None = None
    """The last block with this price; null means no limit."""
    amount_per_block: int | None = None
    """Price of a block in the smallest unit of the currency (cents)."""
    currency: str | None = None
    """ISO 4217 code of the currency."""


class BillingUnitPrice(Model, frozen=True):
    """What the units of a plan cost."""

    name: str | None = None
    """The unit that is counted, such as ``seats``."""
    block_size: int | None = None
    """How many units make a block."""
    tiers: list[BillingUnitPriceTier] = Field(default_factory=empty_list, fail_fast=True)
    """The prices, in the order of their first blocks."""


class BillingPlan(Model, frozen=True):
    """A plan that can be subscribed to."""

    id: str | None = None
    """Id of the plan (``cplan_...``)."""
    slug: str | None = None
    """What code asks for."""
    name: str | None = None
    """Display name."""
    description: str | None = None
    """What the plan offers (old)."""
    amount: int | None = None
    """Price of a period in the smallest unit of the currency (cents)."""
    annual_monthly_amount: int | None = None
    """Price of a month if paid by the year, in the smallest unit of the currency (old)."""
    currency: str | None = None
    """ISO 4217 code of the currency."""
    is_recurring: bool | None = None
    """Whether it is charged again each period."""
    period: str | None = None
    """``month`` or ``annual`` (old)."""
    interval: int | str | None = None
    """How many times `period` lies between two charges (old)."""
    unit_prices: list[BillingUnitPrice] = Field(default_factory=empty_list, fail_fast=True)
    """What seats and other units cost, if they do."""
    instance_id: str | None = None
    """Id of the Clerk instance (old)."""
    product_id: str | None = None
    """Id of the product that the plan belongs to (old)."""
    is_default: bool | None = None
    """Whether it is the plan of everybody who has chosen none (old)."""
    is_prorated: bool | None = None
    """Whether a change in mid-period is charged by the day (old)."""
    has_base_fee: bool | None = None
    """Whether it costs something even without use (old)."""
    publicly_visible: bool | None = None
    """Whether it is offered to everybody (old)."""
    free_trial_enabled: bool | None = None
    """Whether it can be tried for free (old)."""
    free_trial_days: int | None = None
    """Days of the free trial (old)."""


class BillingSeats(Model, frozen=True):
    """How many members a subscription allows."""

    quantity: int | None = None
    """The number of seats; null means no limit."""


class BillingCredit(Model, frozen=True):
    """The refund for the rest of a period when the plan changes in the middle of it."""

    amount: BillingAmount | None = None
    """The amount given back."""
    cycle_days_remaining: int | None = None
    """Days left in the period."""
    cycle_days_total: int | None = None
    """Days of the whole period."""
    cycle_remaining_percent: float | None = None
    """The part of the period that is left, from 0 to 1."""


class BillingPayerCredit(Model, frozen=True):
    """The part that is paid from the credit of the payer's account."""

    applied_amount: BillingAmount | None = None
    """What this charge takes from it."""
    remaining_balance: BillingAmount | None = None
    """The rest of it."""


class BillingCredits(Model, frozen=True):
    """Everything that reduces a charge."""

    proration: BillingCredit | None = None
    """The refund for the rest of a period."""
    payer: BillingPayerCredit | None = None
    """The part that is paid from the payer's account."""
    total: BillingAmount | None = None
    """Both together."""


class EmbeddedSubscriptionItem(Model, frozen=True):
    """An item in a subscription or payment: like `SubscriptionItem`, but `id` may be missing."""

    id: str | None = None
    """Id of the item (``csub_item_...``)."""
    object: str | None = None
    """Kind of this object: ``commerce_subscription_item`` or ``subscription_item``."""
    status: str | None = None
    """``active``, ``upcoming``, ``incomplete``, ``past_due``, ``canceled``, ``ended``,
    ``abandoned`` or ``expired``."""
    subscription_id: str | None = None
    """Id of the subscription (``csub_...``)."""
    plan_id: str | None = None
    """Id of the plan (``cplan_...``)."""
    plan: BillingPlan | None = None
    """The plan."""
    payer: BillingPayer | None = None
    """The payer; null in the items of a subscription, which has the payer itself."""
    interval: str | None = None
    """How often it is charged: ``month`` or ``annual``."""
    plan_period: str | None = None
    """Older name of `interval` (old)."""
    is_free_trial: bool | None = None
    """Whether it is in its free trial."""
    seats: BillingSeats | None = None
    """How many members it allows."""
    amount: BillingAmount | int | None = None
    """Price of a period (old)."""
    credit: BillingCredit | None = None
    """The refund for the rest of the previous period; newer payloads have `credits`."""
    credits: BillingCredits | None = None
    """Everything that reduces the charge."""
    lifetime_paid: BillingAmount | int | None = None
    """What was paid for it so far (old)."""
    next_payment_amount: BillingAmount | int | None = None
    """What the next payment will be (old)."""
    next_payment_date: Timestamp | None = None
    """When the next payment is due (old)."""
    proration_date: str | None = None
    """The day, ``YYYY-MM-DD``, from which a change is charged (old)."""
    period_start: Timestamp | None = None
    """When the period begins."""
    period_end: Timestamp | None = None
    """When the period ends; null for free plans, and before 2026 a negative instant."""
    canceled_at: Timestamp | None = None
    """When it was canceled (old)."""
    past_due_at: Timestamp | None = None
    """When a payment for it became overdue (old)."""
    created_at: Timestamp | None = None
    """When it was created."""
    updated_at: Timestamp | None = None
    """When it was last changed."""


class SubscriptionItem(EmbeddedSubscriptionItem, frozen=True):
    """One plan in a subscription, for a time: a change of plan ends an item and starts another."""

    id: str = Field()
    """Id of the item (``csub_item_...``)."""


class SubscriptionItemCreated(Event[SubscriptionItem], frozen=True):
    """``subscriptionItem.created``: a plan was added to a subscription. Clerk's document of August
    2026 lacks this type.
    """

    type: Literal["subscriptionItem.created"]


class SubscriptionItemUpdated(Event[SubscriptionItem], frozen=True):
    """``subscriptionItem.updated``: an item changed."""

    type: Literal["subscriptionItem.updated"]


class SubscriptionItemActive(Event[SubscriptionItem], frozen=True):
    """``subscriptionItem.active``: an item took effect."""

    type: Literal["subscriptionItem.active"]


class SubscriptionItemUpcoming(Event[SubscriptionItem], frozen=True):
    """``subscriptionItem.upcoming``: an item will begin when the current period ends."""

    type: Literal["subscriptionItem.upcoming"]


class SubscriptionItemIncomplete(Event[SubscriptionItem], frozen=True):
    """``subscriptionItem.incomplete``: an item is waiting for the payer to do something."""

    type: Literal["subscriptionItem.incomplete"]


class SubscriptionItemPastDue(Event[SubscriptionItem], frozen=True):
    """``subscriptionItem.pastDue``: a payment for an item is overdue."""

    type: Literal["subscriptionItem.pastDue"]


class SubscriptionItemFreeTrialEnding(Event[SubscriptionItem], frozen=True):
    """``subscriptionItem.freeTrialEnding``: a free trial ends in three days, or sooner if it is
    shorter than that.
    """

    type: Literal["subscriptionItem.freeTrialEnding"]


class SubscriptionItemCanceled(Event[SubscriptionItem], frozen=True):
    """``subscriptionItem.canceled``: an item was canceled; it stays in effect until its period
    ends.
    """

    type: Literal["subscriptionItem.canceled"]


class SubscriptionItemEnded(Event[SubscriptionItem], frozen=True):
    """``subscriptionItem.ended``: an item is no longer in effect: it ran out, or another plan took
    its place.
    """

    type: Literal["subscriptionItem.ended"]


class SubscriptionItemAbandoned(Event[SubscriptionItem], frozen=True):
    """``subscriptionItem.abandoned``: an upcoming item was replaced before it began."""

    type: Literal["subscriptionItem.abandoned"]


SubscriptionItemEvent = (
    SubscriptionItemCreated
    | SubscriptionItemUpdated
    | SubscriptionItemActive
    | SubscriptionItemUpcoming
    | SubscriptionItemIncomplete
    | SubscriptionItemPastDue
    | SubscriptionItemFreeTrialEnding
    | SubscriptionItemCanceled
    | SubscriptionItemEnded
    | SubscriptionItemAbandoned
)
"""Any event of an item of a subscription."""
