"""Plain ASGI 3: an endpoint as an application, for any ASGI server and for frameworks to mount.

What lives here is how ASGI hands a body over; everything else is the endpoint's.
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
from ..eventloop import RunSync
from ._length import read_length

# As Starlette has them. What a scope and a message hold depends on their types, hence `Any`.
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class _Application:
    # An object, not a function: Starlette's `Route` takes a function for a view.
    __slots__ = ("_endpoint", "_run_sync")

    def __init__(self, endpoint: Endpoint, run_sync: RunSync | None) -> None:
        self._endpoint = endpoint
        self._run_sync = run_sync

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            reply = await self._reply(scope, receive)
            with suppress(OSError):  # The client has left (ASGI, "Send - disconnected").
                await _answer(reply, scope["method"], send)
        elif scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})  # Before it was accepted: the reply is a 403.
        else:
            raise ConfigurationError(f"webhooks come by HTTP, not by {scope['type']}")

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        endpoint = self._endpoint
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        try:
            body = await body_of_chunks(
                scope["method"], headers, _chunks(receive), endpoint.max_body
            )
            return await endpoint.areceive(body, headers, run_sync=self._run_sync)
        except ClerkHooksError as error:
            return endpoint.reply(error)


def asgi_app(
    endpoint: Endpoint, *, run_sync: RunSync | None = None
) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """The endpoint as an ASGI application; it answers on every path that the server gives it.

    Async handlers run on the server's event loop, sync ones through `run_sync`, else in a thread
    (`asyncio.to_thread`). Served on its own it takes part in the lifespan protocol; a WebSocket is
    refused.
    """
    return _Application(endpoint, run_sync)


async def body_of_chunks(
    method: str,
    headers: Iterable[tuple[bytes, bytes]],
    chunks: AsyncIterable[bytes],
    max_body: int,
) -> bytes:
    """The raw body of a POST, read no further than it takes to see that it is over `max_body`.

    `headers` are those of an ASGI scope, `max_body` is in bytes. Raises `MethodNotAllowed`,
    `RequestTooLarge`, `MalformedRequest`, and whatever `chunks` raises.
    """
    if method != "POST":
        raise MethodNotAllowed
    for name, value in headers:
        if name == b"content-length" and value.strip():
            read_length(value.decode("latin-1"), max_body)
    body = bytearray()  # A list of chunks, if they are tiny, takes many times their size.
    async for chunk in chunks:
        body += chunk
        if len(body) > max_body:
            raise RequestTooLarge
    return bytes(body)


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise MalformedRequest("the body could not be read to its end")
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def _answer(reply: Reply, method: str, send: Send) -> None:
    pairs = [(name.encode(), value.encode()) for name, value in reply.headers.items()]
    pairs.append((b"content-length", b"%d" % len(reply.body)))
    await send({"type": "http.response.start", "status": reply.status, "headers": pairs})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else reply.body})


async def _live(receive: Receive, send: Send) -> None:
    """Take part in the lifespan protocol: there is nothing to start or to stop."""
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
