"""The adapters, as type checkers see them. This file is checked, never run."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from fastapi import APIRouter, Depends, FastAPI
from flask import Blueprint, Flask
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from typing_extensions import assert_type
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from clerk_hooks import Delivery, Endpoint, Router, Verifier
from clerk_hooks.adapters.asgi import asgi_app
from clerk_hooks.adapters.aws_lambda import lambda_handler
from clerk_hooks.adapters.django import async_clerk_view, clerk_view
from clerk_hooks.adapters.fastapi import VerifiedDelivery, clerk_router
from clerk_hooks.adapters.flask import clerk_blueprint, verified_delivery
from clerk_hooks.adapters.wsgi import wsgi_app

endpoint = Endpoint(Router())
verifier = Verifier()


def in_flask(app: Flask) -> None:
    assert_type(clerk_blueprint(endpoint), Blueprint)
    app.register_blueprint(clerk_blueprint(endpoint, "/clerk", "other"), url_prefix="/hooks")
    clerk_blueprint(endpoint, path="/clerk", name="other")
    assert_type(verified_delivery(verifier), Delivery)
    verified_delivery(verifier, max_body=1000)
    clerk_blueprint(Router())  # type: ignore[arg-type]
    verified_delivery("whsec_...")  # type: ignore[arg-type]
    verified_delivery(verifier, 1000)  # type: ignore[call-arg]
    DispatcherMiddleware(app, {"/clerk": wsgi_app(endpoint)})


def in_fastapi(app: FastAPI) -> None:
    assert_type(clerk_router(endpoint), APIRouter)
    app.include_router(clerk_router(endpoint, "/clerk"), prefix="/hooks")
    clerk_router(endpoint, path="/clerk")
    clerk_router(verifier)  # type: ignore[arg-type]
    VerifiedDelivery(verifier, 1000)  # type: ignore[call-arg]
    verified = VerifiedDelivery(verifier, max_body=1000)

    @app.post("/own")
    def own(delivery: Annotated[Delivery, Depends(verified)]) -> str:
        return delivery.type

    own(Delivery("msg_1", 1, b"{}"))


def in_asgi() -> None:
    app = asgi_app(endpoint)
    Starlette(routes=[Route("/clerk", app), Mount("/mount", app)])
    FastAPI().mount("/clerk", app)
    asgi_app(verifier)  # type: ignore[arg-type]


async def awaited(scope: dict[str, Any], receive: Any, send: Any) -> None:
    called = asgi_app(endpoint)(scope, receive, send)
    assert_type(called, Awaitable[None])
    await called


def in_django() -> None:
    assert_type(clerk_view(endpoint), Callable[[HttpRequest], HttpResponse])
    assert_type(
        async_clerk_view(endpoint),
        Callable[[HttpRequest], Coroutine[object, object, HttpResponse]],
    )
    path("clerk", clerk_view(endpoint))
    path("async", async_clerk_view(endpoint), name="clerk")
    clerk_view(verifier)  # type: ignore[arg-type]


def in_aws_lambda(event: dict[str, Any]) -> None:
    handler = lambda_handler(endpoint)
    assert_type(handler, Callable[[Mapping[str, Any], object], dict[str, Any]])
    assert_type(handler(event, None), dict[str, Any])
    lambda_handler(verifier)  # type: ignore[arg-type]
