"""State for handlers in FastAPI: closed with the application, by its lifespan.

Serve it with ``uvicorn --factory state_fastapi:create_app``.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

import httpx
from fastapi import FastAPI
from state import Settings, make_router, transaction

from clerk_hooks import Endpoint
from clerk_hooks.adapters.fastapi import clerk_router


def create_app() -> FastAPI:
    """Build everything once per process. Sync handlers run in threads, which may share a client."""
    settings = Settings.from_environment()
    client = httpx.Client(timeout=10)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None, None]:
        with client:
            yield

    begin = partial(transaction, settings.database)
    app = FastAPI(lifespan=lifespan)
    app.include_router(clerk_router(Endpoint(make_router(settings, begin, client))))
    return app
