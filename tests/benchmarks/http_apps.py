"""The applications that `http` compares: of each framework, ours and what people write by hand.

By hand is what the documentation of Svix and of the framework show together: the body, `svix`,
`json.loads`, an `if`, a small JSON reply; the `Webhook` is built for each request, as in the README
of standardwebhooks, on which svix is built, and in the view of django-clerk 0.1.15. All of them end
in the same work: one field is read.

Both stand in one process, at `OURS` and `BY_HAND`, since two processes of one and the same program
may differ by more than the two sides do.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any

from svix.webhooks import Webhook, WebhookVerificationError

from clerk_hooks import Endpoint, MemoryStore, Router
from clerk_hooks.events import UserCreated

from .sampling import sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OURS = "/webhooks/clerk"
BY_HAND = "/webhooks/hand"
CPU = "/webhooks/cpu"
"""Where the process tells the CPU time that it has used."""
FOLDER = "BENCHMARK_FOLDER"
"""The environment variable with the folder that Lambda functions are built with."""
REDIS = "BENCHMARK_REDIS"
"""The environment variable with the URL of Redis."""


def tell_cpu() -> str:
    """The CPU time that this process has used, in seconds."""
    return str(process_time())


def _both_wsgi(ours: Callable[[str], Any], theirs: Callable[[], Any]) -> Callable[[str], Any]:
    """Both applications in one, for WSGI."""

    def tell(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("content-type", "text/plain")])
        return [tell_cpu().encode()]

    def build(folder: str) -> WSGIApplication:
        apps = {OURS: ours(folder), BY_HAND: theirs(), CPU: tell}
        return lambda environ, start_response: apps[environ["PATH_INFO"]](environ, start_response)

    return build


def _both_asgi(ours: Callable[[str], Any], theirs: Callable[[], Any]) -> Callable[[str], Any]:
    """Both applications in one, for ASGI."""

    async def tell(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": tell_cpu().encode()})

    def build(folder: str) -> Any:
        apps = {OURS: ours(folder), BY_HAND: theirs(), CPU: tell}

        async def application(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                await apps[scope["path"]](scope, receive, send)

        return application

    return build


def use(user_id: str) -> None:
    """What handlers do."""
    assert user_id


def endpoint(folder: str, *, is_async: bool = False, store: Any = None) -> Endpoint:
    """Our endpoint; a `folder` of this name is told where its server spends its time."""
    if Path(folder).name == "sampled":
        sample(Path(folder))
    router = Router()
    if is_async:

        @router.on("user.created")
        async def handle_async(event: UserCreated) -> None:
            use(event.data.id)

    else:

        @router.on("user.created")
        def handle(event: UserCreated) -> None:
            use(event.data.id)

    return Endpoint(router, secret=SECRET, store=store)


def by_hand(body: bytes, headers: Any) -> bool:
    """Verify and handle; whether it was verified."""
    try:
        Webhook(SECRET).verify(body, headers)
    except WebhookVerificationError:
        return False
    event = json.loads(body)
    if event["type"] == "user.created":
        use(event["data"]["id"])
    return True


def flask_ours(folder: str) -> Any:
    from flask import Flask

    from clerk_hooks.adapters.flask import clerk_blueprint

    app = Flask(__name__)
    app.register_blueprint(clerk_blueprint(endpoint(folder), OURS))
    return app


def flask_by_hand() -> Any:
    from flask import Flask, request

    app = Flask(__name__)

    @app.post(BY_HAND)
    def receive() -> Any:
        verified = by_hand(request.get_data(), request.headers)
        return ({"outcome": "handled"}, 200) if verified else ({"error": "no_match"}, 400)

    return app


def fastapi_ours(folder: str, store: Any = None) -> Any:
    from fastapi import FastAPI

    from clerk_hooks.adapters.fastapi import clerk_router

    app = FastAPI()
    app.include_router(clerk_router(endpoint(folder, is_async=True, store=store), OURS))
    return app


def _memory_ours(folder: str) -> Any:
    return fastapi_ours(folder, MemoryStore())


def _sqlite_ours(folder: str) -> Any:
    from clerk_hooks.stores.sqlite import SQLiteStore

    return fastapi_ours(folder, SQLiteStore(Path(folder, "store.sqlite3")))


def _redis_ours(folder: str) -> Any:
    from clerk_hooks.stores.redis import AsyncRedisStore

    return fastapi_ours(folder, AsyncRedisStore(os.environ[REDIS]))


def fastapi_by_hand() -> Any:
    import fastapi

    app = fastapi.FastAPI()

    async def receive(request: fastapi.Request) -> Any:
        if not by_hand(await request.body(), request.headers):
            raise fastapi.HTTPException(400, "no_match")
        return {"outcome": "handled"}

    receive.__annotations__["request"] = fastapi.Request  # It is text that FastAPI cannot resolve.
    app.post(BY_HAND)(receive)
    return app


def asgi_ours(folder: str) -> Any:
    from starlette.applications import Starlette
    from starlette.routing import Route

    from clerk_hooks.adapters.asgi import asgi_app

    return Starlette(routes=[Route(OURS, asgi_app(endpoint(folder, is_async=True)))])


def asgi_by_hand() -> Any:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def receive(request: Request) -> JSONResponse:
        verified = by_hand(await request.body(), request.headers)
        return JSONResponse({"outcome": "handled"}, 200 if verified else 400)

    return Starlette(routes=[Route(BY_HAND, receive, methods=["POST"])])


def _django_by_hand() -> Any:
    from django.http import HttpRequest, JsonResponse
    from django.views.decorators.csrf import csrf_exempt
    from django.views.decorators.http import require_POST

    @csrf_exempt
    @require_POST
    def receive(request: HttpRequest) -> JsonResponse:
        verified = by_hand(request.body, request.headers)
        return JsonResponse({"outcome": "handled"}, status=200 if verified else 400)

    return receive


def _django_async_by_hand() -> Any:
    from django.http import HttpRequest, HttpResponseNotAllowed, JsonResponse
    from django.views.decorators.csrf import csrf_exempt

    @csrf_exempt
    async def receive(request: HttpRequest) -> Any:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        verified = by_hand(request.body, request.headers)
        return JsonResponse({"outcome": "handled"}, status=200 if verified else 400)

    return receive


def _django(ours: Any, theirs: Any, handler: Any) -> Any:
    """Django has one list of URLs for a process, so that both views are in one application."""
    from django.urls import path

    from tests.adapters.apps.django_app import set_up

    set_up([path(BY_HAND[1:], theirs), path(OURS[1:], ours)])
    return handler()


def django(folder: str) -> Any:
    from django.core.handlers.wsgi import WSGIHandler

    from clerk_hooks.adapters.django import clerk_view

    app = _django(clerk_view(endpoint(folder)), _django_by_hand(), WSGIHandler)
    return _both_wsgi(lambda _: app, lambda: app)(folder)


def django_async(folder: str) -> Any:
    from django.core.handlers.asgi import ASGIHandler

    from clerk_hooks.adapters.django import async_clerk_view

    ours = async_clerk_view(endpoint(folder, is_async=True))
    app = _django(ours, _django_async_by_hand(), ASGIHandler)
    return _both_asgi(lambda _: app, lambda: app)(folder)


def wsgi_ours(folder: str) -> Any:
    from clerk_hooks.adapters.wsgi import wsgi_app

    return wsgi_app(endpoint(folder))


def wsgi_by_hand() -> WSGIApplication:
    def receive(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST":
            start_response("405 Method Not Allowed", [("allow", "POST"), ("content-length", "0")])
            return [b""]
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        headers = {
            name[5:].replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        verified = by_hand(body, headers)
        reply = json.dumps({"outcome": "handled"}).encode()
        fields = [("content-type", "application/json"), ("content-length", str(len(reply)))]
        start_response("200 OK" if verified else "400 Bad Request", fields)
        return [reply]

    return receive


def lambda_by_hand() -> Callable[[Any, object], Any]:
    def handler(event: Any, context: object) -> Any:
        headers = {"content-type": "application/json"}
        if event["requestContext"]["http"]["method"] != "POST":
            return {"statusCode": 405, "headers": headers, "body": "{}"}
        body = b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode()
        verified = by_hand(body, event["headers"])
        reply = json.dumps({"outcome": "handled"})
        return {"statusCode": 200 if verified else 400, "headers": headers, "body": reply}

    return handler


flask = _both_wsgi(flask_ours, flask_by_hand)
fastapi = _both_asgi(fastapi_ours, fastapi_by_hand)
fastapi_memory = _both_asgi(_memory_ours, fastapi_by_hand)
fastapi_sqlite = _both_asgi(_sqlite_ours, fastapi_by_hand)
fastapi_redis = _both_asgi(_redis_ours, fastapi_by_hand)
wsgi = _both_wsgi(wsgi_ours, wsgi_by_hand)
asgi = _both_asgi(asgi_ours, asgi_by_hand)
