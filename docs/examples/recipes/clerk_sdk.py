"""Calls of Clerk's own API, by its SDK, in a handler. Serve it with ``gunicorn clerk_sdk:app``."""

import os

from clerk_backend_api import Clerk
from clerk_backend_api.models import ClerkErrors
from flask import Flask

from clerk_hooks import Endpoint, Router
from clerk_hooks.adapters.flask import clerk_blueprint
from clerk_hooks.events import UserCreated

clerk = Clerk(
    bearer_auth=os.environ["CLERK_SECRET_KEY"],  # sk_...: not the signing secret
    server_url=os.environ.get("CLERK_API_URL"),  # None is Clerk's own
    timeout_ms=10_000,  # Svix waits 15 s for the reply,
    retry_config=None,  # and tries again; the SDK by itself would, for up to an hour.
)
router = Router()


@router.on("user.created")
def start_trial(event: UserCreated) -> None:
    """Give a new user a plan. Metadata is merged, so doing it twice does no harm.

    This causes a `user.updated`. Never write metadata in a handler of that one without a look at
    whether it is there already: each write would cause the next.
    """
    user = event.data
    if user.private_metadata and "plan" in user.private_metadata:
        return
    try:
        clerk.users.update_metadata(user_id=user.id, private_metadata={"plan": "trial"})
    except ClerkErrors as error:
        if error.status_code != 404:  # A user who is gone again needs no plan.
            raise


app = Flask(__name__)
app.register_blueprint(clerk_blueprint(Endpoint(router), "/webhooks/clerk"))
