"""What may have happened to the signature headers on their way here."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, cast
from urllib.parse import unquote

from ...headers import Headers
from ...signing import sign
from .result import Explanation

_PARTS = ("id", "timestamp", "signature")
_EXACT = re.compile("(?:svix|webhook)-(?:id|timestamp|signature)")
_NAME = re.compile(".*?(svix|webhook)[-_ ]?(id|timestamp|signature).*", re.DOTALL)
_LENGTH = re.compile("[0-9]{1,18}")
_MAX_SHOWN = 80  # Characters of a name.
_MIN_TRUNCATED = 12
"""A signature is recognised if this many characters of it are left."""


class FoundHeader(NamedTuple):
    """A header whose name looks like that of a signature header."""

    name: str
    family: str
    part: str
    is_exact: bool


def kept(headers: Headers) -> Headers:
    """`headers` in a form that can be read more than once."""
    try:
        return list(headers) if isinstance(headers, Iterator) else headers
    except Exception:  # noqa: BLE001 - the caller's own iterator may raise anything.
        return headers


def found_headers(headers: Headers) -> list[FoundHeader]:
    """All headers that may be signature headers, even under a changed name."""
    found: list[FoundHeader] = []
    for name, value in _pairs(headers):
        if (match := _NAME.fullmatch(name.lower())) and value.strip():
            found.append(FoundHeader(name, match[1], match[2], _is_exact(name)))
    return found


def _is_exact(name: str) -> bool:
    """Whether the name is one of the six, or WSGI's form of one."""
    if name.startswith("HTTP_"):
        name = name.removeprefix("HTTP_").replace("_", "-")
    return _EXACT.fullmatch(name.lower()) is not None


def _pairs(headers: Headers) -> Iterator[tuple[str, str]]:
    items: Any = getattr(headers, "items", None)
    for key, value in cast("Iterable[tuple[object, object]]", items() if items else headers):
        first = cast("list[object]", value)[:1] if isinstance(value, (list, tuple)) else [value]
        yield from ((_text(key), _text(each)) for each in first)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else ""


def _joined(names: Iterable[str]) -> str:
    """Names from a request, made harmless for a terminal."""
    return ", ".join(sorted(ascii(name)[1:-1][:_MAX_SHOWN] for name in names))


def explain_missing(found: list[FoundHeader], message: str) -> Explanation:
    """Why no family is complete. `message` is the error's."""
    exact = [header for header in found if header.is_exact]
    families = {header.family for header in exact}
    if len(families) > 1 and {header.part for header in exact} == set(_PARTS):
        names = _joined(header.name for header in exact)
        return Explanation.of("headers_mixed", f"the headers come from two families: {names}")
    strange = [header.name for header in found if not header.is_exact]
    if strange and {header.part for header in found} == set(_PARTS):
        return Explanation.of(
            "headers_renamed", f"the headers have other names: {_joined(strange)}"
        )
    return Explanation.of("headers_stripped", message)


def is_mangled(body: bytes, message_id: str, timestamp: int, signature: str, secret: str) -> bool:
    """Whether `signature` holds the right one with its case, punctuation or end changed."""
    signed = sign(body, secret=secret, message_id=message_id, timestamp=timestamp)
    came = [entry.removeprefix("v1,") for entry in signature.split()]
    for right in (entry.removeprefix("v1,") for entry in signed["svix-signature"].split()):
        if _letters(right) in _letters(unquote(signature)):
            return True
        if any(len(entry) >= _MIN_TRUNCATED and right.startswith(entry) for entry in came):
            return True
    return False


def content_length(headers: Headers) -> int | None:
    """The request's Content-Length, if it has a valid one."""
    for name, value in _pairs(headers):
        if name.lower() in ("content-length", "content_length") and _LENGTH.fullmatch(value):
            return int(value)
    return None


def _letters(text: str) -> str:
    """The parts of base64 of which proxies change nothing but the case."""
    return re.sub("[^a-z0-9]", "", text.lower())
