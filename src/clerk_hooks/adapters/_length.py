"""Shared by the adapters: checks the Content-Length, before the body is read and after it."""

from __future__ import annotations

from .. import MalformedRequest, RequestTooLarge

READ_BEFORE = "the body was read before this adapter: by a middleware, or `request.data`"
UNFINISHED = "the body could not be read to its end"


def read_length(announced: str, max_body: int) -> int:
    """The number of bytes that a Content-Length announces (RFC 9110, 8.6: digits only).

    Raises `MalformedRequest` if it is not a number, and `RequestTooLarge` if it exceeds `max_body`.
    """
    announced = announced.strip(" \t")
    if not (announced.isascii() and announced.isdigit()):
        raise MalformedRequest("the Content-Length is not a number")
    length = int(announced.lstrip("0")[:19] or "0")  # A longer number is too large in any case.
    if length > max_body:
        raise RequestTooLarge
    return length


def require_length(body: bytes, length: int) -> bytes:
    """Return `body`, if it is as long as announced; else raise `MalformedRequest`.

    A connection that breaks leaves a part of the body; code that reads the body leaves nothing.
    """
    if len(body) < length:
        too_short = "the body is shorter than its Content-Length"
        raise MalformedRequest(too_short if body else READ_BEFORE)
    return body
