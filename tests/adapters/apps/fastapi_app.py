"""FastAPI: a router per endpoint, on one app."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI

from clerk_hooks.adapters.fastapi import clerk_router

from .. import waiting
from ..application import build_endpoints
from .asgi_app import NameRequests


def build(folder: str) -> FastAPI:
    app = FastAPI()
    for name, endpoint in build_endpoints(Path(folder)).items():
        app.include_router(clerk_router(endpoint, f"/{name}"))
    return app


def build_waiting(folder: str) -> FastAPI:
    app = FastAPI()
    app.add_middleware(NameRequests)
    app.include_router(clerk_router(waiting.build_endpoint(), "/own"))

    @app.get("/health")
    async def health() -> waiting.Facts:
        return waiting.where()

    return app
