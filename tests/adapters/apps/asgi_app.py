"""Plain ASGI: all endpoints as one application, and the handlers that wait."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from clerk_hooks.adapters.asgi import asgi_app

from .. import waiting
from ..application import build_endpoints


def build(folder: str, *, svix: bool = False) -> Any:
    endpoints = build_endpoints(Path(folder), svix=svix) | {"waiting": waiting.build_endpoint()}
    apps = {f"/{name}": asgi_app(each) for name, each in endpoints.items()} | {"/health": _health}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        path = "/own" if scope["type"] == "lifespan" else scope["path"]
        await apps[path](scope, receive, send)

    return NameRequests(application)


def build_with_svix(folder: str) -> Any:
    return build(folder, svix=True)


class NameRequests:
    """Middleware: the header ``x-request-id`` becomes a context variable."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope.get("headers", ()))
        waiting.REQUEST_ID.set(headers.get(b"x-request-id", b"").decode())
        await self.app(scope, receive, send)


async def _health(scope: Any, receive: Any, send: Any) -> None:
    body = json.dumps(waiting.where()).encode()
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
