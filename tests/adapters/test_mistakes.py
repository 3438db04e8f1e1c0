"""A mistake of the program that a delivery shows is raised, observed once, and leaks nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from io import BytesIO
from traceback import TracebackException
from typing import Any

import pytest

from clerk_hooks import (
    ConfigurationError,
    Endpoint,
    InputTypeError,
    Observer,
    Router,
    SecretError,
    Verifier,
)
from clerk_hooks.adapters.asgi import asgi_app
from clerk_hooks.adapters.aws_lambda import lambda_handler
from clerk_hooks.adapters.wsgi import wsgi_app
from clerk_hooks.observe import Seen

from ..failures import BODY, PRIVATE, failing, headers
from ..test_leaks import leaks
from .asgi_client import ask


def environ() -> dict[str, Any]:
    named = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers().items()}
    body = {"CONTENT_LENGTH": str(len(BODY)), "wsgi.input": BytesIO(BODY)}
    return {"REQUEST_METHOD": "POST", **named, **body}


def lambda_event(**more: Any) -> dict[str, Any]:
    return {"httpMethod": "POST", "headers": headers(), "body": BODY.decode(), **more}


def by_wsgi(endpoint: Endpoint) -> object:
    return wsgi_app(endpoint)(environ(), lambda *_: pytest.fail("was answered"))


def by_asgi(endpoint: Endpoint) -> object:
    return ask(asgi_app(endpoint), "/", BODY, headers())


def by_lambda(endpoint: Endpoint) -> object:
    return lambda_handler(endpoint)(lambda_event(), None)


def by_flask(endpoint: Endpoint) -> object:
    flask = pytest.importorskip("flask")
    from clerk_hooks.adapters.flask import clerk_blueprint

    app = flask.Flask(__name__)
    app.testing = True
    app.register_blueprint(clerk_blueprint(endpoint))
    return app.test_client().post("/webhooks/clerk", data=BODY, headers=headers())


def by_fastapi(endpoint: Endpoint) -> object:
    fastapi = pytest.importorskip("fastapi")
    from clerk_hooks.adapters.fastapi import clerk_router

    app = fastapi.FastAPI()
    app.include_router(clerk_router(endpoint))
    return ask(app, "/webhooks/clerk", BODY, headers())


def by_django(endpoint: Endpoint) -> object:
    pytest.importorskip("django")
    from clerk_hooks.adapters.django import clerk_view

    return clerk_view(endpoint)(_django_request())


def by_async_django(endpoint: Endpoint) -> object:
    pytest.importorskip("django")
    from clerk_hooks.adapters.django import async_clerk_view

    return asyncio.run(async_clerk_view(endpoint)(_django_request()))


def _django_request() -> Any:
    from django.core.handlers.wsgi import WSGIRequest

    from .apps.django_app import set_up

    set_up([])
    return WSGIRequest({**environ(), "PATH_INFO": "/"})


ADAPTERS: list[Callable[[Endpoint], object]] = [
    by_wsgi,
    by_asgi,
    by_lambda,
    by_flask,
    by_fastapi,
    by_django,
    by_async_django,
]


class Count(Observer):
    def __init__(self) -> None:
        self.seen: list[Seen] = []

    def request(self, seen: Seen) -> AbstractContextManager[object]:
        self.seen.append(seen)
        return nullcontext()


def leaking(error: Exception) -> list[str]:
    return list(leaks(TracebackException.from_exception(error, capture_locals=True)))


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_it_is_raised_and_observed_once_and_takes_nothing_along(
    adapter: Callable[[Endpoint], object],
) -> None:
    count = Count()
    with pytest.raises(SecretError) as caught:
        adapter(Endpoint(Router(), secret=failing, observers=[count]))
    assert leaking(caught.value) == []
    assert [seen.error for seen in count.seen] == [caught.value]


@pytest.mark.parametrize(
    "event",
    [lambda_event(body={"parsed": PRIVATE}), lambda_event(headers=5), {"Records": [PRIVATE]}],
    ids=["a parsed body", "no headers", "not a request"],
)
def test_an_event_that_lambda_should_not_get_is_not_taken_along(event: dict[str, Any]) -> None:
    with pytest.raises(InputTypeError) as caught:
        lambda_handler(Endpoint(Router(), verifier=Verifier(failing)))(event, None)
    assert leaking(caught.value) == []


def in_a_view(verifier: Verifier) -> object:
    flask = pytest.importorskip("flask")
    from clerk_hooks.adapters.flask import verified_delivery

    with flask.Flask(__name__).test_request_context(
        "/", method="POST", data=BODY, headers=headers()
    ):
        return verified_delivery(verifier)


def in_a_route(verifier: Verifier) -> object:
    return _with_dependency(lambda fastapi: fastapi.VerifiedDelivery(verifier))


def in_a_route_that_handles(verifier: Verifier) -> object:
    return _with_dependency(lambda fastapi: fastapi.Received(Endpoint(Router(), verifier=verifier)))


def _with_dependency(made: Callable[[Any], Any]) -> object:
    fastapi = pytest.importorskip("fastapi")
    from clerk_hooks.adapters import fastapi as adapter

    app = fastapi.FastAPI()
    app.post("/", dependencies=[fastapi.Depends(made(adapter))])(lambda: pytest.fail("was called"))
    return ask(app, "/", BODY, headers())


@pytest.mark.parametrize("answer", [in_a_view, in_a_route, in_a_route_that_handles])
def test_a_view_of_your_own_does_not_answer_it(answer: Callable[[Verifier], object]) -> None:
    """A 500 without a traceback would tell nobody."""
    with pytest.raises(ConfigurationError) as caught:
        answer(Verifier(failing))
    assert leaking(caught.value) == []
