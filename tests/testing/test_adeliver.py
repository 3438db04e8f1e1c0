"""One call that delivers on the running event loop, where the application shares it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx
import pytest

from clerk_hooks import Endpoint, InputTypeError, Reply, SecretError, Verifier
from clerk_hooks.events import UserCreated
from clerk_hooks.testing import SECRET, adeliver, deliver, sample, signed_request

from .applications import (
    ASGI_APPS,
    PATH,
    PlainAsgiApp,
    Seen,
    fastapi_app,
    flask_app,
    plain_lambda,
    plain_wsgi_app,
    same,
    use_django,
)


def _httpx_client(endpoint: Endpoint) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=fastapi_app(endpoint))
    return httpx.AsyncClient(transport=transport, base_url="http://testserver")


def _django_client(endpoint: Endpoint) -> Any:
    use_django(endpoint)
    from django.test import AsyncClient

    return AsyncClient()


TARGETS: dict[str, Callable[[Endpoint], Any]] = ASGI_APPS | {
    "httpx-client": _httpx_client,
    "django-client": _django_client,
}
CATCHES = {"django-asgi"}
"""Targets that answer with a 500 when the application raises; no test client is in between."""

each_target = pytest.mark.parametrize("kind", TARGETS)


@pytest.fixture
def seen() -> Seen:
    return Seen()


@each_target
def test_every_target_gives_the_reply_of_its_endpoint(kind: str, seen: Seen) -> None:
    now = time.time()  # One clock for both, as the replies say how old a delivery is.
    verifier = Verifier(SECRET, clock=lambda: now)
    expected = Seen()
    endpoint = expected.endpoint(verifier)
    target = TARGETS[kind](seen.endpoint(verifier))
    request = signed_request(sample("user.created"), secret=SECRET)
    failing = signed_request(sample("user.deleted"), secret=SECRET)

    async def compare() -> None:
        for each in (request, request.retry(), request.old(), request.forged(), failing):
            assert same(await adeliver(target, each)) == same(await adeliver(endpoint, each))

    asyncio.run(compare())
    assert seen == expected == ["user.created", "user.created", "user.deleted"]


def test_an_event_is_signed_with_the_secret_that_is_passed(
    seen: Seen, no_secret_in_environment: None
) -> None:
    endpoint = seen.endpoint()

    async def statuses() -> list[int]:
        replies = [
            await adeliver(endpoint, sample(UserCreated)),
            await adeliver(endpoint, sample(UserCreated), secret=SECRET),
            await adeliver(endpoint, sample(UserCreated), secret="whsec_" + 32 * "A"),
            await adeliver(endpoint, b'{"type": "invoice.paid"}'),
        ]
        with pytest.raises(SecretError):
            await adeliver(endpoint, sample(UserCreated), secret="sk_test_x")
        return [reply.status for reply in replies]

    assert asyncio.run(statuses()) == [200, 200, 400, 200]


@each_target
def test_the_path_may_be_another(kind: str, seen: Seen) -> None:
    target = TARGETS[kind](seen.endpoint())

    async def status(path: str) -> int:
        return (await adeliver(target, sample("user.created"), path=path)).status

    assert asyncio.run(status("/nowhere")) == 404
    assert asyncio.run(status(f"{PATH}?a=1")) == 200


@pytest.mark.parametrize("kind", [kind for kind in TARGETS if kind not in CATCHES])
def test_what_an_application_raises_comes_out(kind: str, seen: Seen) -> None:
    target = TARGETS[kind](seen.endpoint())
    with pytest.raises(LookupError, match="broken"):
        asyncio.run(adeliver(target, sample("user.created"), path="/breaks"))


@pytest.mark.parametrize("as_client", [False, True])
def test_the_application_shares_the_loop_and_the_context_of_the_test(as_client: bool) -> None:
    tenant: ContextVar[str] = ContextVar("tenant")
    met: list[tuple[asyncio.AbstractEventLoop, str]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        met.append((asyncio.get_running_loop(), tenant.get()))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def test() -> asyncio.AbstractEventLoop:
        tenant.set("a")
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://testserver"
        )
        reply = await adeliver(client if as_client else app, sample("user.created"))
        assert reply.status == 204
        return asyncio.get_running_loop()

    loop = asyncio.run(test())
    assert met == [(loop, "a")]


def test_an_endpoint_runs_its_async_handlers_on_the_loop_of_the_test(seen: Seen) -> None:
    async def test() -> Reply:
        with pytest.raises(Exception, match="running event loop"):
            deliver(seen.endpoint(), sample("user.created"))
        return await adeliver(seen.endpoint(), sample("user.created"))

    assert asyncio.run(test()).status == 200
    assert seen == ["user.created"]


@contextmanager
def served(endpoint: Endpoint) -> Iterator[str]:
    class Quiet(WSGIRequestHandler):
        def log_message(self, *arguments: object) -> None: ...

    with make_server("127.0.0.1", 0, plain_wsgi_app(endpoint), handler_class=Quiet) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_an_async_client_may_speak_to_a_real_server(seen: Seen) -> None:
    async def test(url: str) -> tuple[int, int]:
        async with httpx.AsyncClient(base_url=url) as client:
            request = signed_request(sample("user.created"))
            ours = await adeliver(client, request)
            strangers = await adeliver(client, request.forged())
            return ours.status, strangers.status

    with served(seen.endpoint()) as url:
        assert asyncio.run(test(url)) == (200, 400)
    assert seen == ["user.created"]


def test_a_client_without_a_base_url_needs_a_whole_url(seen: Seen) -> None:
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=fastapi_app(seen.endpoint())))
    with pytest.raises(InputTypeError, match="the client needs a base_url"):
        asyncio.run(adeliver(client, sample("user.created")))
    assert not seen
    url = f"http://testserver{PATH}"
    assert asyncio.run(adeliver(client, sample("user.created"), path=url)).status == 200


def test_a_redirect_is_not_followed_even_by_a_client_that_would() -> None:
    from starlette.applications import Starlette
    from starlette.responses import RedirectResponse
    from starlette.routing import Route

    async def redirect(request: Any) -> RedirectResponse:
        return RedirectResponse("/elsewhere")

    app = Starlette(routes=[Route(PATH, redirect, methods=["POST"])])
    transport = httpx.ASGITransport(app=app)
    client = httpx.AsyncClient(
        transport=transport, base_url="http://testserver", follow_redirects=True
    )
    reply = asyncio.run(adeliver(client, sample("user.created")))
    assert (reply.status, reply.headers["location"]) == (307, "/elsewhere")


SYNC: dict[str, Callable[[Endpoint], Any]] = {
    "Flask": flask_app,
    "FlaskClient": lambda endpoint: flask_app(endpoint).test_client(),
    "Client": lambda endpoint: httpx.Client(
        transport=httpx.WSGITransport(plain_wsgi_app(endpoint)), base_url="http://testserver"
    ),
    "application": plain_wsgi_app,
    "handler": plain_lambda,
}


@pytest.mark.parametrize("name", SYNC)
def test_what_is_synchronous_is_refused_with_the_function_that_takes_it(
    name: str, seen: Seen
) -> None:
    target = SYNC[name](seen.endpoint())
    with pytest.raises(InputTypeError, match=f"^target: {name} is synchronous: call `deliver`, or"):
        asyncio.run(adeliver(target, sample("user.created")))
    assert deliver(target, sample("user.created")).status == 200
    assert seen == ["user.created"]


@pytest.mark.parametrize("target", [None, 5, "app", object(), {}])
def test_what_is_no_application_is_refused(target: object) -> None:
    with pytest.raises(InputTypeError, match=f"not {type(target).__name__}$"):
        asyncio.run(adeliver(target, sample("user.created")))


def test_deliveries_can_overlap(seen: Seen) -> None:
    app = PlainAsgiApp(seen.endpoint())

    async def test() -> list[Reply]:
        return await asyncio.gather(*(adeliver(app, sample("user.created")) for _ in range(5)))

    assert [reply.status for reply in asyncio.run(test())] == 5 * [200]
    assert len(seen) == 5
