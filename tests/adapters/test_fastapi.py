"""The FastAPI adapter inside an app: prefixes, limits, middleware, and dependencies of the app."""

from __future__ import annotations

from inspect import signature
from typing import Any

import pytest

pytest.importorskip("fastapi")

from fastapi import Depends, FastAPI, HTTPException, Request
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response

from clerk_hooks import (
    Delivery,
    Endpoint,
    MethodNotAllowed,
    RequestTooLarge,
    Router,
)
from clerk_hooks.adapters.fastapi import clerk_router

from .application import SECRET, payload, signed
from .asgi_client import READ_BEFORE, ask, refusal

BODY = payload("invoice.paid")
PATH = "/webhooks/clerk"


@pytest.fixture
def seen() -> list[bytes]:
    """The payloads that the handler has seen."""
    return []


@pytest.fixture
def endpoint(seen: list[bytes]) -> Endpoint:
    router = Router()

    @router.on_unknown()
    async def handler(event: object, delivery: Delivery) -> None:
        seen.append(delivery.payload)

    return Endpoint(router, secret=SECRET)


@pytest.fixture
def app(endpoint: Endpoint) -> FastAPI:
    app = FastAPI()
    app.include_router(clerk_router(endpoint))
    return app


def test_a_router_takes_the_prefixes_it_is_included_under(endpoint: Endpoint) -> None:
    inner, outer = FastAPI(), FastAPI()
    inner.include_router(clerk_router(endpoint, "/clerk"), prefix="/inner")
    outer.mount("/outer", inner)
    assert ask(outer, "/outer/inner/clerk", *signed(BODY)).status == 200
    for method in ("GET", "OPTIONS", "PURGE"):
        assert ask(outer, "/outer/inner/clerk", method=method) == refusal(MethodNotAllowed())


def test_several_endpoints_on_one_app_keep_to_their_own_secrets(
    app: FastAPI, endpoint: Endpoint
) -> None:
    stranger = Endpoint(Router(), secret=b"another secret than that of the tests".hex())
    app.include_router(clerk_router(stranger, "/two"))
    request = signed(BODY)
    assert [ask(app, path, *request).status for path in (PATH, "/two")] == [200, 400]


@pytest.mark.parametrize("include_in_schema", [False, True])
@pytest.mark.parametrize(
    ("prefix", "path", "spellings"),
    [
        ("", "/hook", ["/hook", "/hook/"]),
        ("", "/hook/", ["/hook", "/hook/"]),
        ("", "/", ["/"]),
        ("/hook", "", ["/hook", "/hook/"]),
        ("/hook", "/", ["/hook", "/hook/"]),
        ("/{tenant}", "/hook", ["/a/hook", "/a/hook/"]),
    ],
)
def test_no_slash_at_the_end_of_the_path_makes_a_redirect(
    endpoint: Endpoint, prefix: str, path: str, spellings: list[str], include_in_schema: bool
) -> None:
    app = FastAPI()
    router = clerk_router(endpoint, path, include_in_schema=include_in_schema)
    app.include_router(router, prefix=prefix)
    for spelling in spellings:
        assert ask(app, spelling, *signed(BODY)).status == 200
        assert ask(app, spelling, method="GET") == refusal(MethodNotAllowed())


def test_a_middleware_that_has_eaten_the_body_makes_a_malformed_request(
    app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    @app.middleware("http")
    async def eat(request: Request, call_next: Any) -> Response:
        async for _ in request.stream():
            pass
        response: Response = await call_next(request)
        return response

    assert ask(app, PATH, *signed(BODY)).status == 400
    assert caplog.messages[-1].endswith(str(READ_BEFORE))


@pytest.mark.skipif(
    "max_body_size" not in signature(FastAPI).parameters, reason="this FastAPI has no limit"
)
@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_the_limit_of_the_app_does_not_replace_that_of_the_endpoint(
    endpoint: Endpoint, prefix: str
) -> None:
    app = FastAPI(max_body_size=10)
    app.include_router(clerk_router(endpoint), prefix=prefix)
    assert ask(app, prefix + PATH, *signed(BODY)).status == 200
    assert ask(app, prefix + PATH, BODY, method="PUT") == refusal(MethodNotAllowed())
    too_large = b" " * (endpoint.max_body + 1)
    assert ask(app, prefix + PATH, too_large) == refusal(RequestTooLarge())


@pytest.mark.parametrize("middleware", [GZipMiddleware, CORSMiddleware, BaseHTTPMiddleware])
def test_middleware_does_not_change_what_is_signed(
    app: FastAPI, seen: list[bytes], middleware: Any
) -> None:
    async def read_first(request: Request, call_next: Any) -> Response:
        await request.body()
        response: Response = await call_next(request)
        return response

    options: dict[Any, Any] = {
        GZipMiddleware: {"minimum_size": 0},
        CORSMiddleware: {"allow_origins": ["*"]},
        BaseHTTPMiddleware: {"dispatch": read_first},
    }
    app.add_middleware(middleware, **options[middleware])
    body, headers = signed(BODY)
    asks = {"accept-encoding": "gzip", "origin": "https://example.com"}
    assert ask(app, PATH, body, headers | asks).status == 200
    assert ask(app, PATH, body + b" ", headers | asks).status == 400
    assert seen == [body]


def test_the_cors_middleware_answers_a_preflight_itself(app: FastAPI) -> None:
    app.add_middleware(CORSMiddleware, allow_origins=["*"])
    preflight = {"origin": "https://example.com", "access-control-request-method": "POST"}
    assert ask(app, PATH, headers=preflight, method="OPTIONS").status in (200, 400)
    assert ask(app, PATH, method="OPTIONS").status == 405


def test_dependencies_of_the_app_are_not_run_for_the_endpoint(endpoint: Endpoint) -> None:
    def require_login() -> None:
        raise HTTPException(401)

    app = FastAPI(dependencies=[Depends(require_login)])
    app.include_router(clerk_router(endpoint))
    assert ask(app, PATH, *signed(BODY)).status == 200
