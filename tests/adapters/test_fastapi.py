"""The FastAPI adapter inside an app: prefixes, middleware, dependencies, and the OpenAPI page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from inspect import signature
from traceback import TracebackException
from typing import Annotated, Any

import pytest

pytest.importorskip("fastapi")

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel, TypeAdapter
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse, Response

from clerk_hooks import (
    ClerkHooksError,
    Delivery,
    Endpoint,
    MalformedRequest,
    MethodNotAllowed,
    NoMatchingSignature,
    Reply,
    RequestTooLarge,
    Router,
    Verifier,
)
from clerk_hooks.adapters.fastapi import VerifiedDelivery, clerk_router
from clerk_hooks.event_types import EVENT_TYPES
from clerk_hooks.events import AnyEvent

from .application import SECRET, payload, signed
from .asgi_client import ask
from .servers import Answer

BODY = payload("invoice.paid")
PATH = "/webhooks/clerk"
READ_BEFORE = MalformedRequest(
    "the body was read before this adapter: by a middleware, or `request.data`"
)
VERIFIED = VerifiedDelivery(Verifier(SECRET))
SMALL = VerifiedDelivery(Verifier(SECRET), max_body=10)


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


def refusal(error: ClerkHooksError) -> Answer:
    return Answer.of(Reply.for_error(error))


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
        await eat_body(request)
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


class User(BaseModel):
    """A model of the app's own, with the name of one of ours."""

    name: str


def build_page(*routers: APIRouter) -> Any:
    """The OpenAPI page of an app with a route of its own and these routers."""
    app = FastAPI()

    @app.put("/users")
    def update(user: User) -> User:
        return user

    for number, router in enumerate(routers):
        app.include_router(router, prefix=f"/{number}")
    return json.loads(ask(app, "/openapi.json", method="GET").body)


class TestTheOpenAPIPage:
    """What it says of the route: nothing, unless the app asks for it."""

    @pytest.fixture(scope="module")
    @staticmethod
    def page() -> Any:
        """The page of an app with two endpoints on it; building it takes most of a second."""
        endpoints = [Endpoint(Router(), secret=SECRET) for _ in range(2)]
        return build_page(*[clerk_router(each, include_in_schema=True) for each in endpoints])

    def test_it_is_the_apps_own_page(self, endpoint: Endpoint) -> None:
        assert build_page(clerk_router(endpoint)) == build_page()

    def test_the_apps_own_components_keep_their_names(self, page: Any) -> None:
        own = build_page()["components"]["schemas"]
        others = {k: v for k, v in page["components"]["schemas"].items() if k not in own}
        assert page["components"]["schemas"] == own | others
        assert all(name.startswith("ClerkHooks") for name in others)

    def test_the_body_is_any_event_and_every_reference_resolves(self, page: Any) -> None:
        schemas = page["components"]["schemas"]
        for number in range(2):
            body = page["paths"][f"/{number}{PATH}"]["post"]["requestBody"]
            assert body["required"] is True
            event = {"$ref": "#/components/schemas/ClerkHooksEvent"}
            assert body["content"]["application/json"]["schema"] == event
        choices = [choice["$ref"] for choice in schemas["ClerkHooksEvent"]["anyOf"]]
        names = {choice.removeprefix("#/components/schemas/ClerkHooks") for choice in choices}
        assert names == {name for _, name in EVENT_TYPES.values()} | {"UnknownEvent"}
        references = re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', json.dumps(page))
        assert set(references) <= schemas.keys()

    def test_events_are_described_as_their_models_are(self, page: Any) -> None:
        template = "#/components/schemas/ClerkHooks{model}"
        described = TypeAdapter[Any](AnyEvent).json_schema(ref_template=template)["$defs"]
        for name, schema in described.items():
            found = page["components"]["schemas"][f"ClerkHooks{name}"]
            assert found == without_null_defaults(schema)

    def test_every_status_of_an_error_is_among_the_replies(self, page: Any) -> None:
        replies = set(page["paths"]["/0" + PATH]["post"]["responses"])
        errors = [ClerkHooksError, *ClerkHooksError.__subclasses__()]
        never = {"411"}  # An ASGI server decodes every Transfer-Encoding that it accepts.
        assert replies == {"200"} | {str(error.status) for error in errors} - never

    def test_only_post_is_on_it_and_only_one_spelling_of_the_path(self, page: Any) -> None:
        paths = ["/users", "/0" + PATH, "/1" + PATH]
        assert {path: list(operations) for path, operations in page["paths"].items()} == dict(
            zip(paths, [["put"], ["post"], ["post"]], strict=True)
        )


