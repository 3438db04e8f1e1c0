"""Emails and text messages that Clerk sends, or has the application send."""

from .source import DAY, Payload, Source


def email(source: Source) -> Payload:
    """An email with a code to verify an address with."""
    code = source.digits(6)
    return {
        "body": f"<!DOCTYPE html><html><body><h1>Verification code</h1><p>{code}</p></body></html>",
        "body_plain": f"Verification code\n\n{code}\n",
        "data": {
            "app": {"name": "Analytical Engines", "url": "https://engines.example"},
            "otp_code": code,
            "requested_at": "21 September 2026, 13:33 UTC",
            "requested_by": "Chrome, Macintosh",
            "requested_from": "203.0.113.7 (London, GB)",
        },
        "delivered_by_clerk": True,
        "email_address_id": source.id("idn", ago=DAY),
        "from_email_name": "notifications",
        "id": source.id("ema"),
        "object": "email",
        "reply_to_email_name": None,
        "slug": "verification_code",
        "status": "queued",
        "subject": f"{code} is your verification code",
        "suppression_reason": None,
        "to_email_address": source.email("ada"),
        "user_id": source.id("user", ago=DAY),
    }


def sms(source: Source) -> Payload:
    """A text message with a code to verify a number with."""
    code = source.digits(6)
    return {
        "created_at_ms": source.ago(20),
        "data": {"app": {"name": "Analytical Engines"}, "otp_code": code},
        "delivered_by_clerk": True,
        "from_phone_number": "+12015550100",
        "id": source.id("sms"),
        "message": f"{code} is your verification code for Analytical Engines.",
        "object": "sms_message",
        "phone_number_id": source.id("idn", ago=DAY),
        "slug": "verification_code",
        "status": "queued",
        "to_phone_number": f"+120155501{source.digits(2)}",
        "user_id": source.id("user", ago=DAY),
    }


def waitlist_entry(source: Source, *, invited: bool) -> Payload:
    """Somebody who joins the waitlist now, or joined two days ago and is invited now."""
    created = source.ago(2 * DAY if invited else 20)
    updated = source.ago(20)
    address = source.email("mary")
    invitation: Payload = {
        "created_at": updated,
        "email_address": address,
        "expires_at": updated + 30 * DAY,
        "id": source.id("inv"),
        "object": "invitation",
        "public_metadata": {},
        "revoked": False,
        "status": "pending",
        "updated_at": updated,
        "url": f"https://accounts.example.com/tickets/accept?ticket={source.hex(32)}",
    }
    return {
        "created_at": created,
        "email_address": address,
        "id": source.id("wle", ago=source.now - created),
        "invitation": invitation if invited else None,
        "is_locked": False,
        "object": "waitlist_entry",
        "status": "invited" if invited else "pending",
        "updated_at": updated,
    }
