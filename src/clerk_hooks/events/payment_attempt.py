"""Attempts to charge for subscriptions: the ``paymentAttempt.*`` events.

An amount of money is an integer of the smallest unit of its currency (US cents, for example).
"""

from typing import Literal

from pydantic import Field

from ._base import Event, Model, Timestamp, empty_list
from .subscription_item import BillingAmount, BillingPayer, EmbeddedSubscriptionItem


class BillingPaymentFailedReason(Model, frozen=True):
    """Why a payment failed."""

    code: str | None = None
    """The kind of reason, such as ``card_declined`` or ``insufficient_funds``."""
    decline_code: str | None = None
    """The reason in the words of the payment provider."""


class BillingPayee(Model, frozen=True):
    """The recipient of a payment."""

    id: str | None = None
    """Id of the payee (``cpayee_...``)."""
    gateway_type: str | None = None
    """The payment provider, such as ``stripe``."""
    gateway_external_id: str | None = None
    """Id of the payee at the provider."""
    gateway_status: str | None = None
    """State of the payee's account at the provider."""


class BillingUnitTotal(Model, frozen=True):
    """What one kind of unit costs."""

    name: str | None = None
    """The unit that is counted, such as ``seats``."""
    amount: int | None = None
    """Price of one in the smallest unit of the currency (cents)."""
    quantity: int | None = None
    """How many there are at this price; null means no limit."""
    total: int | None = None
    """Price of all in the smallest unit of the currency (cents)."""
    currency: str | None = None
    """ISO 4217 code of the currency."""


class BillingTotals(Model, frozen=True):
    """The totals of a payment."""

    subtotal: BillingAmount | None = None
    """The sum before tax."""
    tax_total: BillingAmount | None = None
    """The tax."""
    grand_total: BillingAmount | None = None
    """The sum with tax."""
    per_unit_totals: list[BillingUnitTotal] = Field(default_factory=empty_list, fail_fast=True)
    """What seats and other units add to it."""


class BillingPaymentSource(Model, frozen=True):
    """The card, or other means of payment, that is charged."""

    id: str | None = None
    """Id of the source (``cps_...``)."""
    gateway: str | None = None
    """The payment provider, such as ``stripe``."""
    gateway_external_id: str | None = None
    """Id of the source at the provider."""
    gateway_external_account_id: str | None = None
    """Id of the account at the provider that the source belongs to."""
    payment_method: str | None = None
    """``card`` or ``link``."""
    status: str | None = None
    """``active`` or ``disconnected``."""
    card_type: str | None = None
    """Brand of the card, such as ``visa``; null if it is none."""
    last4: str | None = None
    """The last four digits of the card; null if it is none."""


class PaymentAttempt(Model, frozen=True):
    """An attempt to charge a payer."""

    id: str
    """Id of the attempt."""
    object: str | None = None
    """Kind of this object: ``commerce_payment_attempt``, where it is sent."""
    instance_id: str | None = None
    """Id of the Clerk instance (``ins_...``)."""
    status: str | None = None
    """``pending``, ``paid`` or ``failed``."""
    charge_type: str | None = None
    """``checkout`` for a purchase, ``recurring`` for a period of a subscription."""
    payment_id: str | None = None
    """Id of the payment that is attempted."""
    statement_id: str | None = None
    """Id of the statement that lists the payment."""
    invoice_id: str | None = None
    """Id of the invoice (older payloads)."""
    gateway_external_id: str | None = None
    """Id of the attempt at the payment provider."""
    payee: BillingPayee | None = None
    """The recipient of a payment."""
    payer: BillingPayer | None = None
    """The payer."""
    payment_source: BillingPaymentSource | None = None
    """The card, or other means of payment, that is charged."""
    totals: BillingTotals | None = None
    """The totals."""
    subscription_items: list[EmbeddedSubscriptionItem] = Field(
        default_factory=empty_list, fail_fast=True
    )
    """The items that are paid for."""
    failed_reason: BillingPaymentFailedReason | None = None
    """Why it failed."""
    billing_date: Timestamp | None = None
    """The day that the payment is for."""
    paid_at: Timestamp | None = None
    """When it was paid."""
    failed_at: Timestamp | None = None
    """When it failed."""
    created_at: Timestamp | None = None
    """When it began."""
    updated_at: Timestamp | None = None
    """When it was last changed."""


class PaymentAttemptCreated(Event[PaymentAttempt], frozen=True):
    """``paymentAttempt.created``: an attempt to charge a payer began."""

    type: Literal["paymentAttempt.created"]


class PaymentAttemptUpdated(Event[PaymentAttempt], frozen=True):
    """``paymentAttempt.updated``: an attempt was paid, failed, or changed in another way."""

    type: Literal["paymentAttempt.updated"]


PaymentAttemptEvent = PaymentAttemptCreated | PaymentAttemptUpdated
"""Any event of an attempt to pay."""
