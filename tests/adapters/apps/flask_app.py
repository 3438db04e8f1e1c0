"""Flask: a blueprint per endpoint and one for the handlers that wait, on one app."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, current_app, g, request

from clerk_hooks.adapters.flask import clerk_blueprint

from .. import waiting
from ..application import build_endpoints


def build(folder: str) -> Flask:
    app = Flask(__name__)

    @app.before_request
    def name_request() -> None:
        g.request_id = request.headers.get("x-request-id", "")
        waiting.REQUEST_ID.set(g.request_id)

    def facts() -> waiting.Facts:
        return {
            "g": g.request_id,
            "path": request.path,
            "body": request.get_data(as_text=True),
            "app": current_app.name,
        }

    @app.get("/health")
    def health() -> waiting.Facts:
        return waiting.where()

    endpoints = build_endpoints(Path(folder)) | {"waiting": waiting.build_endpoint(facts)}
    for name, endpoint in endpoints.items():
        app.register_blueprint(clerk_blueprint(endpoint, f"/{name}", name))
    return app
