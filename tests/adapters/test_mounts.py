"""The ASGI adapter mounted in frameworks, and what each makes of the path it is mounted at."""

from __future__ import annotations

from typing import Any

import pytest

from clerk_hooks import Endpoint, MethodNotAllowed, Reply, Router
from clerk_hooks.adapters.asgi import asgi_app

from .application import SECRET, payload, signed
from .asgi_client import ask
from .servers import Answer

PATH = "/webhooks/clerk"
BODY = payload("invoice.paid")
METHODS = ["GET", "PUT", "OPTIONS", "PURGE"]


@pytest.fixture
def seen() -> list[bytes]:
    """The payloads that the handler has seen."""
    return []


@pytest.fixture
def endpoint(seen: list[bytes]) -> Endpoint:
    router = Router()
    router.on_unknown()(lambda event, delivery: seen.append(delivery.payload))
    return Endpoint(router, secret=SECRET)


def assert_mounted(app: Any, endpoint: Endpoint, seen: list[bytes], methods: list[str]) -> None:
    body, headers = signed(BODY)
    assert ask(app, PATH, body, headers) == Answer.of(endpoint.receive(body, headers))
    assert seen == [body, body]
    for method in methods:
        assert ask(app, PATH, method=method) == Answer.of(Reply.for_error(MethodNotAllowed()))


def test_a_route_of_starlette(endpoint: Endpoint, seen: list[bytes]) -> None:
    applications = pytest.importorskip("starlette.applications")
    routing = pytest.importorskip("starlette.routing")
    app = applications.Starlette(routes=[routing.Route(PATH, asgi_app(endpoint))])
    assert_mounted(app, endpoint, seen, METHODS)


def test_a_mount_of_starlette_redirects_where_a_slash_is_missing(
    endpoint: Endpoint, seen: list[bytes]
) -> None:
    applications = pytest.importorskip("starlette.applications")
    routing = pytest.importorskip("starlette.routing")
    app = applications.Starlette(routes=[routing.Mount(PATH, asgi_app(endpoint))])
    assert ask(app, PATH, *signed(BODY)).status == 307
    assert ask(app, f"{PATH}/", *signed(BODY)).status == 200


def test_a_mount_of_litestar(endpoint: Endpoint, seen: list[bytes]) -> None:
    litestar = pytest.importorskip("litestar")
    from litestar.handlers import asgi

    mount = asgi(PATH, copy_scope=True)(asgi_app(endpoint))
    app = litestar.Litestar([mount], logging_config=None)
    assert_mounted(app, endpoint, seen, METHODS)


def test_a_dispatcher_of_hypercorn_beside_quart(endpoint: Endpoint, seen: list[bytes]) -> None:
    quart = pytest.importorskip("quart")
    middleware = pytest.importorskip("hypercorn.middleware")
    outer = quart.Quart(__name__)
    app = middleware.DispatcherMiddleware({PATH: asgi_app(endpoint), "": outer})
    assert_mounted(app, endpoint, seen, METHODS)
    assert ask(app, "/else", method="GET").status == 404
