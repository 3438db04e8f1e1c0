"""Signature headers: any container of headers in, the three values out.

This module deals with the forms in which frameworks pass headers. `clerk_hooks.signature` checks
the values.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TypeAlias, cast

from .errors import (
    ClerkHooksError,
    InputTypeError,
    MalformedHeader,
    MissingHeader,
    caused_by,
)

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
_MAX_NAME = len("HTTP_WEBHOOK_TIMESTAMP")  # Characters. A longer name cannot be one of ours.
_BLANKS = b" \t"  # HTTP's optional whitespace (RFC 9110, 5.6.3), which is not part of a value.

# The names seen so far, as they were spelled: one of the six, or None for all others. Strangers
# choose names, so only short ones are kept, and not many.
_known: dict[object, str | None] = {}
_MAX_KNOWN = 512
_NEW = ""

# HTTP defines no charset. Text that is not ASCII breaks a rule or matches no signature, so all that
# this encoding has to do is never raise.
_encoded = partial(str.encode, encoding="utf-8", errors="surrogatepass")

_RENAMED = re.compile("(?:[a-z0-9]+[-_])*(?:svix|webhook)[-_]?(?:id|timestamp|signature)")
_MAX_RENAMED = 64  # Characters.


def read_headers(headers: Headers) -> SignatureHeaders | ClerkHooksError:
    """Find the signature headers in `headers`, in any of the forms that `Headers` lists.

    A family counts only if it is complete, and ``svix-*`` comes first. A blank value counts as
    missing.

    Returns problems instead of raising them: `MissingHeader`, `MalformedHeader`
    (``duplicate_header``) if copies of one header differ, and `InputTypeError` if `headers` are not
    headers.
    """
    found: dict[str, bytes] = {}
    try:
        for key, value in _pairs(headers):
            try:
                if len(cast("str", key)) > _MAX_NAME:
                    continue  # It is not even looked up, for which it would be hashed.
            except TypeError:  # It has no length: it is not a name.
                continue
            name = _known.get(key, _NEW)
            if name is None:
                continue
            if name is _NEW and (name := _learned(key)) is None:
                continue
            # Usually text: do not spend a call on it.
            text = _encoded(value).strip(_BLANKS) if type(value) is str else _text(value)
            if text and found.setdefault(name, text) != text:
                return _conflict()
    except ClerkHooksError as error:
        return error.with_traceback(None)  # Whose frames hold values.
    except Exception as error:  # noqa: BLE001 - The caller's own container may raise anything.
        return caused_by(_no_headers(headers), error)
    for message_id, timestamp, signature in _FAMILIES:
        if message_id in found and timestamp in found and signature in found:
            return found[message_id], found[timestamp], found[signature]
    return MissingHeader(_what_is_missing(found, headers))


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


def _learned(key: object) -> str | None:
    """The lower-case name of one of the six headers (from a WSGI environ too); None for others."""
    if not isinstance(key, (str, bytes)) or len(key) > _MAX_NAME or not key.isascii():
        return None
    text = key.decode("ascii") if isinstance(key, bytes) else key
    name = text.lower()
    if text.startswith("HTTP_"):
        name = name.removeprefix("http_").replace("_", "-")
    found = name if name in _NAMES else None
    if type(key) in (str, bytes):
        if len(_known) >= _MAX_KNOWN:
            _known.clear()
        _known[key] = found
    return found


def _text(value: object) -> bytes:
    """`value` as bytes without surrounding blanks; empty for None and an empty list."""
    if isinstance(value, str):
        return _encoded(value).strip(_BLANKS)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).strip(_BLANKS)
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


def _what_is_missing(found: dict[str, bytes], headers: Headers) -> str:
    if not found:
        missing = "svix-id, svix-timestamp and svix-signature are missing"
        if renamed := ", ".join(_renamed(headers)):
            return f"{missing}, but there are {renamed}: pass the headers under their own names"
        return f"{missing}: this is not a delivery from Clerk, or a proxy removes its headers"
    family = next(family for family in _FAMILIES if any(name in found for name in family))
    missing = " and ".join(name for name in family if name not in found)
    hint = "a proxy may remove or rename headers"
    if any(name not in family for name in found):
        hint = "svix-* and webhook-* headers cannot be mixed: one family must be complete"
    return f"{missing} missing or blank; {hint}"


def _renamed(headers: Headers) -> list[str]:
    """Names like ``svix_id``, at most six; a name with other characters could forge a log line."""
    names: set[str] = set()
    try:
        for key, _ in _pairs(headers):
            name = key.decode("latin-1") if isinstance(key, bytes) else key
            if (
                isinstance(name, str)
                and name.isascii()
                and len(name) <= _MAX_RENAMED
                and _RENAMED.fullmatch(name.lower())
            ):
                names.add(name)
    except Exception:  # noqa: BLE001 - a container may raise anything the second time, too.
        return []
    return sorted(names)[:6]
