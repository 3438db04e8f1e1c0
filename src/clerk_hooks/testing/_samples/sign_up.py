"""The ways to sign up that surprise a handler which knows only one of them."""

from collections.abc import Callable

from . import verification
from .source import DAY, MINUTE, SECOND, Payload, Source
from .user import AGE, aged, bare_user, email_address, with_email


def _no_email(source: Source, user: Payload) -> Payload:
    """Username and password are all there is."""
    username = f"ada_{source.hex(6)}"
    at = user["created_at"]
    return user | {
        "username": username,
        "password_enabled": True,
        "password_last_updated_at": at,
        "first_name": None,
        "last_name": None,
    }


def _second_email(source: Source, user: Payload) -> Payload:
    """Two email addresses, of which the second is the primary one."""
    user = with_email(source, user)
    former = email_address(
        source, user["created_at"], source.email("ada.byron", "example.org"), None
    )
    return user | {"email_addresses": [former, *user["email_addresses"]]}


def _google(source: Source, user: Payload) -> Payload:
    """A Google account, which brings the email address along; there is no password."""
    at = user["created_at"]
    email = source.email("ada")
    address = email_address(source, at, email, verification.from_oauth("google"))
    google_id = source.digits(21)
    picture = f"https://lh3.googleusercontent.com/a/{source.hex(20)}=s1000-c"
    account = {
        "approved_scopes": "email https://www.googleapis.com/auth/userinfo.email openid profile",
        "avatar_url": picture,
        "created_at": at - 4 * SECOND,
        "email_address": email,
        "email_address_verified": True,
        "external_account_id": source.id("eac"),
        "family_name": "Lovelace",
        "first_name": "Ada",
        "given_name": "Ada",
        "google_id": google_id,
        "id": source.id("idn"),
        "identification_id": source.id("idn"),
        "image_url": source.image_url(),
        "label": None,
        "last_name": "Lovelace",
        "object": "google_account",
        "picture": picture,
        "provider": "oauth_google",
        "provider_user_id": google_id,
        "public_metadata": {},
        "updated_at": at,
        "username": None,
        "verification": verification.oauth("google", at),
    }
    address["linked_to"] = [{"id": account["id"], "type": "oauth_google"}]
    return user | {
        "email_addresses": [address],
        "external_accounts": [account],
        "has_image": True,
        "primary_email_address_id": address["id"],
    }


def _phone(source: Source, user: Payload) -> Payload:
    """A phone number and nothing else, not even a name."""
    at = user["created_at"]
    number: Payload = {
        "backup_codes": None,
        "created_at": at - 5 * SECOND,
        "default_second_factor": False,
        "id": source.id("idn"),
        "linked_to": [],
        "object": "phone_number",
        "phone_number": f"+120155501{source.digits(2)}",
        "reserved": False,
        "reserved_for_second_factor": False,
        "updated_at": at,
        "verification": verification.otp(at, "phone_code"),
    }
    return user | {
        "first_name": None,
        "last_name": None,
        "phone_numbers": [number],
        "primary_phone_number_id": number["id"],
    }


def _saml(source: Source, user: Payload) -> Payload:
    """An account at an employer's identity provider, in both of the places where it is listed."""
    at = user["created_at"]
    email = source.email("ada", "engines.example")
    address = email_address(source, at, email, verification.saml(at))
    address["matches_sso_connection"] = True
    account = {
        "active": True,
        "email_address": email,
        "first_name": "Ada",
        "last_authenticated_at": at,
        "last_name": "Lovelace",
        "provider": "saml_okta",
        "provider_user_id": f"00u{source.hex(17)}",
        "public_metadata": {},
        "verification": verification.saml(at),
    }
    connection = {
        "active": True,
        "allow_idp_initiated": False,
        "allow_subdomains": False,
        "created_at": at - 90 * DAY,
        "disable_additional_identifications": False,
        "domain": "engines.example",
        "domains": ["engines.example"],
        "id": source.id("samlc"),
        "name": "Analytical Engines",
        "provider": "saml_okta",
        "sync_user_attributes": True,
        "updated_at": at - 80 * DAY,
    }
    enterprise = {
        "enterprise_connection": connection | {"logo_public_url": None, "protocol": "saml"},
        "enterprise_connection_id": connection["id"],
        "id": source.id("entacc"),
        "object": "enterprise_account",
        "protocol": "saml",
    }
    by_saml = {
        "id": source.id("samlacc"),
        "object": "saml_account",
        "saml_connection": connection,
    }
    return user | {
        "email_addresses": [address],
        "enterprise_accounts": [account | enterprise],
        "primary_email_address_id": address["id"],
        "saml_accounts": [account | by_saml],
    }


def _passkey(source: Source, user: Payload) -> Payload:
    """A passkey beside the email address, and no password."""
    user = with_email(source, user)
    at = user["created_at"]
    passkey = {
        "id": source.id("idn"),
        "last_used_at": at,
        "name": "iCloud Keychain",
        "object": "passkey",
        "verification": verification.passkey(),
    }
    return user | {
        "passkeys": [passkey],
        "password_enabled": False,
        "password_last_updated_at": None,
    }


def _web3(source: Source, user: Payload) -> Payload:
    """A crypto wallet and nothing else, not even a name."""
    at = user["created_at"]
    wallet = {
        "created_at": at - MINUTE,
        "id": source.id("idn"),
        "object": "web3_wallet",
        "updated_at": at,
        "verification": verification.web3(at),
        "web3_wallet": f"0x{source.hex(40)}",
    }
    return user | {
        "first_name": None,
        "last_name": None,
        "primary_web3_wallet_id": wallet["id"],
        "web3_wallets": [wallet],
    }


_WAYS: dict[str, Callable[[Source, Payload], Payload]] = {
    "no_email": _no_email,
    "second_email": _second_email,
    "google": _google,
    "phone": _phone,
    "saml": _saml,
    "passkey": _passkey,
    "web3": _web3,
}
"""Variant -> what makes a bare user one who signed up in this way."""

WAYS = tuple(_WAYS)
"""The variants of users by how they signed up."""


def user_who_signed_up_by(way: str, source: Source, *, older: bool) -> Payload:
    """A user of one of the `WAYS`, new or a month old."""
    user = _WAYS[way](source, bare_user(source, AGE if older else 0))
    return aged(source, user) if older else user
