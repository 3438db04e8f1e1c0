"""A request to an ASGI application (version 3), without a server."""

from __future__ import annotations

import asyncio
from threading import Thread
from typing import TYPE_CHECKING, Any

from ..errors import InputTypeError
from ..reply import Reply

if TYPE_CHECKING:
    from ._signing import SignedRequest


def post_asgi(app: Any, path: str, request: SignedRequest) -> Reply:
    """POST `request` to the application, and let its errors through.

    The application runs on a new event loop: in another thread, if a loop is running here.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(apost_asgi(app, path, request))
    outcome: list[Reply | BaseException] = []

    def run() -> None:
        try:
            outcome.append(asyncio.run(apost_asgi(app, path, request)))
        except BaseException as error:  # noqa: BLE001 - raised below, in the calling thread
            outcome.append(error)

    thread = Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


async def apost_asgi(app: Any, path: str, request: SignedRequest) -> Reply:
    """Like `post_asgi`, on the running event loop."""
    incoming = [{"type": "http.request", "body": request.body, "more_body": False}]
    sent: list[dict[str, Any]] = []
    ended = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if incoming:
            return incoming.pop()
        await ended.wait()  # A client stays connected until it has the reply.
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            ended.set()

    await app(_scope(path, request), receive, send)
    if not sent or not ended.is_set():
        raise InputTypeError("target: the application did not answer the request")
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1")
        for name, value in sent[0]["headers"]
    }
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return Reply(sent[0]["status"], body, headers)


def _scope(path: str, request: SignedRequest) -> dict[str, Any]:
    decoded, _, query = path.partition("?")
    length = {"content-length": str(len(request.body)), "host": "testserver"}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": decoded,
        "raw_path": decoded.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in {**length, **request.headers}.items()
        ],
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
        "state": {},
    }
