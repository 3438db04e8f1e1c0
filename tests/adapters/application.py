"""What the adapters' tests put behind real servers, and the requests it gets.

One endpoint per verifier, by path: ``/own`` and ``/svix``; and two with a store: ``/stored``, and
``/down``, whose store does not answer. Every handler adds the payload that it saw to
``<folder>/<message id>``, so that a test can see through any server what was handled, how often.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import sys
import uuid
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

from clerk_hooks import AbortDelivery, Delivery, Endpoint, Router, SvixVerifier, Verifier
from clerk_hooks.events import SessionCreated, UnknownEvent, UserCreated, UserDeleted, UserUpdated
from clerk_hooks.stores.sqlite import SQLiteStore

SECRET = "whsec_" + base64.b64encode(b"the key of the adapters' tests").decode()
MAX_BODY = 20_000
CANARY = "a detail that no reply may show"

Request = tuple[bytes, dict[str, str]]


def build_router(folder: Path) -> Router:
    """A handler for each way in which a delivery can end; all but one note the payload."""
    router = Router()

    def note(delivery: Delivery) -> None:
        with (folder / delivery.message_id).open("ab") as file:
            file.write(delivery.payload)

    @router.on("user.created")
    def handled(event: UserCreated, delivery: Delivery) -> None:
        assert event.data.id == "user_1"
        note(delivery)

    @router.on("session.created")
    async def handled_async(event: SessionCreated, delivery: Delivery) -> None:
        await asyncio.sleep(0)
        note(delivery)

    @router.on("user.updated")
    def raises(event: UserUpdated) -> None:
        raise RuntimeError(CANARY)

    @router.on("user.deleted")
    def aborts(event: UserDeleted) -> None:
        raise AbortDelivery(CANARY)

    @router.on_unknown("invoice.paid")
    def unknown(event: UnknownEvent, delivery: Delivery) -> None:
        note(delivery)

    @router.on_unknown("caches.measured")
    def measure(event: UnknownEvent, delivery: Delivery) -> None:
        (folder / delivery.message_id).write_text(str(characters_in_caches()))

    return router


def characters_in_caches() -> int:
    """How long the keys are, all together, of everything that the library keeps in its modules."""
    modules = [module for name, module in sys.modules.items() if name.startswith("clerk_hooks")]
    values = [value for module in modules for value in list(vars(module).values())]
    cached = type(lru_cache(len))  # Flask's proxies raise when they are asked for an attribute.
    values += [
        part for value in values if type(value) is cached for part in gc.get_referents(value)
    ]
    kept = {id(value): value for value in values if isinstance(value, (dict, set, frozenset))}
    return sum(len(repr(list(value))) for value in kept.values())


def build_endpoints(folder: Path, *, svix: bool = False) -> dict[str, Endpoint]:
    """The same endpoint with each store, and under each verifier.

    Importing svix takes longer than all the rest, so only those that use it ask for it.
    """
    settings: dict[str, dict[str, Any]] = {
        "own": {"verifier": Verifier(SECRET)},
        "stored": {"secret": SECRET, "store": SQLiteStore(folder / "store.sqlite")},
        "down": {"secret": SECRET, "store": SQLiteStore(folder)},  # A folder is not a database.
    }
    if svix:
        settings["svix"] = {"verifier": SvixVerifier(SECRET)}
    endpoints = {
        name: Endpoint(build_router(folder), max_body=MAX_BODY, **each)
        for name, each in settings.items()
    }
    all_unknown = Router()
    all_unknown.on_unknown()(handle_unknown)
    return endpoints | {"unknown": Endpoint(all_unknown, secret=SECRET, max_body=MAX_BODY)}


def handle_unknown(event: UnknownEvent) -> None:
    """Reads a type that strangers may have made up."""
    assert event.type


def close_stores(endpoints: dict[str, Endpoint]) -> None:
    """Close the files that these endpoints have open."""
    for endpoint in endpoints.values():
        if isinstance(endpoint.processor.store, SQLiteStore):
            endpoint.processor.store.close()


def payload(event_type: str, **data: Any) -> bytes:
    """The JSON of an event of this type."""
    return json.dumps({"type": event_type, "data": {"id": "user_1", **data}}).encode()


def signed(body: bytes, *, age: timedelta = timedelta(0), message_id: str | None = None) -> Request:
    """`body` and its headers, signed by svix, or by us where the body is not text."""
    from svix.webhooks import Webhook

    message_id = message_id or f"msg_{uuid.uuid4().hex}"
    instant = datetime.now(timezone.utc) - age
    try:
        signature = Webhook(SECRET).sign(message_id, instant, body.decode())
    except UnicodeDecodeError:
        from clerk_hooks import sign

        return body, sign(body, secret=SECRET, message_id=message_id, timestamp=instant)
    return body, {
        "svix-id": message_id,
        "svix-timestamp": str(int(instant.timestamp())),
        "svix-signature": signature,
    }
