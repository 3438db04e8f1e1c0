"""State for handlers in AWS Lambda. The function's handler is ``state_lambda.handler``.

What stands at the top is built once per instance, and used again by the next requests.
"""

import os

import httpx

from clerk_hooks import Endpoint, Router
from clerk_hooks.adapters.aws_lambda import lambda_handler
from clerk_hooks.events import UserCreated

chat_url = os.environ["CHAT_URL"]
client = httpx.Client(timeout=10)
router = Router()


@router.on("user.created")
def tell(event: UserCreated) -> None:
    """Say in a chat who has signed up."""
    said = client.post(chat_url, json={"text": f"{event.data.full_name} signed up"})
    said.raise_for_status()  # So that Svix tries again.


handler = lambda_handler(Endpoint(router))
