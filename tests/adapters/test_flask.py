"""The Flask adapter inside an app: prefixes, hooks, middleware, and views of one's own."""

from __future__ import annotations

from io import BytesIO
from traceback import TracebackException
from typing import Any

import pytest

flask = pytest.importorskip("flask")

from flask import Blueprint, Flask, g, request  # noqa: E402
from flask.cli import routes_command  # noqa: E402
from werkzeug.exceptions import HTTPException  # noqa: E402
from werkzeug.middleware.dispatcher import DispatcherMiddleware  # noqa: E402
from werkzeug.middleware.proxy_fix import ProxyFix  # noqa: E402
from werkzeug.test import Client  # noqa: E402

from clerk_hooks import (  # noqa: E402
    ClerkHooksError,
    Endpoint,
    MalformedRequest,
    MethodNotAllowed,
    NoMatchingSignature,
    Reply,
    RequestTooLarge,
    Router,
    Verifier,
)
from clerk_hooks.adapters.flask import clerk_blueprint, verified_delivery  # noqa: E402

from .application import SECRET, payload, signed  # noqa: E402
from .servers import Answer  # noqa: E402

BODY = payload("invoice.paid")
READ_BEFORE = MalformedRequest(
    "the body was read before this adapter: by a middleware, or `request.data`"
)
METHODS = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"]


@pytest.fixture
def seen() -> list[bytes]:
    """The payloads that the handler has seen."""
    return []


@pytest.fixture
def endpoint(seen: list[bytes]) -> Endpoint:
    router = Router()
    router.on_unknown()(lambda event, delivery: seen.append(delivery.payload))
    return Endpoint(router, secret=SECRET)


@pytest.fixture
def app() -> Flask:
    return Flask(__name__)


def ask(
    app: Any, path: str, body: bytes = b"", headers: Any = None, method: str = "POST"
) -> Answer:
    response = Client(app).open(path, method=method, data=body, headers=headers)
    fields = {name.lower(): value for name, value in response.headers}
    assert len(fields) == len(response.headers)
    return Answer(response.status_code, fields, response.get_data())


def refusal(error: ClerkHooksError) -> Answer:
    return Answer.of(Reply.for_error(error))


