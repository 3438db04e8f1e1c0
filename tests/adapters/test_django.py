"""The Django adapter inside a project: its middleware, its settings, and what it cannot do."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("django")

import django
from asgiref.sync import sync_to_async
from django.core.asgi import get_asgi_application
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import include, path, re_path

from clerk_hooks import Delivery, Endpoint, Router
from clerk_hooks.adapters.django import async_clerk_view, clerk_view
from clerk_hooks.testing import SignedRequest, deliver

from .application import SECRET, Request, payload, signed
from .apps.django_app import MIDDLEWARE, set_up
from .servers import TIMEOUT

BODY = payload("invoice.paid")
SEEN: list[bytes] = []
SECURITY = "django.middleware.security.SecurityMiddleware"


def build_endpoint() -> Endpoint:
    router = Router()

    @router.on_unknown("invoice.paid")
    def handler(event: object, delivery: Delivery) -> None:
        SEEN.append(delivery.payload)

    @router.on_unknown("invoice.sent")
    async def ahandler(event: object, delivery: Delivery) -> None:
        await asyncio.wait_for(sync_to_async(SEEN.append)(delivery.payload), TIMEOUT)

    return Endpoint(router, secret=SECRET, max_body=1000)


def eat_body(get_response: Any) -> Any:
    """Middleware that reads the request to its end, as a file."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request.read()
        response: HttpResponse = get_response(request)
        return response

    return middleware


def read_body_first(get_response: Any) -> Any:
    """Middleware that looks at the body in Django's way."""

    def middleware(request: HttpRequest) -> HttpResponse:
        assert request.body is not None
        response: HttpResponse = get_response(request)
        return response

    return middleware


@pytest.fixture(scope="module", autouse=True)
def project() -> None:
    endpoint = build_endpoint()
    hooks = [path("sync", clerk_view(endpoint)), path("async", async_clerk_view(endpoint))]
    set_up(
        [
            path("hooks/", include(hooks)),
            path("hooks/slash/", clerk_view(endpoint)),
            path("tenants/<tenant>/", include(hooks)),
            re_path("^groups/([a-z]+)/", include(hooks)),
            path("hooks/page", lambda request: HttpResponse("a page")),
        ]
    )


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    SEEN.clear()


@pytest.fixture(params=["sync", "async"])
def url(request: pytest.FixtureRequest) -> str:
    return f"/hooks/{request.param}"


def post(url: str, request: Request, **more: Any) -> Any:
    body, headers = request
    client = Client(enforce_csrf_checks=True)
    return client.post(url, body, content_type="application/json", headers=headers, **more)


def word(response: Any) -> tuple[int, str]:
    return response.status_code, response.content.decode().split('"')[3]


