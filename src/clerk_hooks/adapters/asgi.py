"""Plain ASGI 3: an endpoint as an application, for any ASGI server and for frameworks to mount.

This module reads the body as ASGI servers provide it; the endpoint does everything else.
"""

from __future__ import annotations

from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    MutableMapping,
)
from contextlib import suppress
from typing import Any, TypeAlias

from .. import (
    ClerkHooksError,
    ConfigurationError,
    Endpoint,
    MalformedRequest,
    MethodNotAllowed,
    Reply,
    RequestTooLarge,
)
from ..waiting import RunSync
from ._length import UNFINISHED, read_length, require_length

# As in Starlette. The values in a scope or a message depend on its type, hence `Any`.
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class _Application:
    # A class, because Starlette's `Route` treats a function as a view.
    __slots__ = ("_endpoint", "_run_sync")

    def __init__(self, endpoint: Endpoint, run_sync: RunSync | None) -> None:
        self._endpoint = endpoint
        self._run_sync = run_sync

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            method = scope["method"]
            # The headers may be any iterable, and are read twice.
            replying = self._reply(method, [*scope["headers"]], receive)
            del scope  # An error must not take the headers along.
            reply = await replying
            with suppress(OSError):  # The client has left (ASGI: `send` raises an OSError then).
                await _answer(reply, method, send)
        elif scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})  # Not yet accepted, so a 403.
        else:
            raise ConfigurationError(f"webhooks arrive over HTTP, not over {scope['type']}")

    async def _reply(
        self, method: str, headers: list[tuple[bytes, bytes]], receive: Receive
    ) -> Reply:
        endpoint = self._endpoint
        chunks = _chunks(receive)
        try:
            return await endpoint.areceive(
                await body_of_chunks(method, headers, chunks, endpoint.max_body),
                headers,
                run_sync=self._run_sync,
            )
        except ClerkHooksError as error:
            del headers
            return endpoint.reply(error)


def asgi_app(
    endpoint: Endpoint, *, run_sync: RunSync | None = None
) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """Return an ASGI application that answers with `endpoint`, on every path that it is given.

    Async handlers run on the server's event loop. Sync handlers run through `run_sync`, which is
    given a function to call in a thread; the default is `asyncio.to_thread`. The application
    supports the lifespan protocol and refuses WebSockets.
    """
    return _Application(endpoint, run_sync)


async def body_of_chunks(
    method: str,
    headers: Iterable[tuple[bytes, bytes]],
    chunks: AsyncIterable[bytes],
    max_body: int,
) -> bytes:
    """Return the raw body of a POST, reading no more than is needed to see that it is too large.

    `headers` are those of an ASGI scope, `max_body` is in bytes. Raises `MethodNotAllowed`,
    `RequestTooLarge`, `MalformedRequest`, and the errors of `chunks`.
    """
    if method != "POST":
        raise MethodNotAllowed
    length = 0
    for name, value in headers:
        if name == b"content-length" and value.strip():
            length = read_length(value.decode("latin-1"), max_body)
    body = bytearray()  # A list of tiny chunks would take many times their size.
    async for chunk in chunks:
        body += chunk
        if len(body) > max_body:
            raise RequestTooLarge
    return require_length(bytes(body), length)


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise MalformedRequest(UNFINISHED)
        yield message.get("body") or b""
        more = message.get("more_body", False)


async def _answer(reply: Reply, method: str, send: Send) -> None:
    pairs = [(name.encode(), value.encode()) for name, value in reply.headers.items()]
    pairs.append((b"content-length", b"%d" % len(reply.body)))
    await send({"type": "http.response.start", "status": reply.status, "headers": pairs})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else reply.body})


async def _live(receive: Receive, send: Send) -> None:
    """Follow the lifespan protocol, with nothing to start or stop."""
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
