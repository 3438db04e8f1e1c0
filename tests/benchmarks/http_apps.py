"""The applications that `http` compares: of each framework, ours and what people write by hand.

By hand is what the documentation of Svix and of the framework show together: the body, `svix`,
`json.loads`, an `if`, a small JSON reply. All of them end in the same work: one field is read.
"""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any

from svix.webhooks import Webhook, WebhookVerificationError

from clerk_hooks import Endpoint, Router
from clerk_hooks.events import UserCreated

from .sampling import sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PATH = "/webhooks/clerk"
CPU_PATH = "/cpu"


def wsgi(build: Callable[[str], Any]) -> Callable[[str], Any]:
    """With a path beside, at which the process tells the CPU time that it has used."""

    def build_more(folder: str) -> WSGIApplication:
        app = build(folder)

        def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            if environ["PATH_INFO"] != CPU_PATH:
                return app(environ, start_response)  # type: ignore[no-any-return]
            start_response("200 OK", [("content-type", "text/plain")])
            return [str(process_time()).encode()]

        return application

    return build_more


def asgi(build: Callable[[str], Any]) -> Callable[[str], Any]:
    """The same for ASGI."""

    def build_more(folder: str) -> Any:
        app = build(folder)

        async def application(scope: Any, receive: Any, send: Any) -> None:
            if scope.get("path") != CPU_PATH:
                await app(scope, receive, send)
                return
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": str(process_time()).encode()})

        return application

    return build_more


def use(user_id: str) -> None:
    """What handlers do."""
    assert user_id


def endpoint(folder: str, *, is_async: bool = False) -> Endpoint:
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

    return Endpoint(router, secret=SECRET)


def by_hand(webhook: Webhook, body: bytes, headers: Any) -> bool:
    """Verify and handle; whether it was verified."""
    try:
        webhook.verify(body, headers)
    except WebhookVerificationError:
        return False
    event = json.loads(body)
    if event["type"] == "user.created":
        use(event["data"]["id"])
    return True


@wsgi
def flask_ours(folder: str) -> Any:
    from flask import Flask

    from clerk_hooks.adapters.flask import clerk_blueprint

    app = Flask(__name__)
    app.register_blueprint(clerk_blueprint(endpoint(folder), PATH))
    return app


@wsgi
def flask_by_hand(folder: str) -> Any:
    from flask import Flask, request

    app, webhook = Flask(__name__), Webhook(SECRET)

    @app.post(PATH)
    def receive() -> Any:
        verified = by_hand(webhook, request.get_data(), request.headers)
        return ({"outcome": "handled"}, 200) if verified else ({"error": "no_match"}, 400)

    return app


@asgi
def fastapi_ours(folder: str) -> Any:
    from fastapi import FastAPI

    from clerk_hooks.adapters.fastapi import clerk_router

    app = FastAPI()
    app.include_router(clerk_router(endpoint(folder, is_async=True), PATH))
    return app


@asgi
def fastapi_by_hand(folder: str) -> Any:
    import fastapi

    app, webhook = fastapi.FastAPI(), Webhook(SECRET)

    async def receive(request: fastapi.Request) -> Any:
        if not by_hand(webhook, await request.body(), request.headers):
            raise fastapi.HTTPException(400, "no_match")
        return {"outcome": "handled"}

    receive.__annotations__["request"] = fastapi.Request  # It is text that FastAPI cannot resolve.
    app.post(PATH)(receive)
    return app


@asgi
def asgi_ours(folder: str) -> Any:
    from starlette.applications import Starlette
    from starlette.routing import Route

    from clerk_hooks.adapters.asgi import asgi_app

    return Starlette(routes=[Route(PATH, asgi_app(endpoint(folder, is_async=True)))])


@asgi
def asgi_by_hand(folder: str) -> Any:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    webhook = Webhook(SECRET)

    async def receive(request: Request) -> JSONResponse:
        verified = by_hand(webhook, await request.body(), request.headers)
        return JSONResponse({"outcome": "handled"}, 200 if verified else 400)

    return Starlette(routes=[Route(PATH, receive, methods=["POST"])])


