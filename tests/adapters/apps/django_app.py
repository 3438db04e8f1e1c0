"""Django, a view per endpoint and one for the handlers that wait: sync and async, WSGI and ASGI."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.db.backends.signals import connection_created
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import clear_url_caches, path
from django.utils.decorators import sync_and_async_middleware
from django.views.decorators.csrf import csrf_exempt

from clerk_hooks.adapters.django import async_clerk_view, clerk_view

from ... import django_databases
from .. import waiting
from ..application import build_endpoints

MIDDLEWARE = [
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]


def set_up(urlpatterns: list[Any], **more: Any) -> None:
    """Django as a process has it: once; what other tests have set up before is set anew."""
    urls = ModuleType("clerk_hooks_test_urls")
    urls.urlpatterns = urlpatterns  # type: ignore[attr-defined]
    sys.modules[urls.__name__] = urls
    values = {
        "ROOT_URLCONF": urls.__name__,
        "ALLOWED_HOSTS": ["127.0.0.1", "localhost", "testserver"],
        "MIDDLEWARE": MIDDLEWARE,
        **more,
    }
    django_databases.set_up(**values)
    clear_url_caches()


@sync_and_async_middleware
def name_requests(get_response: Any) -> Any:
    """Middleware: the header ``x-request-id`` becomes a context variable."""
    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponse:
            waiting.REQUEST_ID.set(request.headers.get("x-request-id", ""))
            response: HttpResponse = await get_response(request)
            return response

    else:

        def middleware(request: HttpRequest) -> HttpResponse:  # type: ignore[misc]
            waiting.REQUEST_ID.set(request.headers.get("x-request-id", ""))
            response: HttpResponse = get_response(request)
            return response

    return middleware


def _build(folder: str, make_view: Any, make_health: Any, handler: Any) -> Any:
    opened: list[Any] = []

    def note(sender: Any, connection: Any, **_: Any) -> None:
        opened.append(connection)

    def query() -> waiting.Facts:
        if waiting.where()["loop"] is not None:  # Django refuses queries there.
            return {}
        with connection.cursor() as cursor:
            cursor.execute("SELECT 6 * 7")
            return {"answer": cursor.fetchone()[0]}

    connection_created.connect(note, weak=False)
    health = make_health(
        lambda: {**waiting.where(), "open": [each.connection is not None for each in opened]}
    )
    endpoints = build_endpoints(Path(folder)) | {"waiting": waiting.build_endpoint(query)}
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder}/database"}
    set_up(
        [
            *[path(name, make_view(endpoint)) for name, endpoint in endpoints.items()],
            path("health", health),
            path("length", _length),
        ],
        DATABASES={"default": database},
        MIDDLEWARE=[f"{__name__}.name_requests", *MIDDLEWARE],
    )
    return handler()


def _health(facts: Any) -> Any:
    return lambda request: JsonResponse(facts())


def _async_health(facts: Any) -> Any:
    async def health(request: HttpRequest) -> JsonResponse:
        return JsonResponse(facts())

    return health


@csrf_exempt
def _length(request: HttpRequest) -> HttpResponse:
    """The length of the body that Django sees."""
    return HttpResponse(str(len(request.body)))


def build_wsgi(folder: str) -> Any:
    return _build(folder, clerk_view, _health, WSGIHandler)


def build_wsgi_async(folder: str) -> Any:
    return _build(folder, async_clerk_view, _async_health, WSGIHandler)


def build_asgi(folder: str) -> Any:
    return _build(folder, async_clerk_view, _async_health, ASGIHandler)


def build_asgi_sync(folder: str) -> Any:
    return _build(folder, clerk_view, _health, ASGIHandler)
