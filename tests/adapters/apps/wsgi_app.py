"""Plain WSGI: both endpoints as one application."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from clerk_hooks.adapters.wsgi import wsgi_app

from ..application import build_endpoints

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


def build(folder: str) -> WSGIApplication:
    apps = {f"/{name}": wsgi_app(each) for name, each in build_endpoints(Path(folder)).items()}

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return apps[environ["PATH_INFO"]](environ, start_response)

    return application
