"""How addresses, numbers and accounts of a user were verified."""

from .source import MINUTE, Payload


def otp(at: int, strategy: str = "email_code") -> Payload:
    """A code that was sent by email or SMS and entered at the instant `at`."""
    return {
        "attempts": 1,
        "expire_at": at + 10 * MINUTE,
        "object": "verification_otp",
        "status": "verified",
        "strategy": strategy,
    }


def from_oauth(provider: str) -> Payload:
    """An email address that a social account brought along."""
    return {
        "attempts": None,
        "expire_at": None,
        "object": "verification_from_oauth",
        "status": "verified",
        "strategy": f"from_oauth_{provider}",
    }


def oauth(provider: str, at: int) -> Payload:
    """A social account that was connected at the instant `at`."""
    return {
        "attempts": None,
        "expire_at": at + 10 * MINUTE,
        "object": "verification_oauth",
        "status": "verified",
        "strategy": f"oauth_{provider}",
    }


def saml(at: int) -> Payload:
    """An account, or an address, that an identity provider vouched for at the instant `at`."""
    return {
        "attempts": None,
        "expire_at": at + 10 * MINUTE,
        "external_verification_redirect_url": None,
        "object": "verification_saml",
        "status": "verified",
        "strategy": "saml",
    }


def web3(at: int) -> Payload:
    """A wallet whose owner signed a message at the instant `at`."""
    return {
        "attempts": 1,
        "expire_at": at + 10 * MINUTE,
        "message": "Sign this message to show that the wallet is yours.",
        "nonce": "9f86d081884c7d65",
        "object": "verification_web3",
        "status": "verified",
        "strategy": "web3_metamask_signature",
    }


def passkey() -> Payload:
    """A passkey that was registered."""
    return {
        "attempts": None,
        "expire_at": None,
        "message": None,
        "nonce": "nonce",
        "object": "verification_passkey",
        "status": "verified",
        "strategy": "passkey",
    }


def affiliation(at: int) -> Payload:
    """A domain to which a member has proven to belong, by a code sent to an address in it."""
    return {
        "attempts": 1,
        "expire_at": at + 10 * MINUTE,
        "status": "verified",
        "strategy": "affiliation_email_code",
        "verified_at": None,
    }


def ownership(at: int) -> Payload:
    """A domain that its owner has proven to own, by a record in the DNS."""
    return {
        "attempts": 1,
        "expire_at": None,
        "status": "verified",
        "strategy": "txt",
        "verified_at": at,
    }
