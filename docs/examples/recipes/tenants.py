"""Several Clerk instances, each with a path and a secret. Serve it with ``gunicorn tenants:app``.

``TENANTS="acme globex"`` names them; the secret of acme is in ``ACME_SIGNING_SECRET``.
"""

import os

from flask import Flask

from clerk_hooks import Endpoint, Router
from clerk_hooks.adapters.flask import clerk_blueprint
from clerk_hooks.events import UserCreated


def router_for(tenant: str) -> Router:
    """The handlers of one tenant; which one it is comes from the path, not from the payload."""
    router = Router()

    @router.on("user.created")
    def welcome(event: UserCreated) -> None:
        print(tenant, "welcome", event.data.primary_email)

    return router


app = Flask(__name__)
for tenant in os.environ["TENANTS"].split():
    secret = os.environ[f"{tenant.upper()}_SIGNING_SECRET"]
    endpoint = Endpoint(router_for(tenant), secret=secret)
    app.register_blueprint(clerk_blueprint(endpoint, f"/webhooks/clerk/{tenant}", name=tenant))
