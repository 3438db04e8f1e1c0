"""Signature headers: any container of headers in, the three values out.

This module deals with the forms in which frameworks pass headers. `clerk_hooks.signature` checks
the values.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from typing import TypeAlias, cast

from .errors import ClerkHooksError, InputTypeError, MalformedHeader, MissingHeader

Headers: TypeAlias = (
    Mapping[str, object] | Mapping[bytes, object] | Iterable[tuple[str | bytes, str | bytes]]
)
"""Headers in any framework's form: a mapping (names in any case, text or bytes, single values or
lists), a list of pairs, headers of Starlette or Werkzeug, a WSGI environ, an ASGI scope's list."""


SignatureHeaders: TypeAlias = tuple[bytes, bytes, bytes]
"""Message id, timestamp and signature without surrounding whitespace, as bytes for the MAC."""

_FAMILIES = (
    ("svix-id", "svix-timestamp", "svix-signature"),
    # The names in the Standard Webhooks spec, which Svix's own libraries accept too.
    ("webhook-id", "webhook-timestamp", "webhook-signature"),
)
_NAMES = frozenset(name for family in _FAMILIES for name in family)

# HTTP defines no charset. Text that is not ASCII breaks a rule or matches no signature, so all that
# this encoding has to do is never raise.
_encoded = partial(str.encode, encoding="utf-8", errors="surrogatepass")


def read_headers(headers: Headers) -> SignatureHeaders:
    """Find the signature headers in `headers`, in any of the forms that `Headers` lists.

    A family counts only if it is complete, and ``svix-*`` comes first. A blank value counts as
    missing.

    Raises `MissingHeader`, `MalformedHeader` (``duplicate_header``) if copies of one header differ,
    and `InputTypeError` if `headers` are not headers.
    """
    found: dict[str, bytes] = {}
    try:
        for key, value in _pairs(headers):
            if (name := _canonical_name(key)) is not None:
                # Usually text: do not spend a call on it.
                text = _encoded(value).strip() if type(value) is str else _text(value)
                if text and found.setdefault(name, text) != text:
                    raise _conflict()
    except ClerkHooksError:
        raise
    except Exception as error:  # The caller's own container may raise anything.
        raise _no_headers(headers) from error
    for family in _FAMILIES:
        message_id, timestamp, signature = map(found.get, family)
        if message_id and timestamp and signature:
            return message_id, timestamp, signature
    raise MissingHeader(_what_is_missing(found))


def _pairs(headers: Headers) -> Iterable[tuple[object, object]]:
    items: Callable[[], Iterable[tuple[object, object]]] | None = getattr(headers, "items", None)
    if items is not None:
        return items()
    if isinstance(headers, (str, bytes, bytearray, memoryview)):
        raise _no_headers(headers)
    return cast("Iterable[tuple[object, object]]", headers)


def _conflict() -> MalformedHeader:
    return MalformedHeader(
        "a signature header occurs more than once, with different values", reason="duplicate_header"
    )


def _no_headers(headers: object) -> InputTypeError:
    return InputTypeError(
        f"headers of type {type(headers).__name__} cannot be read: pass the request's headers, as "
        "a mapping or as a list of (name, value) pairs",
        reason="bad_headers",
    )


@lru_cache(maxsize=512)
def _canonical_name(key: object) -> str | None:
    """The lower-case name of one of the six headers (from a WSGI environ too); None for others."""
    if isinstance(key, bytes):
        key = key.decode("latin-1")
    if not isinstance(key, str):
        return None
    name = (
        key.lower().removeprefix("http_").replace("_", "-") if key[:5] == "HTTP_" else key.lower()
    )
    return name if name in _NAMES else None


def _text(value: object) -> bytes:
    """`value` as bytes without surrounding ASCII whitespace; empty for None and an empty list."""
    if isinstance(value, str):
        return _encoded(value).strip()
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).strip()
    if value is None:
        return b""
    if isinstance(value, (list, tuple)):
        copies = {text for text in map(_text, cast("list[object]", value)) if text}
        if len(copies) > 1:
            raise _conflict()
        return copies.pop() if copies else b""
    raise InputTypeError(
        f"the value of a signature header is of type {type(value).__name__}, not text",
        reason="bad_headers",
    )


def _what_is_missing(found: dict[str, bytes]) -> str:
    if not found:
        return (
            "svix-id, svix-timestamp and svix-signature are missing: this is not a delivery from "
            "Clerk, or a proxy removes its headers"
        )
    family = next(family for family in _FAMILIES if any(name in found for name in family))
    missing = " and ".join(name for name in family if name not in found)
    hint = "a proxy may remove or rename headers"
    if any(name not in family for name in found):
        hint = "svix-* and webhook-* headers cannot be mixed: one family must be complete"
    return f"{missing} missing or blank; {hint}"
