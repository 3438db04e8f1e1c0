"""What a changed body may have been. The signature tells which of these it was."""

import ast
import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product
from typing import Any, NamedTuple, cast
from urllib.parse import unquote_plus
from warnings import catch_warnings, simplefilter

from .result import Cause

_BOM = b"\xef\xbb\xbf"
_ENCODINGS = ("utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252")


class FormerBody(NamedTuple):
    """What the body may have been, and what happened to it since."""

    body: bytes
    cause: Cause
    message: str


def former_bodies(body: bytes) -> Iterator[FormerBody]:
    """Everything that `body` may have been before a common mistake changed it."""
    yield from _newlines(body)
    yield from _byte_order_marks(body)
    yield from _encodings(body)
    yield from _wrappings(body)
    for value in _parsed(body):
        for text, how in _serialisations(value):
            yield FormerBody(
                text.encode("utf-8", "surrogatepass"),
                "body_reserialised",
                f"the body was parsed and written again; it was signed {how}",
            )


def _newlines(body: bytes) -> Iterator[FormerBody]:
    bare = body.strip(b" \t\r\n")
    if bare != body:
        ends = {body.rstrip(b" \t\r\n"), body.lstrip(b" \t\r\n"), bare}
        for former in sorted(ends, key=len, reverse=True):
            message = "whitespace was added around the body"
            yield FormerBody(former, "body_newline", message)
    for ending in (b"\n", b"\r\n"):
        yield FormerBody(bare + ending, "body_newline", "the newline at the end was changed")
    for former in (body.replace(b"\r\n", b"\n"), body.replace(b"\n", b"\r\n")):
        yield FormerBody(former, "body_newline", "the line endings in the body were changed")


def _byte_order_marks(body: bytes) -> Iterator[FormerBody]:
    if body.startswith(_BOM):
        for former in (body[3:], body[3:].rstrip()):
            message = "a byte order mark was added to the body"
            yield FormerBody(former, "body_bom", message)
    else:
        yield FormerBody(_BOM + body, "body_bom", "the body's byte order mark was removed")


def _encodings(body: bytes) -> Iterator[FormerBody]:
    for encoding in _ENCODINGS:
        for now, then in ((encoding, "utf-8"), ("utf-8", encoding)):
            try:
                former = body.decode(now).encode(then)
            except UnicodeError:
                continue
            message = f"the body was signed as UTF-8, but is {encoding} now"
            if now == "utf-8":
                message = f"the body was decoded as {encoding}, and encoded as UTF-8"
            yield FormerBody(former, "body_encoding", message)


def _wrappings(body: bytes) -> Iterator[FormerBody]:
    """What programs do to bytes to get text."""
    text = body.decode("utf-8", "replace").strip()
    for former in _unquoted(text):
        yield FormerBody(former, "body_wrapped", "the body is a string that holds the real body")
    with suppress(ValueError):
        yield FormerBody(b64decode(text, validate=True), "body_wrapped", "the body is base64")
    if "%7b" in text.lower():
        whole = unquote_plus(text).rstrip("=")
        for form in (whole, whole.partition("=")[2]):
            yield FormerBody(form.encode(), "body_wrapped", "the body was sent as a web form")


def _unquoted(text: str) -> Iterator[bytes]:
    """The contents of a JSON or Python string literal, or of a Python bytes literal."""
    for read in (json.loads, ast.literal_eval):
        if re.match(r"b?[\"']", text):
            inner = _read(read, text)
            if isinstance(inner, (str, bytes)):
                yield inner if isinstance(inner, bytes) else inner.encode("utf-8", "surrogatepass")


def _parsed(body: bytes) -> Iterator[Any]:
    """The object in the body: JSON, or as Python prints it."""
    text = body.decode("utf-8-sig", "replace").strip()
    for read in (json.loads, ast.literal_eval):
        value = _read(read, text)
        if isinstance(value, str):
            value = _read(json.loads, value)
        if isinstance(value, dict):
            yield value
            return


def _read(read: Callable[[str], Any], text: str) -> Any:
    """What `read` makes of `text`; None where that is nothing."""
    errors = (ValueError, TypeError, SyntaxError, MemoryError, RecursionError)
    with suppress(*errors), catch_warnings():
        simplefilter("ignore")  # Python's parser warns, for example of an odd escape.
        return read(text)
    return None


def _serialisations(value: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The object in each common style of JSON, and how to describe that style."""
    spacings: tuple[tuple[dict[str, Any], str], ...] = (
        ({"separators": (",", ":")}, "without whitespace"),
        ({"separators": (", ", ": ")}, "with a space after each comma and colon"),
        ({"indent": 2}, "indented by 2"),
        ({"indent": 4}, "indented by 4"),
    )
    for (ordered, order), (spacing, spaces), ascii_only in product(
        _orders(value), spacings, (False, True)
    ):
        try:
            text = json.dumps(ordered, ensure_ascii=ascii_only, **spacing)
        except (ValueError, TypeError, RecursionError):
            continue
        for escaped, escapes in _escapes(text):
            letters = "with \\u escapes" if ascii_only else "without \\u escapes"
            yield escaped, f"{spaces}, {order}, {letters}{escapes}"


def _orders(value: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """The present order of keys, and the orders in which Clerk is known to send them."""
    yield value, "with its keys in this order"
    try:
        by_name = _sorted(value)
    except (ValueError, RecursionError):  # Numbers of too many digits as keys, or too deep.
        return
    yield by_name, "with its keys sorted by name"
    if "type" in by_name:
        yield (
            {"type": by_name["type"], **by_name},
            "with its type first and the other keys sorted by name",
        )


def _sorted(value: Any) -> Any:
    if isinstance(value, list):
        return [_sorted(inner) for inner in cast("list[object]", value)]
    if isinstance(value, dict):
        mapping = cast("dict[str, object]", value)
        return {name: _sorted(mapping[name]) for name in sorted(mapping, key=str)}
    return value


def _escapes(text: str) -> Iterator[tuple[str, str]]:
    yield text, ""
    for_html = re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)
    if for_html != text:
        yield for_html, ", and with <, > and & escaped"  # Go's default.
    slashes = text.replace("/", "\\/")
    if slashes != text:
        yield slashes, ", and with \\/ for slashes"  # PHP's default.
