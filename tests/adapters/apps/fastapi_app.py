"""FastAPI: a router per endpoint, on one app."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI

from clerk_hooks.adapters.fastapi import clerk_router

from ..application import build_endpoints


def build(folder: str) -> FastAPI:
    app = FastAPI()
    for name, endpoint in build_endpoints(Path(folder)).items():
        app.include_router(clerk_router(endpoint, f"/{name}"))
    return app
