"""What `queue` compares: an endpoint with an inbox, and one by hand that calls Celery's `delay`.

Both stand in one process, and end in the same work: it is noted when a handler begins, which then
takes `SECONDS`. Without Celery, there is nothing by hand.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from typing import TYPE_CHECKING, Any

from svix.webhooks import Webhook, WebhookVerificationError

from clerk_hooks import Delivery, Endpoint, Processor, Router, Worker
from clerk_hooks.adapters.wsgi import wsgi_app
from clerk_hooks.events import UserCreated
from clerk_hooks.inboxes import SQLAlchemyInbox, SQLiteInbox

from .http_apps import BY_HAND, FOLDER, OURS, REDIS, SECRET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

INBOX = "BENCHMARK_INBOX"
"""The environment variable with the URL of the inbox, or the path of its file."""
KEYS = "BENCHMARK_KEYS"
"""The environment variable with what the names of Celery's keys in Redis begin with."""
BEGUN = "begun"
"""The file in the folder with a line for each handler that has begun: message id, Unix seconds."""
SECONDS = 1.0
"""How long a handler takes."""
SLOTS = 150
"""How many handlers run at a time: more than deliveries come while one runs."""


def open_inbox(url: str, **options: Any) -> Any:
    """The inbox at a URL or path."""
    if "://" not in url:
        return SQLiteInbox(url, **options)
    return SQLAlchemyInbox(url, **options)


def note(message_id: str) -> None:
    """Write down that a handler begins."""
    line = f"{message_id} {time.time()}\n".encode()
    path = os.path.join(os.environ[FOLDER], BEGUN)  # noqa: PTH118 - for each handler
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, line)
    os.close(file)


router = Router()


@router.on("user.created")
async def welcome(event: UserCreated, delivery: Delivery) -> None:
    """Take a while."""
    note(delivery.message_id)
    await asyncio.sleep(SECONDS)


inbox = open_inbox(os.environ[INBOX]) if INBOX in os.environ else None
worker = None if inbox is None else Worker(Processor(router), inbox, slots=SLOTS)

celery: Any
try:
    from celery import Celery
except ImportError:
    celery = delay = None
else:
    celery = Celery("benchmark", broker=os.environ.get(REDIS))
    celery.conf.broker_transport_options = {"global_keyprefix": os.environ.get(KEYS, "")}

    @celery.task(name="benchmark.welcome", ignore_result=True)  # type: ignore[untyped-decorator]
    def delay(message_id: str, event: dict[str, Any]) -> None:
        """Take a while."""
        note(message_id)
        time.sleep(SECONDS)


def by_hand() -> WSGIApplication:
    """Verify, call `delay`, and answer."""

    def receive(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        names = ("svix-id", "svix-timestamp", "svix-signature")
        headers = {name: environ[f"HTTP_{name.upper().replace('-', '_')}"] for name in names}
        try:
            Webhook(SECRET).verify(body, headers)
        except WebhookVerificationError:
            start_response("400 Bad Request", [("content-length", "0")])
            return []
        event = json.loads(body)
        if event["type"] == "user.created":
            delay.delay(headers["svix-id"], event)
        answer = b'{"outcome": "queued"}'
        fields = [("content-type", "application/json"), ("content-length", str(len(answer)))]
        start_response("202 Accepted", fields)
        return [answer]

    return receive


def app(folder: str) -> Callable[..., Iterable[bytes]]:
    """Both applications in one, for WSGI."""
    assert inbox is not None
    apps = {OURS: wsgi_app(Endpoint(handoff=inbox, secret=SECRET)), BY_HAND: by_hand()}
    return lambda environ, start_response: apps[environ["PATH_INFO"]](environ, start_response)
