"""FastAPI: a router per endpoint and one for the handlers that wait, on one app."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI

from clerk_hooks.adapters.fastapi import clerk_router

from .. import waiting
from ..application import build_endpoints
from .asgi_app import NameRequests


def build(folder: str) -> FastAPI:
    app = FastAPI()
    app.add_middleware(NameRequests)
    endpoints = build_endpoints(Path(folder)) | {"waiting": waiting.build_endpoint()}
    for name, endpoint in endpoints.items():
        app.include_router(clerk_router(endpoint, f"/{name}"))

    @app.get("/health")
    async def health() -> waiting.Facts:
        return waiting.where()

    return app
