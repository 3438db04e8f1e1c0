"""Signature headers: any container of headers in, the three values out.

What lives here is the form that frameworks hand headers over in. What the values must look like
is the business of `clerk_hooks.signature`.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from typing import TypeAlias, cast

from .errors import ClerkHooksError, InputTypeError, MalformedHeader, MissingHeader

Headers: TypeAlias = (
    Mapping[str, object] | Mapping[bytes, object] | Iterable[tuple[str | bytes, str | bytes]]
)
"""Headers as any framework has them: a mapping of any case (text or bytes, single values or lists),
a list of pairs, Starlette's and Werkzeug's headers, a WSGI environ, an ASGI scope's list."""


SignatureHeaders: TypeAlias = tuple[bytes, bytes, bytes]
"""Message id, timestamp and signature, without the blanks around them; in bytes, as the MAC is."""

_FAMILIES = (
    ("svix-id", "svix-timestamp", "svix-signature"),
    # The white-label names of the Standard Webhooks spec, which Svix's own libraries accept too.
    ("webhook-id", "webhook-timestamp", "webhook-signature"),
)
_NAMES = frozenset(name for family in _FAMILIES for name in family)

# HTTP gives no charset. What is not ASCII fails the rules or matches no signature, so the only
# demand on this encoding is that it never raises.
_encoded = partial(str.encode, encoding="utf-8", errors="surrogatepass")


def read_headers(headers: Headers) -> SignatureHeaders:
    """Find the signature headers in `headers`, a container of any kind named in `Headers`.

    A family counts only when it is whole, ``svix-*`` first; a blank value counts as missing.

    Raises `MissingHeader`, `MalformedHeader` (``duplicate_header``) where copies of one header
    differ, and `InputTypeError` where `headers` is no container of headers.
    """
    found: dict[str, bytes] = {}
    try:
        for key, value in _pairs(headers):
            if (name := _canonical_name(key)) is not None:
                # Text, which is the rule, without a call.
                text = _encoded(value).strip() if type(value) is str else _text(value)
                if text and found.setdefault(name, text) != text:
                    raise _conflict()
    except ClerkHooksError:
        raise
    except Exception as error:  # A container of the caller's own may raise anything when read.
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
        "a signature header came more than once, with different values", reason="duplicate_header"
    )


def _no_headers(headers: object) -> InputTypeError:
    return InputTypeError(
        f"headers of type {type(headers).__name__} cannot be read: pass the request's headers, as "
        "a mapping or as a list of (name, value) pairs",
        reason="bad_headers",
    )


@lru_cache(maxsize=512)
def _canonical_name(key: object) -> str | None:
    """The lower-case name of one of the six headers, also from a WSGI environ; None for others."""
    if isinstance(key, bytes):
        key = key.decode("latin-1")
    if not isinstance(key, str):
        return None
    name = (
        key.lower().removeprefix("http_").replace("_", "-") if key[:5] == "HTTP_" else key.lower()
    )
    return name if name in _NAMES else None


def _text(value: object) -> bytes:
    """`value` as bytes without the ASCII blanks around it; blank for None, and for no value."""
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
        f"a signature header's value is of type {type(value).__name__}, not text",
        reason="bad_headers",
    )


def _what_is_missing(found: dict[str, bytes]) -> str:
    if not found:
        return (
            "svix-id, svix-timestamp and svix-signature are missing: this is not a delivery from "
            "Clerk, or a proxy in between removes its headers"
        )
    family = next(family for family in _FAMILIES if any(name in found for name in family))
    missing = " and ".join(name for name in family if name not in found)
    hint = "a proxy in between may remove or rename headers"
    if any(name not in family for name in found):
        hint = "svix-* and webhook-* headers are not mixed: one family must be whole"
    return f"{missing} missing or blank; {hint}"
