"""Flask: a blueprint per endpoint, on one app."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from clerk_hooks.adapters.flask import clerk_blueprint

from ..application import build_endpoints


def build(folder: str) -> Flask:
    app = Flask(__name__)
    for name, endpoint in build_endpoints(Path(folder)).items():
        app.register_blueprint(clerk_blueprint(endpoint, f"/{name}", name))
    return app
