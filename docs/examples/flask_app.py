"""Flask. Serve it with ``gunicorn flask_app:app``."""

from flask import Flask

from clerk_hooks import Endpoint, Router
from clerk_hooks.adapters.flask import clerk_blueprint
from clerk_hooks.events import UserCreated

router = Router()


@router.on("user.created")
def welcome(event: UserCreated) -> None:
    """Greet a user who has just signed up."""
    print("welcome", event.data.primary_email)


endpoint = Endpoint(router)  # the secret is CLERK_WEBHOOK_SIGNING_SECRET

app = Flask(__name__)
app.register_blueprint(clerk_blueprint(endpoint, "/webhooks/clerk"))
