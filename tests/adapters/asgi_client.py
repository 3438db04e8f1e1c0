"""A client of ASGI applications without a server, which sees every message that they send."""

from __future__ import annotations

import asyncio
from typing import Any

from clerk_hooks import ClerkHooksError, MalformedRequest, Reply

from .servers import Answer

READ_BEFORE = MalformedRequest(
    "the body was read before this adapter: by a middleware, or `request.data`"
)
Messages = list[dict[str, Any]]


async def exchange(app: Any, scope: dict[str, Any], *incoming: dict[str, Any]) -> Messages:
    """What `app` sends when it is given these messages; afterwards the client has left."""
    waiting = list(incoming)
    sent: Messages = []

    async def receive() -> dict[str, Any]:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    await app(scope, receive, send)
    return sent


def http_scope(
    path: str, headers: dict[str, str], method: str = "POST", **more: Any
) -> dict[str, Any]:
    """The scope of an HTTP request."""
    pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), *pairs],
        "client": ("127.0.0.1", 40000),
        "server": ("127.0.0.1", 80),
        **more,
    }


def ask(
    app: Any,
    path: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    method: str = "POST",
) -> Answer:
    """The answer to a request with a Content-Length."""
    fields = {**(headers or {}), "content-length": str(len(body))}
    message = {"type": "http.request", "body": body, "more_body": False}
    sent = asyncio.run(exchange(app, http_scope(path, fields, method), message))
    return answer_of(sent)


def answer_of(sent: Messages) -> Answer:
    start, *parts = sent
    assert start["type"] == "http.response.start"
    headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    assert len(headers) == len(start["headers"])
    return Answer(start["status"], headers, b"".join(part.get("body", b"") for part in parts))


def refusal(error: ClerkHooksError) -> Answer:
    """The answer to a request that ended in `error`."""
    return Answer.of(Reply.for_error(error))
