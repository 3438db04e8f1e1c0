"""Plans, and who has subscribed to and paid for them."""

from .source import DAY, SECOND, Payload, Source

_MONTH = 30 * DAY
_PRICE = 2500
"""Cents."""

_ITEM_STATUS = {
    "canceled": "canceled",
    "upcoming": "upcoming",
    "ended": "ended",
    "abandoned": "abandoned",
    "incomplete": "incomplete",
    "pastDue": "past_due",
}
"""Name of the event -> the status of its item; of all others it is ``active``."""


def _amount(cents: int) -> Payload:
    return {
        "amount": cents,
        "amount_formatted": f"{cents / 100:.2f}",
        "currency": "USD",
        "currency_symbol": "$",
    }


def _payer(source: Source) -> Payload:
    """A user; what only an organization has is empty, not null."""
    return {
        "created_at": source.ago(2 * _MONTH),
        "email": source.email("ada"),
        "first_name": "Ada",
        "id": source.id("cpayer", ago=2 * _MONTH),
        "image_url": source.image_url(),
        "last_name": "Lovelace",
        "object": "commerce_payer",
        "organization_id": "",
        "organization_name": "",
        "updated_at": source.ago(_MONTH),
        "user_id": source.id("user", ago=2 * _MONTH),
    }


def _plan(source: Source) -> Payload:
    return {
        "amount": _PRICE,
        "currency": "USD",
        "id": source.id("cplan", ago=6 * _MONTH),
        "is_recurring": True,
        "name": "Pro",
        "slug": "pro",
    }


def _age_and_length(event: str) -> tuple[int, int]:
    """How long ago the item's period began, and how long it is, in milliseconds."""
    return {
        "created": (SECOND, _MONTH),
        "active": (SECOND, _MONTH),
        "incomplete": (SECOND, _MONTH),
        "freeTrialEnding": (4 * DAY, 7 * DAY),
        "upcoming": (-10 * DAY, _MONTH),
        "abandoned": (-10 * DAY, _MONTH),
        "ended": (_MONTH, _MONTH),
    }.get(event, (10 * DAY, _MONTH))


def subscription_item(source: Source, event: str) -> Payload:
    """The item of ``subscriptionItem.<event>``."""
    return _item(source, event) | {
        "payer": _payer(source),
        "subscription_id": source.id("csub", ago=_MONTH),
    }


def _item(source: Source, event: str) -> Payload:
    age, length = _age_and_length(event)
    plan = _plan(source)
    created = source.ago(age if age > 0 else DAY)
    return {
        "created_at": created,
        "id": source.id("csub_item", ago=source.now - created),
        "interval": "month",
        "is_free_trial": event == "freeTrialEnding",
        "object": "commerce_subscription_item",
        "period_end": source.ago(age - length),
        "period_start": source.ago(age),
        "plan": plan | {"unit_prices": [_seat_price()]},
        "plan_id": plan["id"],
        "seats": {"quantity": 5},
        "status": _ITEM_STATUS.get(event, "active"),
        "updated_at": source.ago(20),
    }


def _seat_price() -> Payload:
    tier = {
        "amount_per_block": 500,
        "currency": "USD",
        "ends_after_block": None,
        "starts_at_block": 1,
    }
    return {"block_size": 1, "name": "seats", "tiers": [tier]}


def subscription(source: Source, event: str) -> Payload:
    """The subscription of ``subscription.<event>``, with one item."""
    is_new = event in ("created", "active")
    started = source.ago(SECOND if is_new else 10 * DAY)
    is_overdue = event == "pastDue"
    payer = _payer(source)
    subscription_id = source.id("csub", ago=source.now - started)
    return {
        "active_at": started,
        "canceled_at": None,
        "created_at": started,
        "ended_at": None,
        "id": subscription_id,
        "items": [_item(source, event) | {"subscription_id": subscription_id}],
        "latest_payment_id": source.id("pa", ago=source.now - started),
        "object": "commerce_subscription",
        "past_due_at": source.ago(20) if is_overdue else None,
        "payer": payer,
        "payer_id": payer["id"],
        "payment_source_id": source.id("cps", ago=_MONTH),
        "status": "past_due" if is_overdue else "active",
        "updated_at": source.ago(20),
    }


def payment_attempt(source: Source, *, paid: bool) -> Payload:
    """A charge that is made now, or was made a minute ago and has succeeded now."""
    created = source.ago(60 * SECOND if paid else SECOND)
    updated = source.ago(20) if paid else created
    item = _item(source, "active")
    embedded = {name: item[name] for name in item if name not in ("is_free_trial", "seats")}
    return {
        "billing_date": created,
        "charge_type": "recurring",
        "created_at": created,
        "failed_at": None,
        "failed_reason": None,
        "gateway_external_id": f"pi_{source.hex(24)}",
        "id": source.id("pa", ago=source.now - created),
        "instance_id": source.id("ins", ago=12 * _MONTH),
        "invoice_id": source.id("cinv", ago=source.now - created),
        "paid_at": updated if paid else None,
        "payee": {
            "gateway_external_id": f"acct_{source.hex(16)}",
            "gateway_status": "active",
            "gateway_type": "stripe",
            "id": source.id("cpayee", ago=12 * _MONTH),
        },
        "payer": _payer(source),
        "payment_id": source.id("pmt", ago=source.now - created),
        "payment_source": _payment_source(source),
        "statement_id": source.id("stmt", ago=source.now - created),
        "status": "paid" if paid else "pending",
        "subscription_items": [embedded | {"plan": _plan(source) | {"id": item["plan_id"]}}],
        "totals": {
            "grand_total": _amount(_PRICE),
            "per_unit_totals": [],
            "subtotal": _amount(_PRICE),
            "tax_total": _amount(0),
        },
        "updated_at": updated,
    }


def _payment_source(source: Source) -> Payload:
    return {
        "card_type": "visa",
        "gateway": "stripe",
        "gateway_external_account_id": f"acct_{source.hex(16)}",
        "gateway_external_id": f"pm_{source.hex(24)}",
        "id": source.id("cps", ago=_MONTH),
        "last4": "4242",
        "payment_method": "card",
        "status": "active",
    }
