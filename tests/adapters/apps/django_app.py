"""Django, a view per endpoint: sync views under WSGI and ASGI, async ones under both too."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import django
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.urls import path

from clerk_hooks.adapters.django import async_clerk_view, clerk_view

from ..application import build_endpoints

MIDDLEWARE = [
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]


def set_up(urlpatterns: list[Any], **more: Any) -> None:
    """Django as a process has it: once."""
    urls = ModuleType("clerk_hooks_test_urls")
    urls.urlpatterns = urlpatterns  # type: ignore[attr-defined]
    sys.modules[urls.__name__] = urls
    settings.configure(
        ROOT_URLCONF=urls.__name__,
        ALLOWED_HOSTS=["127.0.0.1", "localhost"],
        SECRET_KEY="not used",
        **{"MIDDLEWARE": MIDDLEWARE, **more},
    )
    django.setup()


def _build(folder: str, make_view: Any, handler: Any) -> Any:
    endpoints = build_endpoints(Path(folder))
    set_up([path(name, make_view(endpoint)) for name, endpoint in endpoints.items()])
    return handler()


def build_wsgi(folder: str) -> Any:
    return _build(folder, clerk_view, WSGIHandler)


def build_wsgi_async(folder: str) -> Any:
    return _build(folder, async_clerk_view, WSGIHandler)


def build_asgi(folder: str) -> Any:
    return _build(folder, async_clerk_view, ASGIHandler)


def build_asgi_sync(folder: str) -> Any:
    return _build(folder, clerk_view, ASGIHandler)
