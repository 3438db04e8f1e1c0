"""Signing secrets: their form, where to find them, and the keys that they hold.

No error repeats any part of a secret. The functions here return problems instead of raising them:
error trackers record the local variables of each function that an error leaves, and here those
hold secrets. Only the public function that was called raises.
"""

import os
import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Protocol, TypeAlias, cast

from .errors import SecretError, caused_by, without_our_frames


class HoldsSecret(Protocol):
    """An object that keeps a secret out of its ``repr``, such as pydantic's `SecretStr`."""

    def get_secret_value(self) -> str | bytes:
        """Return the secret."""
        ...


SecretFunction: TypeAlias = Callable[[], str | bytes | HoldsSecret]
"""A function without arguments that returns a secret, which it may have to fetch first."""

OneSecret: TypeAlias = str | bytes | HoldsSecret | SecretFunction

Secret: TypeAlias = OneSecret | Iterable[OneSecret]
"""A signing secret (``whsec_...``), or several during a rotation. Each is text, bytes, an object
with ``get_secret_value()``, or a function without arguments that returns one of these."""

SECRET_VARIABLE = "CLERK_WEBHOOK_SIGNING_SECRET"  # noqa: S105 - the name, not the secret
"""The environment variable from which Clerk's own SDKs read the signing secret."""

SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix, not the secret

_MIN_KEY_BYTES = 16  # The spec asks issuers for 24; published test vectors hold a key of 23.
# What is in a key that is really a secret, or the base64 of one, perhaps after a quote.
_ENCODED_PREFIXES = (SECRET_PREFIX.encode(), b2a_base64(SECRET_PREFIX.encode(), newline=False))
_MAX_DOTENV = 64 * 1024  # Bytes of a .env file that are looked at.
_QUOTES = "\"'"
_IN_DOTENV = (
    rf"""^[ \t]*(?:export[ \t]+)?({SECRET_VARIABLE}(?=[ \t]*=)|\w+(?=[ \t]*=[ \t]*["']?whsec_))"""
)
_NOT_SECRETS = {
    "sk_": "an API key (sk_...)",
    "pk_": "a publishable key (pk_...)",
    "whpk_": "an asymmetric public key (whpk_...)",
    "whsk_": "an asymmetric private key (whsk_...)",
    "ep_": "the id of an endpoint (ep_...)",
}
# What people, shells and files do to a secret. The first that fits is named.
_SLIPS = {
    "it begins with a byte order mark": r"\ufeff|\ufffd{3}",
    "it begins with `v1,`": r"[vV]1a?,",
    "it is preceded by a name": (
        r"(?:(?:export|set)\s+|\$env:)?(?!whsec_)[A-Za-z]\w*\s*[=:]\s*[^\s,;]{16}"
    ),
    "it has the prefix whsec_ twice": r"(?:whsec_){2}",
    "it is written as Python writes bytes": r"b[\"']",
    "it has typographic quotes": r".*[`\u00b4\u2018-\u201f\u00ab\u00bb]",
    "it has a literal \\n, which is not a newline": r".*\\[nrt]",
    "it is followed by a comment": r".*(?:#|\s//)",
    "it is followed by a comma or semicolon": r".*[,;]\s*$",
    "it has a comma or semicolon where a space belongs": r".*[,;]",
    "it has brackets": r".*[<>{}()\[\]]",
    "it is shortened or masked": r".*(?:\.{3}|[*\u2022\u25cf]{3}|\u2026)",
    "it has an invisible character": r".*[\u00a0\u00ad\u200b-\u200f\u2060\ufeff]",
    "it is encoded for a URL": r".*%[0-9A-Fa-f]{2}",
    "its prefix is not spelt whsec_": r"(?!whsec_)(?i:whsec)[-_]",
    "it is in the URL-safe alphabet of base64": (
        r"(?:whsec_|(?!whsec_))(?=.*[-_])(?=.*\d)[A-Za-z0-9_-]{22,}=*$"
    ),
    "it has a letter that is not ASCII": r".*[^\x00-\x7f]",
    "it has other words before or after it": r".*\s",
}


def read_keys(secret: Secret | None) -> tuple[bytes, ...] | SecretError:
    """The keys of one or more signing secrets: at least one, each of at least 16 bytes.

    ``None`` means the environment variable. A text can hold several secrets, separated by
    whitespace. `bytes` are the text of a secret. Functions are called.
    """
    parts = read_secret(secret)
    return parts if isinstance(parts, SecretError) else call_functions(parts)


def read_secret(secret: Secret | None) -> tuple[bytes | SecretFunction, ...] | SecretError:
    """Like `read_keys`, but a function is returned in place of its keys."""
    try:
        if secret is None:
            secret = secret_from_environment()
        parts: list[bytes | SecretFunction] = []
        for item in items_of(secret):
            part = [item] if is_function(item) else _keys_of(item)
            if isinstance(part, SecretError):
                return part
            parts += cast("list[bytes | SecretFunction]", part)
    except SecretError as error:
        return without_our_frames(error)
    except Exception as error:  # noqa: BLE001 - The caller's own object may raise anything.
        return caused_by(SecretError("the signing secrets cannot be read"), error)
    return tuple(parts) or SecretError("no signing secret was passed", reason="missing_secret")


def call_functions(parts: Iterable[bytes | SecretFunction]) -> tuple[bytes, ...] | SecretError:
    """Replace the functions in the result of `read_secret` by the keys that they return."""
    keys: list[bytes] = []
    for part in parts:
        found = [part] if isinstance(part, bytes) else _call(part)
        if isinstance(found, SecretError):
            return found
        keys += found
    return tuple(keys)