def _django(view: Any, *, is_asgi: bool = False) -> Any:
    from django.core.handlers.asgi import ASGIHandler
    from django.core.handlers.wsgi import WSGIHandler
    from django.urls import path

    from tests.adapters.apps.django_app import set_up

    set_up([path(PATH[1:], view)])
    return ASGIHandler() if is_asgi else WSGIHandler()


@wsgi
def django_ours(folder: str) -> Any:
    from clerk_hooks.adapters.django import clerk_view

    return _django(clerk_view(endpoint(folder)))


@wsgi
def django_by_hand(folder: str) -> Any:
    from django.http import HttpRequest, JsonResponse
    from django.views.decorators.csrf import csrf_exempt
    from django.views.decorators.http import require_POST

    webhook = Webhook(SECRET)

    @csrf_exempt
    @require_POST
    def receive(request: HttpRequest) -> JsonResponse:
        verified = by_hand(webhook, request.body, request.headers)
        return JsonResponse({"outcome": "handled"}, status=200 if verified else 400)

    return _django(receive)


@asgi
def django_async_ours(folder: str) -> Any:
    from clerk_hooks.adapters.django import async_clerk_view

    return _django(async_clerk_view(endpoint(folder, is_async=True)), is_asgi=True)


@asgi
def django_async_by_hand(folder: str) -> Any:
    from django.http import HttpRequest, HttpResponseNotAllowed, JsonResponse
    from django.views.decorators.csrf import csrf_exempt

    webhook = Webhook(SECRET)

    @csrf_exempt
    async def receive(request: HttpRequest) -> Any:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        verified = by_hand(webhook, request.body, request.headers)
        return JsonResponse({"outcome": "handled"}, status=200 if verified else 400)

    return _django(receive, is_asgi=True)


@wsgi
def wsgi_ours(folder: str) -> Any:
    from clerk_hooks.adapters.wsgi import wsgi_app

    return wsgi_app(endpoint(folder))


@wsgi
def wsgi_by_hand(folder: str) -> WSGIApplication:
    webhook = Webhook(SECRET)

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
        verified = by_hand(webhook, body, headers)
        reply = json.dumps({"outcome": "handled"}).encode()
        fields = [("content-type", "application/json"), ("content-length", str(len(reply)))]
        start_response("200 OK" if verified else "400 Bad Request", fields)
        return [reply]

    return receive


def _gateway(handler: Any) -> WSGIApplication:
    """What stands in front of a function: the request as an event of format 2.0, passed as JSON."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        headers = {
            name[5:].replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        event = {
            "version": "2.0",
            "requestContext": {"http": {"method": environ["REQUEST_METHOD"]}},
            "headers": headers,
            "body": body.decode(),
            "isBase64Encoded": False,
        }
        reply = handler(json.loads(json.dumps(event)), None)
        content = reply["body"].encode()
        fields = [*reply["headers"].items(), ("content-length", str(len(content)))]
        start_response(f"{reply['statusCode']} -", fields)
        return [content]

    return application


@wsgi
def lambda_ours(folder: str) -> WSGIApplication:
    from clerk_hooks.adapters.aws_lambda import lambda_handler

    return _gateway(lambda_handler(endpoint(folder)))


@wsgi
def lambda_by_hand(folder: str) -> WSGIApplication:
    webhook = Webhook(SECRET)

    def handler(event: Any, context: object) -> Any:
        headers = {"content-type": "application/json"}
        if event["requestContext"]["http"]["method"] != "POST":
            return {"statusCode": 405, "headers": headers, "body": "{}"}
        body = b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode()
        verified = by_hand(webhook, body, event["headers"])
        reply = json.dumps({"outcome": "handled"})
        return {"statusCode": 200 if verified else 400, "headers": headers, "body": reply}

    return _gateway(handler)
