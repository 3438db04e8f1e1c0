"""Applications that hand deliveries over: to RabbitMQ by a sync function, at ``/own``; and to Redis
by an async one, at ``/async``. Where the queues are is in files, and may change at any time.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import kombu
import redis.asyncio

from clerk_hooks import Delivery, Endpoint

from ..application import SECRET

TIMEOUT = 0.3  # Seconds for handing over.
AMQP, REDIS, QUEUE = "amqp", "redis", "queue"
"""The files with the URLs, and with the name of the queue."""


class Publisher:
    """Publishes into a queue of RabbitMQ, over a connection per thread, without any timeout."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept = threading.local()

    def __call__(self, delivery: Delivery) -> None:
        kept = self._kept
        url = (self._folder / AMQP).read_text()
        if getattr(kept, "url", "") != url:
            kept.url = ""
            # Confirmed, because RabbitMQ is told otherwise that a message is there, and not asked.
            options = {"confirm_publish": True}
            connection = kombu.Connection(url, transport_options=options, connect_timeout=None)
            kept.producer = kombu.Producer(connection.channel())
            kept.url = url
        queue = (self._folder / QUEUE).read_text()
        try:
            kept.producer.publish(
                delivery.to_json(),
                content_type="application/json",
                content_encoding="utf-8",
                routing_key=queue,
            )
        except BaseException:
            kept.url = ""
            raise


def build_endpoints(folder: Path) -> dict[str, Endpoint]:
    client = redis.asyncio.Redis.from_url((folder / REDIS).read_text())

    async def add(delivery: Delivery) -> None:
        await client.xadd((folder / QUEUE).read_text(), {"delivery": delivery.to_json()})

    timeout = timedelta(seconds=TIMEOUT)
    return {
        "own": Endpoint(handoff=Publisher(folder), secret=SECRET, handoff_timeout=timeout),
        "async": Endpoint(handoff=add, secret=SECRET, handoff_timeout=timeout),
    }


def build_flask(folder: str) -> Any:
    from flask import Flask

    from clerk_hooks.adapters.flask import clerk_blueprint

    app = Flask(__name__)
    for name, endpoint in build_endpoints(Path(folder)).items():
        app.register_blueprint(clerk_blueprint(endpoint, f"/{name}", name))
    return app


def build_fastapi(folder: str) -> Any:
    from fastapi import FastAPI

    from clerk_hooks.adapters.fastapi import clerk_router

    app = FastAPI()
    for name, endpoint in build_endpoints(Path(folder)).items():
        app.include_router(clerk_router(endpoint, f"/{name}"))
    return app