def secret_from_environment(argument: str = "secret=") -> str:
    """The text of the environment variable; `argument` is what takes a secret in its place.

    Raises `SecretError` if it is unset or blank.
    """
    secret = os.environ.get(SECRET_VARIABLE, "")
    if secret.strip():
        return secret
    hint = "copy the endpoint's Signing Secret from Clerk's dashboard (Webhooks)"
    holders = sorted(
        name
        for name, value in os.environ.items()
        if value.strip().lstrip(_QUOTES).startswith(SECRET_PREFIX)
    )
    if holders:
        verb, pronoun = ("is", "it") if len(holders) == 1 else ("are", "one")
        held = f"{' and '.join(holders)} {verb}"
        hint = f"but {held}: rename {pronoun}, or pass its value as {argument}"
    elif name := _name_in_dotenv():
        hint = f"but the file .env in this folder sets {name}: nothing has loaded that file"
    raise SecretError(f"{SECRET_VARIABLE} is not set; {hint}", reason="missing_secret")


def _name_in_dotenv() -> str | None:
    """The variable that a file .env sets to a secret, if there is such a file: ours, if it can."""
    try:
        with open(".env", "rb") as file:  # noqa: PTH123 - pathlib costs every start its import
            text = file.read(_MAX_DOTENV).decode("ascii", "replace")
    except OSError:
        return None
    names: list[str] = re.findall(_IN_DOTENV, text, re.MULTILINE)
    return SECRET_VARIABLE if SECRET_VARIABLE in names else next(iter(names), None)


def items_of(secret: object) -> Iterable[object]:
    """The secrets one by one; each may be anything."""
    one: list[object] = [secret]
    if isinstance(secret, (str, bytes)) or callable(secret) or _is_holder(secret):
        return one
    if isinstance(secret, Iterable) and not isinstance(secret, (Mapping, bytearray, memoryview)):
        return cast("Iterable[object]", secret)
    return one


def is_function(item: object) -> bool:
    """Whether `item` is a function to call for a secret."""
    return callable(item) and not isinstance(item, (str, bytes)) and not _is_holder(item)


def _is_holder(item: object) -> bool:
    return hasattr(item, "get_secret_value")


def _call(function: SecretFunction) -> list[bytes] | SecretError:
    """The keys in the secret that `function` returns."""
    try:
        found = function()
        if isinstance(found, Coroutine):
            found.close()  # So that Python does not warn that nobody awaits it.
            return SecretError("the function passed as secret is async: pass one that is not")
        return _keys_of(found)
    except SecretError as error:  # For example, of a function that reads settings.
        return without_our_frames(error)
    except Exception as error:  # noqa: BLE001 - A function may raise anything.
        name = type(error).__name__
        return caused_by(SecretError(f"the function passed as secret raised {name}"), error)


def text_of(item: object) -> str | SecretError:
    """The text of a secret that is text, bytes, or held by an object."""
    if not isinstance(item, (str, bytes)) and _is_holder(item):
        item = cast("HoldsSecret", item).get_secret_value()
    if isinstance(item, str):
        return str.__str__(item)  # A subclass's methods may return anything.
    if isinstance(item, bytes):
        # Bytes that are not ASCII become characters that are not base64, which are refused.
        return bytes.decode(item, "ascii", "replace")
    return SecretError(f"a signing secret is text (whsec_...), not {type(item).__name__}")


def _keys_of(item: object) -> list[bytes] | SecretError:
    """The keys in a text, which can hold several secrets, separated by whitespace."""
    text = text_of(item)
    if isinstance(text, SecretError):
        return text
    words = text.strip().strip(_QUOTES).split()
    keys: list[bytes] = []
    for word in words:
        key = _key(word.strip(_QUOTES), text)
        if isinstance(key, SecretError):
            return key
        keys.append(key)
    return keys or SecretError("the signing secret is empty", reason="missing_secret")


def _key(word: str, text: str) -> bytes | SecretError:
    """The key in `word`, which is one of the secrets in `text`; its padding is optional."""
    for prefix, what in _NOT_SECRETS.items():
        if word.startswith(prefix):
            return SecretError(f"this is {what}, not a signing secret (whsec_...)")
    encoded = word.removeprefix(SECRET_PREFIX)
    bare = encoded.rstrip("=")
    if not bare:
        return SecretError("the signing secret is empty", reason="missing_secret")
    if not re.fullmatch("[A-Za-z0-9+/]+={0,2}", encoded) or len(bare) % 4 == 1:
        return _refused(text)
    key = a2b_base64(bare + "=" * (-len(bare) % 4))
    if any(prefix in key for prefix in _ENCODED_PREFIXES):
        return SecretError(
            "this signing secret was base64-encoded a second time, as Kubernetes does: decode it "
            "once, to get whsec_ and base64"
        )
    if len(key) < _MIN_KEY_BYTES:
        return _refused(text, f"it is too short to be safe, with under {_MIN_KEY_BYTES} bytes")
    return key


def _refused(text: str, problem: str = "") -> SecretError:
    """Say what is wrong with `text`, without a part of it; `problem`, unless a slip explains it."""
    bare = text.strip().strip(_QUOTES)
    problem = next((s for s, form in _SLIPS.items() if re.match(form, bare, re.DOTALL)), problem)
    problem = f"{problem}; " if problem else ""
    return SecretError(f"this is not a signing secret: {problem}expected whsec_ and base64")
