"""One call that delivers to an application of any framework, to its test client, or an endpoint."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from clerk_hooks import InputTypeError, Reply, SecretError, Verifier
from clerk_hooks.events import UserCreated
from clerk_hooks.testing import SECRET, deliver, sample, signed_request

from .applications import (
    ASGI_APPS,
    PATH,
    Seen,
    fastapi_app,
    flask_app,
    plain_lambda,
    plain_wsgi_app,
    same,
    starlette_app,
    use_django,
)

with warnings.catch_warnings():
    # Some versions of Starlette announce here that its client is going to use another library.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient


def _django_client(endpoint: Any) -> Any:
    use_django(endpoint)
    from django.test import Client

    return Client()


def _django_wsgi(endpoint: Any) -> Any:
    use_django(endpoint)
    from django.core.handlers.wsgi import WSGIHandler

    return WSGIHandler()


def _httpx_client(endpoint: Any) -> Any:
    transport = httpx.WSGITransport(app=plain_wsgi_app(endpoint))
    return httpx.Client(transport=transport, base_url="http://testserver")


def _werkzeug_client(endpoint: Any) -> Any:
    from werkzeug.test import Client

    return Client(plain_wsgi_app(endpoint))


WSGI: dict[str, Callable[[Any], Any]] = {
    "flask": flask_app,
    "flask-client": lambda endpoint: flask_app(endpoint).test_client(),
    "werkzeug-client": _werkzeug_client,
    "wsgi": plain_wsgi_app,
    "httpx-client": _httpx_client,
    "django-client": _django_client,
    "django-wsgi": _django_wsgi,
}
ASGI: dict[str, Callable[[Any], Any]] = ASGI_APPS | {
    "fastapi-client": lambda endpoint: TestClient(fastapi_app(endpoint)),
    "starlette-client": lambda endpoint: TestClient(starlette_app(endpoint)),
}
TARGETS = WSGI | ASGI | {"lambda": plain_lambda}
CATCHES = {"django-wsgi", "django-asgi"}
"""Targets that answer with a 500 when the application raises; no test client is in between."""


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest, seen: Seen) -> Iterator[Any]:
    target = TARGETS[request.param](seen.endpoint())
    yield target
    if hasattr(target, "close") and not isinstance(target, TestClient):
        target.close()


@pytest.mark.parametrize("kind", TARGETS)
def test_every_target_gives_the_reply_of_its_endpoint(kind: str, seen: Seen) -> None:
    now = time.time()  # One clock for both, as the replies say how old a delivery is.
    verifier = Verifier(SECRET, clock=lambda: now)
    expected = Seen()
    endpoint = expected.endpoint(verifier)
    target = TARGETS[kind](seen.endpoint(verifier))
    request = signed_request(sample("user.created"), secret=SECRET)
    failing = signed_request(sample("user.deleted"), secret=SECRET)
    for each in (request, request.retry(), request.old(), request.forged(), failing):
        assert same(deliver(target, each)) == same(deliver(endpoint, each))
    assert seen == expected == ["user.created", "user.created", "user.deleted"]


def test_an_event_is_signed_with_the_secret_that_is_passed(
    seen: Seen, no_secret_in_environment: None
) -> None:
    endpoint = seen.endpoint()
    other = "whsec_" + 32 * "A"
    assert deliver(endpoint, sample(UserCreated)).status == 200
    assert deliver(endpoint, sample(UserCreated), secret=SECRET).status == 200
    assert deliver(endpoint, sample(UserCreated), secret=other).status == 400
    assert deliver(endpoint, {"type": "user.created", "data": {"id": "user_1"}}).status == 200
    assert deliver(endpoint, b'{"type": "invoice.paid"}').status == 200
    with pytest.raises(SecretError):
        deliver(endpoint, sample(UserCreated), secret="sk_test_x")


@pytest.mark.parametrize("kind", TARGETS)
def test_the_path_may_be_another(kind: str, seen: Seen) -> None:
    target = TARGETS[kind](seen.endpoint())
    assert deliver(target, sample("user.created"), path="/nowhere").status == 404
    assert deliver(target, sample("user.created"), path=f"{PATH}?a=1").status == 200


@pytest.mark.parametrize("kind", [kind for kind in TARGETS if kind not in CATCHES])
def test_what_an_application_raises_comes_out(kind: str, seen: Seen) -> None:
    target = TARGETS[kind](seen.endpoint())
    with pytest.raises(LookupError, match="broken"):
        deliver(target, sample("user.created"), path="/breaks")


@pytest.mark.parametrize("kind", ASGI)
def test_an_asgi_application_answers_under_a_running_loop_too(kind: str, seen: Seen) -> None:
    target = TARGETS[kind](seen.endpoint())

    async def call(path: str) -> Reply:
        return deliver(target, sample("user.created"), path=path)

    assert asyncio.run(call(PATH)).status == 200
    if kind not in CATCHES:
        with pytest.raises(LookupError, match="broken"):
            asyncio.run(call("/breaks"))


def test_a_redirect_is_not_followed_as_svix_does_not_follow_it(seen: Seen) -> None:
    from starlette.applications import Starlette
    from starlette.responses import RedirectResponse
    from starlette.routing import Route

    async def redirect(request: Any) -> RedirectResponse:
        return RedirectResponse("/elsewhere")

    app = Starlette(routes=[Route(PATH, redirect, methods=["POST"])])
    for target in (app, TestClient(app)):
        reply = deliver(target, sample("user.created"))
        assert (reply.status, reply.headers["location"]) == (307, "/elsewhere")


@pytest.mark.parametrize("target", [None, 5, "app", object(), {}])
def test_what_is_no_application_is_refused(target: object) -> None:
    with pytest.raises(InputTypeError, match=f"not {type(target).__name__}$"):
        deliver(target, sample("user.created"))


def test_an_async_client_is_refused_with_the_function_that_takes_it() -> None:
    from django.test import AsyncClient

    use_django(Seen().endpoint())
    for client in (httpx.AsyncClient(base_url="http://testserver"), AsyncClient()):
        with pytest.raises(
            InputTypeError, match=r"AsyncClient is .* write `await adeliver\(...\)`$"
        ):
            deliver(client, sample("user.created"))


def test_an_application_that_does_not_answer_is_an_error() -> None:
    async def silent(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    async def half(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    def mute(environ: Any, start_response: Any) -> list[bytes]:
        return []

    for app in (silent, half, mute):
        with pytest.raises(InputTypeError, match="did not answer"):
            deliver(app, sample("user.created"))


def test_a_wsgi_application_gets_what_the_standard_asks_for_and_is_closed() -> None:
    from wsgiref.validate import validator

    closed: list[bool] = []

    class Body(list[bytes]):
        def close(self) -> None:
            closed.append(True)

    def application(environ: Any, start_response: Any) -> Body:
        assert environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        write = start_response("200 OK", [("X-Name", "value"), ("Content-Type", "text/plain")])
        write(b"a")
        return Body([b"b", b"c"])

    reply = deliver(validator(application), sample("user.created"))
    assert reply == Reply(200, b"abc", {"x-name": "value", "content-type": "text/plain"})
    assert closed == [True]


def test_a_handler_that_waits_for_the_end_of_the_request_sees_it_after_the_answer() -> None:
    async def patient(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})
        assert (await receive())["type"] == "http.disconnect"

    assert deliver(patient, sample("user.created")).status == 204
