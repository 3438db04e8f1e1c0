"""Subscriptions of users and organizations to plans: the ``subscription.*`` events."""

from typing import Literal

from pydantic import Field

from ._base import Event, Model, Timestamp, empty_list
from .subscription_item import BillingPayer, EmbeddedSubscriptionItem


class Subscription(Model, frozen=True):
    """Everything that one payer has subscribed to.

    No event reports the end of a subscription: its items are canceled and end.
    """

    id: str
    """Id of the subscription (``csub_...``)."""
    object: str | None = None
    """Kind of this object: ``commerce_subscription``."""
    status: str | None = None
    """``active``, ``past_due``, ``incomplete``, ``canceled``, ``ended``, ``abandoned``, ``expired``
    or ``upcoming``."""
    payer_id: str | None = None
    """Id of the payer (``cpayer_...``)."""
    payer: BillingPayer | None = None
    """The payer."""
    items: list[EmbeddedSubscriptionItem] = Field(default_factory=empty_list, fail_fast=True)
    """The plans in it, past and future ones among them."""
    latest_payment_id: str | None = None
    """Id of the last attempt to pay."""
    payment_source_id: str | None = None
    """Id of the means of payment, such as a card (``cps_...``)."""
    active_at: Timestamp | None = None
    """When it became active."""
    past_due_at: Timestamp | None = None
    """When a payment became overdue."""
    canceled_at: Timestamp | None = None
    """When it was canceled."""
    ended_at: Timestamp | None = None
    """When it ended."""
    created_at: Timestamp | None = None
    """When it was created."""
    updated_at: Timestamp | None = None
    """When it was last changed."""


class SubscriptionCreated(Event[Subscription], frozen=True):
    """``subscription.created``: a user or organization got a subscription, even to a free plan."""

    type: Literal["subscription.created"]


class SubscriptionUpdated(Event[Subscription], frozen=True):
    """``subscription.updated``: a subscription or one of its items changed."""

    type: Literal["subscription.updated"]


class SubscriptionActive(Event[Subscription], frozen=True):
    """``subscription.active``: a subscription became active."""

    type: Literal["subscription.active"]


class SubscriptionPastDue(Event[Subscription], frozen=True):
    """``subscription.pastDue``: a payment for a subscription is overdue."""

    type: Literal["subscription.pastDue"]


SubscriptionEvent = (
    SubscriptionCreated | SubscriptionUpdated | SubscriptionActive | SubscriptionPastDue
)
"""Any event of a subscription."""
