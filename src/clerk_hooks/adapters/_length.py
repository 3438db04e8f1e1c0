"""What the adapters have in common: reading a Content-Length before there is a body."""

from __future__ import annotations

from .. import MalformedRequest, RequestTooLarge


def read_length(announced: str, max_body: int) -> int:
    """The number of bytes that a Content-Length announces (RFC 9110, 8.6: digits only).

    Raises `MalformedRequest` where it is no number, `RequestTooLarge` where it is over `max_body`.
    """
    announced = announced.strip(" \t")
    if not (announced.isascii() and announced.isdigit()):
        raise MalformedRequest("the Content-Length is no number")
    length = int(announced.lstrip("0")[:19] or "0")  # More digits only say that it is too large.
    if length > max_body:
        raise RequestTooLarge
    return length


def require_length(body: bytes, length: int) -> bytes:
    """`body`, if it is as long as announced. Raises `MalformedRequest` where it is shorter."""
    if len(body) < length:
        raise MalformedRequest("the body is shorter than its Content-Length")
    return body
