"""Plain WSGI (PEP 3333): an endpoint as an application, for any WSGI server.

This module reads the body as WSGI servers provide it; the endpoint does everything else.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from .. import ClerkHooksError, Endpoint, LengthRequired, MalformedRequest, MethodNotAllowed
from ._length import UNFINISHED, read_length, require_length

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import InputStream, StartResponse, WSGIApplication, WSGIEnvironment

_STATUS_LINES = {int(status): f"{status.value} {status.phrase}" for status in HTTPStatus}


def wsgi_app(endpoint: Endpoint) -> WSGIApplication:
    """Return a WSGI application that answers with `endpoint`, on every path that it is given.

    The application raises `ConfigurationError` if a handler is async and an event loop is running
    in its thread.
    """

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        is_head = environ["REQUEST_METHOD"] == "HEAD"
        try:
            reply = endpoint.receive(body_of_environ(environ, endpoint.max_body), environ)
        except ClerkHooksError as error:
            del environ  # An error that `reply` raises must not take the headers along.
            reply = endpoint.reply(error)
        length = ("content-length", str(len(reply.body)))
        start_response(_STATUS_LINES[reply.status], [*reply.headers.items(), length])
        return [b"" if is_head else reply.body]

    return application


def body_of_environ(environ: WSGIEnvironment, max_body: int) -> bytes:
    """Return the raw body of a POST, reading no more than is needed to see that it is too large.

    `max_body` is in bytes. If the server does not say how long the body is, up to ``max_body + 1``
    bytes are returned. Raises `MethodNotAllowed`, `RequestTooLarge`, `MalformedRequest`, and
    `LengthRequired` for a Transfer-Encoding that the server does not decode.
    """
    if environ["REQUEST_METHOD"] != "POST":
        raise MethodNotAllowed
    if announced := (environ.get("CONTENT_LENGTH") or "").strip(" \t"):
        length = read_length(announced, max_body)
        return require_length(_read(environ["wsgi.input"], length), length)
    if environ.get("wsgi.input_terminated"):  # The server decodes chunks, and the stream ends.
        return _read(environ["wsgi.input"], max_body + 1)
    if environ.get("HTTP_TRANSFER_ENCODING"):
        raise LengthRequired
    return b""


def _read(stream: InputStream, size: int) -> bytes:
    """Read `size` bytes, or all there are; a stream may return less than it was asked for."""
    chunks: list[bytes] = []
    while size > 0:
        try:
            chunk = stream.read(size)
        except Exception as error:  # Servers raise errors of their own when a client misbehaves.
            raise MalformedRequest(UNFINISHED) from error
        if not chunk:
            break
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)
