"""FastAPI. Serve it with ``uvicorn fastapi_app:app``."""

from fastapi import FastAPI

from clerk_hooks import Endpoint, Router
from clerk_hooks.adapters.fastapi import clerk_router
from clerk_hooks.events import UserCreated

router = Router()


@router.on("user.created")
async def welcome(event: UserCreated) -> None:
    """Greet a user who has just signed up. A plain `def` does too: it runs in a thread."""
    print("welcome", event.data.primary_email)


endpoint = Endpoint(router)  # the secret is CLERK_WEBHOOK_SIGNING_SECRET

app = FastAPI()
app.include_router(clerk_router(endpoint, "/webhooks/clerk"))
