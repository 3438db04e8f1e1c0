"""State for async handlers in Starlette or any ASGI: methods of an object.

Serve it with ``uvicorn state_starlette:app``.
"""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from starlette.applications import Starlette
from starlette.routing import Route

from clerk_hooks import Endpoint, Router
from clerk_hooks.adapters.asgi import asgi_app
from clerk_hooks.events import UserCreated


@dataclass
class Welcomes:
    """Handlers as methods of the object that has what they need."""

    chat_url: str
    client: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=10))

    async def tell(self, event: UserCreated) -> None:
        """Say in a chat who has signed up."""
        text = f"{event.data.full_name} signed up"
        said = await self.client.post(self.chat_url, json={"text": text})
        said.raise_for_status()  # So that Svix tries again.


welcomes = Welcomes(os.environ["CHAT_URL"])
router = Router()
router.on("user.created")(welcomes.tell)


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncGenerator[None, None]:
    """Close the client with the application."""
    async with welcomes.client:
        yield


app = Starlette(
    routes=[Route("/webhooks/clerk", asgi_app(Endpoint(router)))],
    lifespan=lifespan,
)
