"""The secrets that may have been meant: the passed ones without decoration, and others."""

import os
import re
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple, cast
from urllib.parse import unquote

from ...secret import (
    SECRET_PREFIX,
    SECRET_VARIABLE,
    Secret,
    SecretFunction,
    is_function,
    items_of,
    text_of,
)
from .result import Cause, Explanation

_NAMED = re.compile(r"(?:export\s+)?\w+\s*[=:]\s*(?=\W*whsec_)")
_DECORATION = re.compile(r"[\s\"'`\u00b4\u2018-\u201f\u00ab\u00bb\u200b-\u200f\ufeff,;<>]|\\[nrt]")
_INSIDE = re.compile("whsec_[A-Za-z0-9+/]{22,}={0,2}")


class MeantSecret(NamedTuple):
    """A secret that may have been meant, and what is then wrong with the passed one."""

    secret: str
    cause: Cause
    message: str


def texts_of(secret: Secret | None) -> list[str]:
    """The secrets that were passed, or the environment variable's, as text.

    Anything else is left out. Several secrets in one text stay together.
    """
    if secret is None:
        secret = os.environ.get(SECRET_VARIABLE, "")
    texts: list[str] = []
    with suppress(Exception):  # The caller's own objects and functions may raise anything.
        for item in items_of(secret):
            text = text_of(cast("SecretFunction", item)() if is_function(item) else item)
            if isinstance(text, str):
                texts.append(text)
    return texts


def meant_secrets(texts: list[str], others: list[str]) -> Iterator[MeantSecret]:
    """The secrets to try in place of `texts`, the passed ones; `others` are among them."""
    for text in texts:
        bare = _undecorated(text)
        for inside in (bare, *_INSIDE.findall(text)):
            if inside != text:
                message = "the secret has quotes, whitespace or other characters in or around it"
                yield MeantSecret(inside, "secret_decorated", message)
        message = "the secret was encoded once too often"
        for former in (*_decoded(bare), unquote(bare)):
            yield MeantSecret(former, "secret_decorated", message)
        url_safe = bare.removeprefix(SECRET_PREFIX)
        standard = url_safe.replace("-", "+").replace("_", "/")
        message = "the secret is in base64's URL-safe alphabet, but was issued in the standard one"
        yield MeantSecret(standard, "secret_decorated", message)
    for number, other in enumerate(others, 1):
        message = f"it was signed with number {number} of the other secrets"
        yield MeantSecret(other, "secret_of_another", message)
    for name, value in os.environ.items():
        if SECRET_PREFIX in value and value not in texts:
            message = f"it was signed with the secret in the environment variable {name}"
            yield MeantSecret(value, "secret_of_another", message)


def _undecorated(text: str) -> str:
    """A secret without the characters that people and shells leave around it and in it."""
    bare = _DECORATION.sub("", _NAMED.sub("", text))
    while bare[:6].lower() == SECRET_PREFIX:
        bare = bare[6:]
    return SECRET_PREFIX + bare


def _decoded(text: str) -> Iterator[str]:
    """The secrets of which `text` is the base64, perhaps of the base64, as in Kubernetes."""
    for _ in range(2):
        encoded = text.removeprefix(SECRET_PREFIX)
        try:
            text = b64decode(encoded + "=" * (-len(encoded) % 4)).decode("ascii", "replace").strip()
        except ValueError:
            return
        yield from _INSIDE.findall(text)


def explain_secret(texts: list[str], message: str, reason: str) -> Explanation:
    """Why the passed secrets contain no key. `message` and `reason` are the error's."""
    if any(re.match(r"\W*(?:sk|pk)_", text) for text in texts):
        return Explanation.of("secret_is_api_key", message)
    return Explanation.of(
        "secret_missing" if reason == "missing_secret" else "secret_malformed", message
    )