def without_null_defaults(schema: Any) -> Any:
    """`schema` as FastAPI writes it."""
    if isinstance(schema, list):
        return [without_null_defaults(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {k: without_null_defaults(v) for k, v in schema.items() if v is not None}


def opened() -> Iterator[list[str]]:
    """A dependency of FastAPI's own kind."""
    session: list[str] = []
    yield session
    session.clear()


async def read_body(request: Request) -> bytes:
    """A dependency that reads the body first."""
    return await request.body()


async def eat_body(request: Request) -> int:
    """A dependency that reads the body and keeps nothing, as that of a form does."""
    return sum([len(chunk) async for chunk in request.stream()])


class TestARouteOfOnesOwn:
    """`VerifiedDelivery` as a dependency."""

    @pytest.fixture
    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/own", include_in_schema=False)
        @app.post("/own")
        def own(
            delivery: Annotated[Delivery, Depends(VERIFIED)],
            session: Annotated[list[str], Depends(opened)],
        ) -> list[str]:
            return [*session, delivery.message_id]

        @app.post("/read-first")
        async def read_first(
            body: Annotated[bytes, Depends(read_body)],
            delivery: Annotated[Delivery, Depends(VERIFIED)],
        ) -> bool:
            return body == delivery.payload

        @app.post("/eaten-first")
        async def eaten_first(
            size: Annotated[int, Depends(eat_body)],
            delivery: Annotated[Delivery, Depends(VERIFIED)],
        ) -> int:
            return size

        @app.post("/small")
        async def small(delivery: Annotated[Delivery, Depends(SMALL)]) -> str:
            return delivery.type

        return app

    def test_it_gives_the_delivery_beside_other_dependencies(self, app: FastAPI) -> None:
        body, headers = signed(BODY)
        answer = ask(app, "/own", body, headers)
        assert (answer.status, json.loads(answer.body)) == (200, [headers["svix-id"]])

    def test_a_dependency_that_has_read_the_body_does_no_harm(self, app: FastAPI) -> None:
        assert ask(app, "/read-first", *signed(BODY)).body == b"true"

    def test_a_dependency_that_has_eaten_the_body_makes_a_malformed_request(
        self, app: FastAPI
    ) -> None:
        """A stranger, who needs no signature to get so far, causes no 500."""
        assert ask(app, "/eaten-first", b"a=1") == refusal(READ_BEFORE)

    def test_what_is_refused_gets_the_reply_of_the_error(self, app: FastAPI) -> None:
        body, headers = signed(BODY)
        for _ in range(2):
            assert ask(app, "/own", body + b" ", headers) == refusal(NoMatchingSignature())
            assert ask(app, "/own", method="GET") == refusal(MethodNotAllowed())
            assert ask(app, "/small", body, headers) == refusal(RequestTooLarge())
        without = Endpoint(Router(), secret=SECRET).receive(body, {})
        assert ask(app, "/own", body) == Answer.of(without)

    def test_it_is_an_http_exception_of_which_an_app_may_take_charge(self, app: FastAPI) -> None:
        @app.exception_handler(400)
        async def page(request: Request, error: HTTPException) -> Response:
            return PlainTextResponse(f"page for {error.status_code}", 404)

        body, headers = signed(BODY)
        answer = ask(app, "/own", body + b" ", headers)
        assert (answer.status, answer.body) == (404, b"page for 400")

    def test_what_is_refused_shows_no_payload_to_an_error_tracker(self, app: FastAPI) -> None:
        shown: list[str] = []

        @app.exception_handler(400)
        async def track(request: Request, error: Exception) -> Response:
            trace = TracebackException.from_exception(error, capture_locals=True)
            shown.append("".join(trace.format()))
            return Response()

        ask(app, "/own", payload("user.created", name="Ada"), signed(BODY)[1])
        ask(app, "/eaten-first", payload("user.created", name="Ada"))
        assert len(shown) == 2
        assert not [text for text in shown if "Ada" in text]

    def test_other_exceptions_are_answered_as_before(self, app: FastAPI) -> None:
        @app.get("/gone")
        def gone() -> None:
            raise HTTPException(410, "gone")

        ask(app, "/own")
        assert ask(app, "/gone", method="GET").body == b'{"detail":"gone"}'

    def test_it_adds_nothing_to_the_parameters_of_the_route(self, app: FastAPI) -> None:
        operation = app.openapi()["paths"]["/own"]["post"]
        assert not operation.keys() & {"parameters", "requestBody"}
