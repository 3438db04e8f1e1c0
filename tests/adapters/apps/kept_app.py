"""Applications whose async handler uses clients that the module keeps: one per process, not one per
delivery. They bind to the event loop of their first use.

Each function serves the endpoint ``/own`` of one synchronous kind. The services are where the
environment says; the handler counts in Redis, under the key that it says, what it has done, and
remembers in an `AsyncRedisStore` what it has counted.
"""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
import redis.asyncio
from psycopg_pool import AsyncConnectionPool

from clerk_hooks import Delivery, Endpoint, Processor, Router
from clerk_hooks.stores.redis import AsyncRedisStore

from ..application import SECRET

if TYPE_CHECKING:
    from clerk_hooks.events import UserCreated

POSTGRESQL, REDIS, HTTP, COUNTER = "KEPT_POSTGRESQL", "KEPT_REDIS", "KEPT_HTTP", "KEPT_COUNTER"
"""Names of the environment variables."""

web = httpx.AsyncClient()
cache = redis.asyncio.Redis.from_url(os.environ.get(REDIS, "redis://"))
psycopg_pool = AsyncConnectionPool(
    os.environ.get(POSTGRESQL, ""), min_size=1, max_size=4, open=False
)
lock = asyncio.Lock()
asyncpg_pools: list[Any] = []

router, counting = Router(), Router()
endpoint = Endpoint(router, secret=SECRET)
store = AsyncRedisStore(
    os.environ.get(REDIS, "redis://"),
    prefix=f"{{{os.environ.get(COUNTER)}}}:",
    retention=timedelta(minutes=5),
)
counted_once = Processor(counting, store=store)


@counting.on("user.created")
async def count(event: UserCreated) -> None:
    await cache.incr(os.environ[COUNTER])


@router.on("user.created")
async def handler(event: UserCreated, delivery: Delivery) -> None:
    async with lock:
        if not asyncpg_pools:
            dsn = os.environ[POSTGRESQL]
            asyncpg_pools.append(await asyncpg.create_pool(dsn, min_size=1, max_size=4))
            await psycopg_pool.open()
    (await web.get(os.environ[HTTP])).raise_for_status()
    async with psycopg_pool.connection() as connection:
        await connection.execute("SELECT 1")
    assert await asyncpg_pools[0].fetchval("SELECT 1") == 1
    for outcome in ("handled", "duplicate"):
        assert await counted_once.aprocess(delivery) == outcome


def build_wsgi(folder: str) -> Any:
    from clerk_hooks.adapters.wsgi import wsgi_app

    return wsgi_app(endpoint)


def build_forked(folder: str) -> Any:
    """Uses the loop before the server forks its workers."""
    early = Router()

    @early.on("user.created")
    async def nothing(event: object) -> None:
        await asyncio.sleep(0)

    from clerk_hooks import parse_event

    early.dispatch(parse_event({"type": "user.created", "data": {"id": "user_1"}}))
    return build_wsgi(folder)


def build_flask(folder: str) -> Any:
    from flask import Flask

    from clerk_hooks.adapters.flask import clerk_blueprint

    app = Flask(__name__)
    app.register_blueprint(clerk_blueprint(endpoint, "/own"))
    return app


def build_django(folder: str) -> Any:
    from django.core.handlers.wsgi import WSGIHandler
    from django.urls import path

    from clerk_hooks.adapters.django import clerk_view

    from .django_app import set_up

    set_up([path("own", clerk_view(endpoint))])
    return WSGIHandler()


def function(event: Any, context: object) -> Any:
    """The same for AWS Lambda."""
    from clerk_hooks.adapters.aws_lambda import lambda_handler

    return lambda_handler(endpoint)(event, context)
