"""Plain WSGI, without a framework. Serve it with ``gunicorn wsgi_app:app``."""

from clerk_hooks import Endpoint, Router
from clerk_hooks.adapters.wsgi import wsgi_app
from clerk_hooks.events import UserCreated

router = Router()


@router.on("user.created")
def welcome(event: UserCreated) -> None:
    """Greet a user who has just signed up."""
    print("welcome", event.data.primary_email)


endpoint = Endpoint(router)  # the secret is CLERK_WEBHOOK_SIGNING_SECRET

app = wsgi_app(endpoint)
