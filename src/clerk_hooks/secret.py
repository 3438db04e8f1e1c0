"""Signing secrets: what is one, where it is found, and the key it holds.

No error raised here repeats any part of a secret.
"""

import os
import re
from binascii import a2b_base64
from collections.abc import Iterable, Mapping
from typing import TypeAlias, cast

from .errors import SecretError

Secret: TypeAlias = str | bytes | Iterable[str | bytes]
"""A signing secret (``whsec_...``), or several while rotating."""

SECRET_VARIABLE = "CLERK_WEBHOOK_SIGNING_SECRET"  # noqa: S105 - the name, not the secret
"""The environment variable that Clerk's own SDKs read the signing secret from."""

_FORMER_VARIABLES = ("CLERK_WEBHOOK_SECRET", "SIGNING_SECRET", "WEBHOOK_SECRET")
_MIN_KEY_BYTES = 16  # The spec asks issuers for 24; published test vectors hold a key of 23.
_QUOTES = "\"'"
_NOT_SECRETS = {
    "sk_": "an API key (sk_...)",
    "pk_": "a publishable key (pk_...)",
    "whpk_": "an asymmetric public key (whpk_...)",
    "whsk_": "an asymmetric private key (whsk_...)",
}


def read_keys(secret: Secret | None) -> tuple[bytes, ...]:
    """The keys (16 bytes or more each) of one signing secret or of several; never none.

    ``None`` stands for the environment variable; text may hold several secrets, separated by
    blanks; `bytes` are the secret's text. Raises `SecretError`.
    """
    if secret is None:
        secret = secret_from_environment()
    try:
        texts = _texts(secret)
    except SecretError:
        raise
    except Exception as error:  # An object of the caller's own may raise anything.
        raise SecretError("the signing secrets cannot be read") from error
    if not texts:
        raise SecretError("no signing secret was passed", reason="missing_secret")
    return tuple(key for text in texts for key in _keys(text))


def _texts(secret: object) -> list[str]:
    kind = type(secret)
    if isinstance(secret, (str, bytes)):
        return [_text(secret)]
    if isinstance(secret, Iterable) and not isinstance(secret, (Mapping, bytearray, memoryview)):
        return [_text(item) for item in cast("Iterable[object]", secret)]
    raise _not_text(kind)


def _text(item: object) -> str:
    if isinstance(item, str):
        return str.__str__(item)  # Methods of a subclass may return anything.
    if isinstance(item, bytes):
        # What is not ASCII becomes characters that are not base64, and is refused as such.
        return bytes.decode(item, "ascii", "replace")
    raise _not_text(type(item))


def _not_text(kind: type) -> SecretError:
    return SecretError(f"a signing secret is text (whsec_...), not {kind.__name__}")


def _keys(text: str) -> list[bytes]:
    """The keys of one or several signing secrets, separated by blanks."""
    words = text.strip().strip(_QUOTES).split()
    if not words:
        raise SecretError("the signing secret is empty", reason="missing_secret")
    return [_key(word.strip(_QUOTES)) for word in words]


def secret_from_environment() -> str:
    """The text of the environment variable. Raises `SecretError` where it is unset or blank."""
    secret = os.environ.get(SECRET_VARIABLE, "")
    if secret.strip():
        return secret
    hint = "copy the endpoint's Signing Secret from Clerk's dashboard (Webhooks)"
    former = next((name for name in _FORMER_VARIABLES if os.environ.get(name)), None)
    if former is not None:
        hint = f"but {former} is: rename it, or pass its value as secret="
    raise SecretError(f"{SECRET_VARIABLE} is not set; {hint}", reason="missing_secret")


def _key(text: str) -> bytes:
    """The key that one signing secret holds. Its padding is optional, as it is for Svix."""
    for prefix, what in _NOT_SECRETS.items():
        if text.startswith(prefix):
            raise SecretError(f"this is {what}, not a signing secret (whsec_...)")
    encoded = text.removeprefix("whsec_")
    bare = encoded.rstrip("=")
    if not bare:
        raise SecretError("the signing secret is empty", reason="missing_secret")
    if not re.fullmatch("[A-Za-z0-9+/]+={0,2}", encoded) or len(bare) % 4 == 1:
        raise SecretError("this is not a signing secret: whsec_ and base64 are expected")
    key = a2b_base64(bare + "=" * (-len(bare) % 4))
    if len(key) < _MIN_KEY_BYTES:
        raise SecretError(
            f"a signing secret of under {_MIN_KEY_BYTES} bytes is too short to be safe"
        )
    return key
