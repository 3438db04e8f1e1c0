"""AWS Lambda. The function's handler is ``aws_lambda_app.handler``."""

from clerk_hooks import Endpoint, Router
from clerk_hooks.adapters.aws_lambda import lambda_handler
from clerk_hooks.events import UserCreated

router = Router()


@router.on("user.created")
def welcome(event: UserCreated) -> None:
    """Greet a user who has just signed up."""
    print("welcome", event.data.primary_email)


endpoint = Endpoint(router)  # the secret is CLERK_WEBHOOK_SIGNING_SECRET

handler = lambda_handler(endpoint)
