"""Plain WSGI: all endpoints as one application."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from clerk_hooks.adapters.wsgi import wsgi_app

from .. import waiting
from ..application import build_endpoints

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


def build(folder: str) -> WSGIApplication:
    apps = {f"/{name}": wsgi_app(each) for name, each in build_endpoints(Path(folder)).items()}

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return apps[environ["PATH_INFO"]](environ, start_response)

    return application


def build_waiting(folder: str) -> WSGIApplication:
    webhook = wsgi_app(waiting.build_endpoint())

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/health":
            start_response("200 OK", [("content-type", "application/json")])
            return [json.dumps(waiting.where()).encode()]
        waiting.REQUEST_ID.set(environ.get("HTTP_X_REQUEST_ID", ""))
        return webhook(environ, start_response)

    return application
