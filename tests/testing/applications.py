"""One endpoint in small applications of every framework, each as its documentation shows it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from fastapi import FastAPI, Request
from fastapi.responses import Response
from flask import Flask, request
from starlette.applications import Starlette
from starlette.routing import Route

from clerk_hooks import Endpoint, Reply, Router, Verifier
from clerk_hooks.adapters.aws_lambda import lambda_handler
from clerk_hooks.adapters.wsgi import wsgi_app
from clerk_hooks.testing import SECRET

PATH = "/webhooks/clerk"


class Seen(list[str]):
    """The types of the events that an endpoint has handled; one of them is a failure."""

    def endpoint(self, verifier: Verifier | None = None) -> Endpoint:
        router = Router()

        @router.on("*")
        async def note(event: Any) -> None:
            self.append(event.type)

        @router.on("user.deleted")
        def fail(event: Any) -> None:
            raise RuntimeError("the database is down")

        return Endpoint(router, verifier=verifier or Verifier(SECRET))


def flask_app(endpoint: Endpoint) -> Flask:
    app = Flask("app")

    @app.post(PATH)
    def receive() -> tuple[bytes, int, dict[str, str]]:
        reply = endpoint.receive(request.get_data(), request.headers)
        return reply.body, reply.status, dict(reply.headers)

    @app.post("/breaks")
    def breaks() -> str:
        raise LookupError("broken")

    app.config["PROPAGATE_EXCEPTIONS"] = True
    return app


def fastapi_app(endpoint: Endpoint) -> FastAPI:
    app = FastAPI()

    @app.post(PATH)
    async def receive(request: Request) -> Response:
        return await _received(endpoint, request)

    @app.post("/breaks")
    async def breaks() -> None:
        raise LookupError("broken")

    return app


# The modules of tests have deferred annotations, and FastAPI looks for them among the globals.
globals()["Request"] = Request


async def _received(endpoint: Endpoint, request: Request) -> Response:
    reply = await endpoint.areceive(await request.body(), request.headers)
    return Response(reply.body, reply.status, dict(reply.headers))


def starlette_app(endpoint: Endpoint) -> Starlette:
    async def receive(request: Request) -> Response:
        return await _received(endpoint, request)

    async def breaks(request: Request) -> Response:
        raise LookupError("broken")

    return Starlette(
        routes=[Route(PATH, receive, methods=["POST"]), Route("/breaks", breaks, methods=["POST"])]
    )


def plain_wsgi_app(endpoint: Endpoint) -> Callable[..., Iterable[bytes]]:
    whole = wsgi_app(endpoint)

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/breaks":
            raise LookupError("broken")
        if environ["PATH_INFO"] != PATH:
            start_response("404 Not Found", [])
            return []
        return whole(environ, start_response)

    return application


class PlainAsgiApp:
    """An ASGI application that answers in two parts, as an object and not a function."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/breaks":
            raise LookupError("broken")
        body = (await receive())["body"]
        reply = await self.endpoint.areceive(body, scope["headers"])
        status = reply.status if scope["path"] == PATH else 404
        headers = [(name.title().encode(), value.encode()) for name, value in reply.headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body[:5], "more_body": True})
        await send({"type": "http.response.body", "body": reply.body[5:]})


def asgi_function(endpoint: Endpoint) -> Callable[..., Any]:
    app = PlainAsgiApp(endpoint)

    def application(scope: Any, receive: Any, send: Any) -> Any:
        return app(scope, receive, send)

    return application


def django_asgi(endpoint: Endpoint) -> Any:
    use_django(endpoint)
    from django.core.handlers.asgi import ASGIHandler

    return ASGIHandler()


ASGI_APPS: dict[str, Callable[[Endpoint], Any]] = {
    "fastapi": fastapi_app,
    "starlette": starlette_app,
    "asgi": PlainAsgiApp,
    "asgi-function": asgi_function,
    "django-asgi": django_asgi,
}


def plain_lambda(endpoint: Endpoint) -> Callable[..., dict[str, Any]]:
    """A function that looks at the path, as those behind one gateway for all do."""
    whole = lambda_handler(endpoint)

    def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
        if event["rawPath"] == "/breaks":
            raise LookupError("broken")
        return whole(event, context) if event["rawPath"] == PATH else {"statusCode": 404}

    return handler


def same(reply: Reply) -> tuple[int, bytes, str]:
    """What all frameworks give of a reply; they add headers of their own."""
    return reply.status, reply.body, reply.headers["content-type"]


def use_django(endpoint: Endpoint) -> None:
    """Make `endpoint` that of the one Django project that a process can have."""

    @csrf_exempt
    def receive(request: HttpRequest) -> HttpResponse:
        reply = endpoint.receive(request.body, request.headers)
        return HttpResponse(reply.body, status=reply.status, headers=dict(reply.headers))

    @csrf_exempt
    def breaks(request: HttpRequest) -> HttpResponse:
        raise LookupError("broken")

    urls = ModuleType("urls_of_the_tests")
    urls.urlpatterns = [  # type: ignore[attr-defined]
        path(PATH.removeprefix("/"), receive),
        path("breaks", breaks),
    ]
    sys.modules[urls.__name__] = urls
    if not settings.configured:
        settings.configure(
            ALLOWED_HOSTS=["*"], ROOT_URLCONF=urls.__name__, SECRET_KEY="x", DATABASES={}
        )
        django.setup()
    # Other tests may have set the process's project up before; it is theirs to set up again.
    settings.ROOT_URLCONF, settings.MIDDLEWARE = urls.__name__, []
    from django.urls import clear_url_caches

    clear_url_caches()
