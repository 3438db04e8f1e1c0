"""State for handlers in Flask, built by an application factory.

Serve it with ``gunicorn "state_flask:create_app()"``.
"""

from functools import partial

import httpx
from flask import Flask
from state import Settings, make_router, transaction

from clerk_hooks import Endpoint
from clerk_hooks.adapters.flask import clerk_blueprint


def create_app() -> Flask:
    """Build everything once per process."""
    settings = Settings.from_environment()
    begin = partial(transaction, settings.database)
    router = make_router(settings, begin, httpx.Client(timeout=10))
    app = Flask(__name__)
    app.register_blueprint(clerk_blueprint(Endpoint(router), "/webhooks/clerk"))
    return app
