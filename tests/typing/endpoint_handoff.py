"""Endpoints that hand over, as type checkers see them. Checked, never run."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from typing_extensions import assert_type

from clerk_hooks import Delivery, Endpoint, MemoryStore, Observer, Router, SvixVerifier
from clerk_hooks.handoff import Handoff
from clerk_hooks.inbox import AsyncInbox, Inbox

router = Router()


def publish(delivery: Delivery) -> None: ...
async def apublish(delivery: Delivery) -> bool:
    return True


def of_text(message: str) -> None: ...
def wake(message_id: str) -> object: ...
async def awake(message_id: str) -> None: ...
def of_two(delivery: Delivery, carrier: Mapping[str, str]) -> bool:
    return True


def endpoints(inbox: Inbox, async_inbox: AsyncInbox) -> None:
    assert_type(Endpoint(handoff=inbox), Endpoint)
    Endpoint(handoff=async_inbox, notify=wake, only=("user.*",), secret="whsec_...")
    Endpoint(handoff=inbox, notify=awake, only=router.event_types)
    Endpoint(handoff=publish, handoff_timeout=timedelta(seconds=1), verifier=SvixVerifier())
    Endpoint(handoff=apublish, max_body=1000, observers=[Observer()])
    Endpoint(handoff=lambda delivery: delivery.to_json())
    assert_type(Endpoint(router).handoff, Handoff | None)

    Endpoint(router, handoff=inbox)  # type: ignore[call-overload]
    Endpoint(router, inbox)  # type: ignore[call-overload]
    Endpoint(inbox)  # type: ignore[call-overload]
    Endpoint(handoff=None)  # type: ignore[call-overload]
    Endpoint(handoff=inbox, store=MemoryStore())  # type: ignore[call-overload]
    Endpoint(handoff=inbox, lease=timedelta(seconds=5))  # type: ignore[call-overload]
    Endpoint(router, notify=wake)  # type: ignore[call-overload]
    Endpoint(router, only=("user.*",))  # type: ignore[call-overload]
    Endpoint(router, handoff_timeout=timedelta(seconds=1))  # type: ignore[call-overload]
    Endpoint(handoff=of_text)  # type: ignore[arg-type]
    Endpoint(handoff=of_two)  # type: ignore[arg-type]
    Endpoint(handoff="amqp://")  # type: ignore[call-overload]
    Endpoint(handoff=inbox, notify=publish)  # type: ignore[arg-type]
    Endpoint(handoff=inbox, only=5)  # type: ignore[call-overload]
    Endpoint(handoff=inbox, handoff_timeout=5)  # type: ignore[call-overload]


async def awaited(inbox: AsyncInbox) -> None:
    reply = await Endpoint(handoff=inbox).areceive(b"{}", {}, run_sync=asyncio.to_thread)
    assert_type(reply.status, int)
