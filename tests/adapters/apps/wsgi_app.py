"""Plain WSGI: all endpoints as one application, and the handlers that wait."""

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


def build(folder: str, *, svix: bool = False) -> WSGIApplication:
    endpoints = build_endpoints(Path(folder), svix=svix) | {"waiting": waiting.build_endpoint()}
    apps = {f"/{name}": wsgi_app(each) for name, each in endpoints.items()} | {"/health": _health}

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        waiting.REQUEST_ID.set(environ.get("HTTP_X_REQUEST_ID", ""))
        return apps[environ["PATH_INFO"]](environ, start_response)

    return application


def build_with_svix(folder: str) -> WSGIApplication:
    return build(folder, svix=True)


def _health(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("content-type", "application/json")])
    return [json.dumps(waiting.where()).encode()]
