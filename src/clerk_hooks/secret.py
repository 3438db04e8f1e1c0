"""Signing secrets: their form, where to find them, and the keys that they hold.

No error raised here repeats any part of a secret.
"""

import os
import re
from binascii import a2b_base64
from collections.abc import Iterable, Mapping
from typing import TypeAlias, cast

from .errors import SecretError

Secret: TypeAlias = str | bytes | Iterable[str | bytes]
"""A signing secret (``whsec_...``), or several during a rotation."""

SECRET_VARIABLE = "CLERK_WEBHOOK_SIGNING_SECRET"  # noqa: S105 - the name, not the secret
"""The environment variable from which Clerk's own SDKs read the signing secret."""

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
    """The keys of one or more signing secrets: at least one, each of at least 16 bytes.

    ``None`` means the environment variable. A text can hold several secrets, separated by
    whitespace. `bytes` are the text of a secret. Raises `SecretError`.
    """
    if secret is None:
        secret = secret_from_environment()
    try:
        texts = _texts(secret)
    except SecretError:
        raise
    except Exception as error:  # The caller's own object may raise anything.
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
        return str.__str__(item)  # A subclass's methods may return anything.
    if isinstance(item, bytes):
        # Bytes that are not ASCII become characters that are not base64, which are refused.
        return bytes.decode(item, "ascii", "replace")
    raise _not_text(type(item))


def _not_text(kind: type) -> SecretError:
    return SecretError(f"a signing secret is text (whsec_...), not {kind.__name__}")


def _keys(text: str) -> list[bytes]:
    """The keys of one or more signing secrets, separated by whitespace."""
    words = text.strip().strip(_QUOTES).split()
    if not words:
        raise SecretError("the signing secret is empty", reason="missing_secret")
    return [_key(word.strip(_QUOTES)) for word in words]


def secret_from_environment() -> str:
    """The text of the environment variable. Raises `SecretError` if it is unset or blank."""
    secret = os.environ.get(SECRET_VARIABLE, "")
    if secret.strip():
        return secret
    hint = "copy the endpoint's Signing Secret from Clerk's dashboard (Webhooks)"
    former = next((name for name in _FORMER_VARIABLES if os.environ.get(name)), None)
    if former is not None:
        hint = f"but {former} is: rename that, or pass its value as secret="
    raise SecretError(f"{SECRET_VARIABLE} is not set; {hint}", reason="missing_secret")


def _key(text: str) -> bytes:
    """The key in one signing secret. Its base64 padding is optional, as it is for Svix."""
    for prefix, what in _NOT_SECRETS.items():
        if text.startswith(prefix):
            raise SecretError(f"this is {what}, not a signing secret (whsec_...)")
    encoded = text.removeprefix("whsec_")
    bare = encoded.rstrip("=")
    if not bare:
        raise SecretError("the signing secret is empty", reason="missing_secret")
    if not re.fullmatch("[A-Za-z0-9+/]+={0,2}", encoded) or len(bare) % 4 == 1:
        raise SecretError("this is not a signing secret: expected whsec_ and base64")
    key = a2b_base64(bare + "=" * (-len(bare) % 4))
    if len(key) < _MIN_KEY_BYTES:
        raise SecretError(
            f"this signing secret is too short to be safe: it has under {_MIN_KEY_BYTES} bytes"
        )
    return key