@pytest.mark.parametrize("path", ["/webhooks/clerk", "/webhooks/clerk/"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_no_slash_at_the_end_of_the_path_makes_a_redirect(
    app: Flask, endpoint: Endpoint, path: str, slash: str
) -> None:
    app.register_blueprint(clerk_blueprint(endpoint, path))
    answer = ask(app, "/webhooks/clerk" + slash, *signed(BODY))
    assert (answer.status, answer.body) == (200, b'{"outcome":"handled"}')


def test_a_blueprint_takes_the_prefixes_it_is_registered_under(
    app: Flask, endpoint: Endpoint
) -> None:
    parent = Blueprint("parent", __name__, url_prefix="/parent")
    parent.register_blueprint(clerk_blueprint(endpoint, "/clerk"), url_prefix="/child")
    app.register_blueprint(parent)
    app.register_blueprint(clerk_blueprint(endpoint), url_prefix="/other")
    for path in ("/parent/child/clerk", "/other/webhooks/clerk"):
        assert ask(app, path, *signed(BODY)).status == 200
        for method in METHODS:
            assert ask(app, path, method=method).headers["allow"] == "POST"
    assert ask(app, "/webhooks/clerk").status == 404


def test_a_prefix_may_have_parameters(app: Flask, endpoint: Endpoint) -> None:
    app.register_blueprint(clerk_blueprint(endpoint), url_prefix="/<tenant>")
    assert ask(app, "/acme/webhooks/clerk", *signed(BODY)).status == 200


def test_several_endpoints_on_one_app_keep_to_their_own_secrets(
    app: Flask, endpoint: Endpoint
) -> None:
    stranger = Endpoint(Router(), secret=b"another secret than that of the tests".hex())
    app.register_blueprint(clerk_blueprint(endpoint, "/one", name="one"))
    app.register_blueprint(clerk_blueprint(stranger, "/two", name="two"))
    request = signed(BODY)
    assert [ask(app, path, *request).status for path in ("/one", "/two")] == [200, 400]


def test_other_routes_keep_the_methods_that_flask_gives_them(
    app: Flask, endpoint: Endpoint
) -> None:
    app.register_blueprint(clerk_blueprint(endpoint))
    app.add_url_rule("/page", "page", lambda: "page")
    assert ask(app, "/page", method="GET").body == b"page"
    assert ask(app, "/page", method="PURGE").status == 405
    assert ask(app, "/page", method="OPTIONS").status == 200


def test_the_routes_can_be_listed(app: Flask, endpoint: Endpoint) -> None:
    app.register_blueprint(clerk_blueprint(endpoint))
    result = app.test_cli_runner().invoke(routes_command)
    assert (result.exit_code, "clerk.webhook" in result.output) == (0, True)


def test_the_apps_own_error_pages_do_not_replace_a_reply(app: Flask, endpoint: Endpoint) -> None:
    app.register_blueprint(clerk_blueprint(endpoint))
    for status in (400, 404, 405, 413, 422, 500):
        app.register_error_handler(status, lambda error: ("a page", 200))
    app.register_error_handler(HTTPException, lambda error: ("a page", 200))
    app.register_error_handler(Exception, lambda error: ("a page", 200))
    for method in METHODS[2:]:
        assert ask(app, "/webhooks/clerk", method=method) == refusal(MethodNotAllowed())
    forged = signed(BODY)[0] + b" ", signed(BODY)[1]
    assert ask(app, "/webhooks/clerk", *forged) == refusal(NoMatchingSignature())


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_a_hook_that_has_read_the_body_does_no_harm(
    app: Flask, endpoint: Endpoint, seen: list[bytes], content_type: str
) -> None:
    app.before_request(lambda: g.setdefault("body", request.get_data()) and None)
    app.register_blueprint(clerk_blueprint(endpoint))
    body, headers = signed(BODY)
    answer = ask(app, "/webhooks/clerk", body, {**headers, "content-type": content_type})
    assert answer.status == 200
    assert seen == [body]


def test_a_hook_that_has_eaten_the_body_makes_a_malformed_request(
    app: Flask, endpoint: Endpoint
) -> None:
    app.before_request(lambda: request.stream.read() and None)
    app.register_blueprint(clerk_blueprint(endpoint))
    answer = ask(app, "/webhooks/clerk", *signed(BODY))
    assert answer == refusal(READ_BEFORE)


def test_a_hook_that_has_looked_for_a_form_lifts_no_limit(
    app: Flask, endpoint: Endpoint, seen: list[bytes]
) -> None:
    app.before_request(lambda: request.values.get("lang"))
    app.register_blueprint(clerk_blueprint(endpoint))
    body, headers = signed(BODY)
    answer = ask(app, "/webhooks/clerk", body, {**headers, "content-type": "application/json"})
    assert answer.status == 200
    assert seen == [body]

    class Unread(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            pytest.fail("was read")

    huge = {"wsgi.input": Unread(), "CONTENT_LENGTH": str(endpoint.max_body + 1)}
    response = Client(app).open("/webhooks/clerk", method="POST", environ_overrides=huge)
    assert response.status_code == 413


def test_a_proxy_and_a_mount_do_not_change_what_is_signed(
    app: Flask, endpoint: Endpoint, seen: list[bytes]
) -> None:
    app.register_blueprint(clerk_blueprint(endpoint))
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1)  # type: ignore[method-assign]
    mounted = DispatcherMiddleware(Flask("outer"), {"/hooks": app})
    body, headers = signed(BODY)
    forwarded = {
        "x-forwarded-for": "198.51.100.7",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "example.com",
        "x-forwarded-prefix": "/hooks",
    }
    assert ask(mounted, "/hooks/webhooks/clerk", body, headers | forwarded).status == 200
    assert seen == [body]


class TestAViewOfOnesOwn:
    """`verified_delivery` inside a request."""

    @pytest.fixture
    def app(self) -> Flask:
        app = Flask(__name__)
        verifier = Verifier(SECRET)

        @app.route("/own", methods=["GET", "POST"])
        def own() -> dict[str, str]:
            delivery = verified_delivery(verifier)
            assert request.get_data() == delivery.payload
            return {"id": delivery.message_id, "type": delivery.type}

        @app.post("/small")
        def small() -> str:
            return verified_delivery(verifier, max_body=10).type

        return app

    def test_it_gives_the_delivery(self, app: Flask) -> None:
        body, headers = signed(BODY)
        answer = ask(app, "/own", body, headers)
        assert answer.status == 200
        assert headers["svix-id"].encode() in answer.body

    @pytest.mark.parametrize("page", [False, True])
    def test_what_is_refused_gets_the_reply_of_the_error(self, app: Flask, page: bool) -> None:
        if page:
            app.register_error_handler(HTTPException, lambda error: error)
        body, headers = signed(BODY)
        assert ask(app, "/own", body + b" ", headers) == refusal(NoMatchingSignature())
        assert ask(app, "/own", method="GET") == refusal(MethodNotAllowed())
        assert ask(app, "/small", body, headers) == refusal(RequestTooLarge())
        without = Endpoint(Router(), secret=SECRET).receive(body, {})
        assert ask(app, "/own", body) == Answer.of(without)

    @pytest.mark.parametrize("max_body", [10, 1000])
    def test_what_is_refused_shows_no_payload_to_an_error_tracker(
        self, app: Flask, max_body: int
    ) -> None:
        body = payload("user.created", name="Ada")
        _, headers = signed(BODY)
        with (
            app.test_request_context("/own", method="POST", data=body, headers=headers),
            pytest.raises(HTTPException) as raised,
        ):
            verified_delivery(Verifier(SECRET), max_body=max_body)
        trace = TracebackException.from_exception(raised.value, capture_locals=True)
        ours = [frame.locals for frame in trace.stack if "clerk_hooks" in frame.filename]
        assert len(ours) == 1
        assert "Ada" not in str(ours)
        assert (trace.__cause__, trace.__context__) == (None, None)
