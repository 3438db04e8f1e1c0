"""Plain WSGI (PEP 3333): an endpoint as an application, for any WSGI server.

What lives here is how WSGI hands a body over; everything else is the endpoint's.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from .. import ClerkHooksError, Endpoint, LengthRequired, MalformedRequest, MethodNotAllowed
from ._length import read_length, require_length

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import InputStream, StartResponse, WSGIApplication, WSGIEnvironment

_STATUS_LINES = {int(status): f"{status.value} {status.phrase}" for status in HTTPStatus}


def wsgi_app(endpoint: Endpoint) -> WSGIApplication:
    """The endpoint as a WSGI application; it answers on every path that the server gives it.

    The application raises `ConfigurationError` where async handlers meet a running event loop.
    """

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            reply = endpoint.receive(body_of_environ(environ, endpoint.max_body), environ)
        except ClerkHooksError as error:
            reply = endpoint.reply(error)
        length = ("content-length", str(len(reply.body)))
        start_response(_STATUS_LINES[reply.status], [*reply.headers.items(), length])
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else reply.body]

    return application


def body_of_environ(environ: WSGIEnvironment, max_body: int) -> bytes:
    """The raw body of a POST, read no further than it takes to see that it is over `max_body`.

    `max_body` is in bytes; a body of which the server does not say the length is returned with one
    byte more at most. Raises `MethodNotAllowed`, `RequestTooLarge`, `MalformedRequest`, and
    `LengthRequired` for a Transfer-Encoding that the server does not undo.
    """
    if environ["REQUEST_METHOD"] != "POST":
        raise MethodNotAllowed
    if announced := environ.get("CONTENT_LENGTH", "").strip(" \t"):
        length = read_length(announced, max_body)
        return require_length(_read(environ["wsgi.input"], length), length)
    if environ.get("wsgi.input_terminated"):  # The server undoes chunks, and marks their end.
        return _read(environ["wsgi.input"], max_body + 1)
    if environ.get("HTTP_TRANSFER_ENCODING"):
        raise LengthRequired
    return b""


def _read(stream: InputStream, size: int) -> bytes:
    """`size` bytes, or all there are; a stream may give less at a time than it was asked for."""
    chunks: list[bytes] = []
    while size > 0:
        try:
            chunk = stream.read(size)
        except Exception as error:  # Each server has its own for a client that left or cheats.
            raise MalformedRequest("the body could not be read to its end") from error
        if not chunk:
            break
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)
