"""ASGI, here in Starlette. Serve it with ``uvicorn asgi_app:app``."""

from starlette.applications import Starlette
from starlette.routing import Route

from clerk_hooks import Endpoint, Router
from clerk_hooks.adapters.asgi import asgi_app
from clerk_hooks.events import UserCreated

router = Router()


@router.on("user.created")
async def welcome(event: UserCreated) -> None:
    """Greet a user who has just signed up. A plain `def` does too: it runs in a thread."""
    print("welcome", event.data.primary_email)


endpoint = Endpoint(router)  # the secret is CLERK_WEBHOOK_SIGNING_SECRET

app = Starlette(routes=[Route("/webhooks/clerk", asgi_app(endpoint))])
