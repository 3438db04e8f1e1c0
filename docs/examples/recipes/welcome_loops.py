"""A welcome email through an HTTP API, here that of Loops. Serve it with
``uvicorn welcome_loops:app``.
"""

import os

import httpx
from fastapi import FastAPI

from clerk_hooks import AbortDelivery, Delivery, Endpoint, Router
from clerk_hooks.adapters.fastapi import clerk_router
from clerk_hooks.events import UserCreated

API = os.environ.get("LOOPS_API", "https://app.loops.so/api/v1")
KEY = os.environ["LOOPS_API_KEY"]
TEMPLATE = os.environ["LOOPS_TRANSACTIONAL_ID"]

router = Router()


@router.on("user.created")
async def welcome(event: UserCreated, delivery: Delivery) -> None:
    """Write to a user who has just signed up.

    The idempotency key is the same on every attempt, so that the service can tell a retry.
    """
    user = event.data
    if user.primary_email is None:
        raise AbortDelivery("this user has no address to write to")
    async with httpx.AsyncClient(timeout=10) as client:  # Svix waits 15 s for the reply.
        response = await client.post(
            f"{API}/transactional",
            headers={"authorization": f"Bearer {KEY}", "idempotency-key": delivery.message_id},
            json={
                "transactionalId": TEMPLATE,
                "email": user.primary_email,
                "dataVariables": {"name": user.first_name or "there"},
            },
        )
    if response.status_code == 409:  # This key was used before: an earlier attempt has sent it.
        return
    response.raise_for_status()  # Anything else that is no success: Svix tries again.


app = FastAPI()
app.include_router(clerk_router(Endpoint(router), "/webhooks/clerk"))
