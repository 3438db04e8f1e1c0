"""Plain ASGI: both endpoints as one application."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clerk_hooks.adapters.asgi import asgi_app

from ..application import build_endpoints


def build(folder: str) -> Any:
    apps = {f"/{name}": asgi_app(each) for name, each in build_endpoints(Path(folder)).items()}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        path = "/own" if scope["type"] == "lifespan" else scope["path"]
        await apps[path](scope, receive, send)

    return application
