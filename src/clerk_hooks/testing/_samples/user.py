"""Users: with an email address, and bare, to be given another way to sign in."""

from . import verification
from .source import DAY, SECOND, Payload, Source

AGE = 30 * DAY
"""How long before the event an older user signed up, in milliseconds."""


def new_user(source: Source) -> Payload:
    """A user who signs up now, with one email address and a password."""
    return with_email(source, bare_user(source, 0))


def older_user(source: Source) -> Payload:
    """A user who signed up a month ago, has signed in since, and is changed now."""
    return aged(source, with_email(source, bare_user(source, AGE)))


def deleted_user(source: Source) -> Payload:
    """What is left of a user."""
    return {"deleted": True, "id": source.id("user", ago=AGE), "object": "user"}


def bare_user(source: Source, age: int) -> Payload:
    """A user who has nothing yet to sign in with."""
    created = source.ago(age + SECOND)
    return {
        "backup_code_enabled": False,
        "banned": False,
        "bypass_client_trust": False,
        "create_organization_enabled": True,
        "created_at": created,
        "delete_self_enabled": True,
        "deprovisioned": False,
        "email_addresses": [],
        "enterprise_accounts": [],
        "external_accounts": [],
        "external_id": None,
        "first_name": "Ada",
        "has_image": False,
        "id": source.id("user", ago=age + SECOND),
        "image_url": source.image_url(),
        "last_active_at": created,
        "last_name": "Lovelace",
        "last_sign_in_at": None,
        "legal_accepted_at": None,
        "locale": "en-GB",
        "locked": False,
        "lockout_expires_in_seconds": None,
        "mfa_disabled_at": None,
        "mfa_enabled_at": None,
        "object": "user",
        "passkeys": [],
        "password_enabled": False,
        "password_last_updated_at": None,
        "phone_numbers": [],
        "primary_email_address_id": None,
        "primary_phone_number_id": None,
        "primary_web3_wallet_id": None,
        "private_metadata": {},
        "profile_image_url": "https://www.gravatar.com/avatar?d=mp",
        "public_metadata": {},
        "requires_password_reset": False,
        "saml_accounts": [],
        "timezone": "Europe/London",
        "totp_enabled": False,
        "two_factor_enabled": False,
        "unsafe_metadata": {},
        "updated_at": created + 20,
        "username": None,
        "verification_attempts_remaining": 100,
        "web3_wallets": [],
    }


def aged(source: Source, user: Payload) -> Payload:
    """What time has brought to `user`."""
    user["last_sign_in_at"] = source.ago(2 * DAY)
    user["last_active_at"] = source.now // DAY * DAY  # Clerk rounds it to the day.
    user["public_metadata"] = {"plan": "pro"}
    user["private_metadata"] = {"crm_id": source.digits(6)}
    user["unsafe_metadata"] = {"theme": "dark"}
    user["updated_at"] = source.ago(40)
    return user


def email_address(source: Source, at: int, address: str, proof: Payload | None) -> Payload:
    """An email address that was added at the instant `at`, and how it was verified, if it was."""
    return {
        "created_at": at - 5 * SECOND,
        "email_address": address,
        "id": source.id("idn"),
        "linked_to": [],
        "matches_sso_connection": False,
        "object": "email_address",
        "reserved": False,
        "updated_at": at,
        "verification": proof,
    }


def with_email(source: Source, user: Payload) -> Payload:
    """`user` with an email address, verified by a code, and a password."""
    at = user["created_at"]
    address = email_address(source, at, source.email("ada"), verification.otp(at))
    return user | {
        "email_addresses": [address],
        "primary_email_address_id": address["id"],
        "password_enabled": True,
        "password_last_updated_at": at,
    }