@pytest.mark.parametrize("prefix", ["/tenants/acme", "/groups/acme"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_path_may_have_parameters(prefix: str, kind: str) -> None:
    assert post(f"{prefix}/{kind}", signed(payload("invoice.paid"))).status_code == 200


def test_a_view_is_exempt_from_the_csrf_check(url: str) -> None:
    request = signed(BODY)
    assert word(post(url, request)) == (200, "handled")
    assert [request[0]] == SEEN


def test_an_async_view_is_exempt_too_and_answers_an_async_client() -> None:
    body, headers = signed(BODY)
    client = AsyncClient(enforce_csrf_checks=True)
    asking = client.post("/hooks/async", body, content_type="application/json", headers=headers)
    response = asyncio.run(asking)
    assert word(response) == (200, "handled")
    assert [body] == SEEN


def test_in_a_sync_view_under_asgi_an_async_handler_may_wait_for_sync_code() -> None:
    body, headers = signed(payload("invoice.sent"))
    reply = deliver(get_asgi_application(), SignedRequest(body, headers), path="/hooks/sync")
    assert (reply.status, SEEN) == (200, [body])


@pytest.mark.skipif(django.VERSION < (5, 1), reason="LoginRequiredMiddleware is of Django 5.1")
def test_a_view_needs_no_login(url: str) -> None:
    middleware = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    with override_settings(
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
        MIDDLEWARE=middleware,
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    ):
        assert Client().get("/hooks/page").status_code == 302
        assert word(post(url, signed(BODY))) == (200, "handled")


@pytest.mark.parametrize("alias", ["default", "other"])
def test_a_view_is_exempt_from_atomic_requests_of_every_database(
    url: str, alias: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The databases are not there, so that a view in a transaction fails."""
    missing = {"ENGINE": "django.db.backends.dummy", "ATOMIC_REQUESTS": True}
    monkeypatch.setattr(connections, "settings", {alias: missing})
    with pytest.raises(Exception, match=r"settings\.DATABASES|doesn't exist"):
        Client().get("/hooks/page")
    assert word(post(url, signed(BODY))) == (200, "handled")


def test_the_largest_body_is_the_endpoints(url: str) -> None:
    assert word(post(url, signed(b" " * 1001))) == (413, "too_large")


def test_the_limit_of_django_is_answered_by_the_endpoint(url: str) -> None:
    with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=10):
        assert word(post(url, signed(BODY))) == (413, "too_large")


@pytest.mark.parametrize("length", ["abc", "-1", "1.0", "9" * 5000])
def test_a_length_that_is_none_or_huge_is_refused(url: str, length: str) -> None:
    response = post(url, signed(BODY), CONTENT_LENGTH=length)
    assert word(response)[0] in (400, 413)


def test_middleware_that_has_read_the_body_does_no_harm(url: str) -> None:
    with override_settings(MIDDLEWARE=[f"{__name__}.read_body_first", *MIDDLEWARE]):
        assert word(post(url, signed(BODY))) == (200, "handled")


def test_middleware_that_has_eaten_the_body_makes_a_malformed_request(url: str) -> None:
    with override_settings(MIDDLEWARE=[f"{__name__}.eat_body", *MIDDLEWARE]):
        response = post(url, signed(BODY))
    assert word(response) == (400, "malformed_request")
    assert "the body was read before this adapter" in response.json()["message"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "PURGE"])
def test_no_method_has_a_page_of_djangos_own(url: str, method: str) -> None:
    response = Client().generic(method, url)
    assert (response.status_code, response["allow"]) == (405, "POST")


@pytest.mark.parametrize("method", ["post", "Post"])
def test_a_method_is_post_in_capitals_alone(url: str, method: str) -> None:
    """Django writes all methods in capitals; HTTP has them case-sensitive (RFC 9110, 9.1)."""
    body, headers = signed(BODY)
    environ = {"HTTP_" + name.upper().replace("-", "_"): v for name, v in headers.items()}
    response = Client().generic(
        "POST", url, body, "application/json", REQUEST_METHOD=method, **environ
    )
    assert response.status_code == 405


def test_append_slash_redirects_where_the_url_has_a_slash_more_which_svix_does_not_follow() -> None:
    response = post("/hooks/slash", signed(BODY))
    assert (response.status_code, response["location"]) == (301, "/hooks/slash/")
    assert word(post("/hooks/slash/", signed(BODY))) == (200, "handled")


def test_append_slash_raises_instead_of_redirecting_while_django_is_debugged() -> None:
    with (
        override_settings(DEBUG=True),
        pytest.raises(RuntimeError, match="the URL doesn't end in a slash"),
    ):
        post("/hooks/slash", signed(BODY))


def test_behind_a_proxy_that_ends_tls_django_must_be_told_or_it_redirects(url: str) -> None:
    secure = {"MIDDLEWARE": [SECURITY, *MIDDLEWARE], "SECURE_SSL_REDIRECT": True}
    with override_settings(**secure):
        assert post(url, signed(BODY), HTTP_X_FORWARDED_PROTO="https").status_code == 301
        with override_settings(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https")):
            response = post(url, signed(BODY), HTTP_X_FORWARDED_PROTO="https")
            assert word(response) == (200, "handled")


def test_a_host_that_is_not_allowed_is_refused_by_django_itself(url: str) -> None:
    response = post(url, signed(BODY), HTTP_HOST="elsewhere.example")
    assert response.status_code == 400
    assert b"outcome" not in response.content


def test_gzip_of_replies_does_not_touch_the_request(url: str) -> None:
    gzip = "django.middleware.gzip.GZipMiddleware"
    with override_settings(MIDDLEWARE=[gzip, *MIDDLEWARE]):
        response = post(url, signed(BODY), HTTP_ACCEPT_ENCODING="gzip")
    assert word(response) == (200, "handled")
