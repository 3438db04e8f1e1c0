"""FastAPI: a router per endpoint and one for the handlers that wait, on one app."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI

from clerk_hooks import Delivery
from clerk_hooks.adapters.fastapi import Received, clerk_router

from .. import waiting
from ..application import build_endpoints
from .asgi_app import NameRequests


def build(folder: str, **settings: Any) -> FastAPI:
    app = FastAPI()
    app.add_middleware(NameRequests)
    endpoints = build_endpoints(Path(folder)) | {"waiting": waiting.build_endpoint()}
    for name, endpoint in endpoints.items():
        app.include_router(clerk_router(endpoint, f"/{name}", **settings))

    @app.get("/health")
    async def health() -> waiting.Facts:
        return waiting.where()

    return app


def build_with_context(folder: str) -> FastAPI:
    """With FastAPI's dependencies around every handler."""

    async def get_session() -> AsyncIterator[object]:
        yield object()

    def limit() -> None: ...

    return build(folder, context=get_session, dependencies=[Depends(limit)])


def build_received(folder: str) -> FastAPI:
    """A route of its own, which tells what it was called with."""
    app = FastAPI()
    received = Received(build_endpoints(Path(folder))["stored"])

    @app.post("/own")
    async def own(delivery: Annotated[Delivery, Depends(received)]) -> list[str]:
        return [delivery.message_id, delivery.type]

    return app
