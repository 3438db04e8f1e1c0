"""FastAPI's dependencies around the handlers of `clerk_router`: their order, and what they see.

Annotations are evaluated, because old versions of FastAPI do not resolve the text of all of them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from inspect import signature
from traceback import TracebackException
from typing import Annotated, Any

import pytest

pytest.importorskip("fastapi")

from fastapi import APIRouter, Body, Depends, FastAPI, HTTPException, Request

from clerk_hooks import ConfigurationError, Delivery, Endpoint, MemoryStore, Router
from clerk_hooks.adapters.fastapi import Received, clerk_router
from clerk_hooks.events import SessionCreated, UserCreated, UserDeleted, UserUpdated

from .application import SECRET, payload, signed
from .asgi_client import ask, exchange, http_scope
from .servers import Answer

PATH = "/webhooks/clerk"
Steps = list[str]


class Session:
    """What the handlers are to get; it notes what becomes of it."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps

    def __repr__(self) -> str:
        return "<Session>"


@pytest.fixture
def steps() -> Steps:
    """What happened, in its order."""
    return []


@pytest.fixture
def get_session(steps: Steps) -> Callable[[], AsyncIterator[Session]]:
    """A dependency as many apps have it, which commits at its end."""

    async def get_session() -> AsyncIterator[Session]:
        steps.append("open")
        try:
            yield Session(steps)
            steps.append("commit")
        except BaseException as error:
            steps.append(f"roll back: {error}")
            raise
        finally:
            steps.append("close")

    return get_session


@pytest.fixture
def endpoint(steps: Steps) -> Endpoint:
    router = Router()

    @router.on("user.created")
    def add(event: UserCreated, delivery: Delivery) -> None:
        delivery.context_as(Session).steps.append("add")

    @router.on("session.created")
    async def add_async(event: SessionCreated, delivery: Delivery) -> None:
        delivery.context_as(Session).steps.append("add")

    @router.on("user.updated")
    def fail(event: UserUpdated) -> None:
        steps.append("fail")
        raise RuntimeError("half done")

    @router.on("user.deleted")
    def take_anything(event: UserDeleted, delivery: Delivery) -> None:
        steps.append(repr(delivery.context))

    return Endpoint(router, secret=SECRET)


def app_of(endpoint: Endpoint, **settings: Any) -> FastAPI:
    app = FastAPI()
    app.include_router(clerk_router(endpoint, **settings))
    return app


def deliver(app: FastAPI, event_type: str = "user.created", path: str = PATH) -> Answer:
    return ask(app, path, *signed(payload(event_type)))


def forge(app: FastAPI) -> Answer:
    body, headers = signed(payload("user.created"))
    return ask(app, PATH, body + b" ", headers)


def outcome(app: FastAPI, event_type: str = "user.created") -> int:
    """The status of an answer; 500 for an error that reaches the server, which says so then."""
    try:
        return deliver(app, event_type).status
    except Exception:
        return 500


@pytest.mark.parametrize("event_type", ["user.created", "session.created"])
def test_handlers_get_the_value_of_the_context(
    endpoint: Endpoint, get_session: Any, steps: Steps, event_type: str
) -> None:
    answer = deliver(app_of(endpoint, context=get_session), event_type)
    assert (answer.status, answer.body) == (200, b'{"outcome":"handled"}')
    assert steps == ["open", "add", "commit", "close"]


class Service:
    """A dependency that is a class, and has a dependency itself."""

    def __init__(self, request: Request) -> None:
        self.path = request.url.path

    def __repr__(self) -> str:
        return f"service of {self.path}"


def generate() -> Iterator[str]:
    yield "generated"


async def await_it() -> str:
    return "awaited"


def depend(name: Annotated[str, Depends(await_it)]) -> list[str]:
    return [name]


@pytest.mark.parametrize(
    ("context", "value"),
    [
        (Service, f"service of {PATH}"),
        (generate, "'generated'"),
        (await_it, "'awaited'"),
        (depend, "['awaited']"),
        (lambda: None, "None"),
    ],
)
def test_any_dependency_of_fastapi_can_be_the_context(
    endpoint: Endpoint, steps: Steps, context: Any, value: str
) -> None:
    assert deliver(app_of(endpoint, context=context), "user.deleted").status == 200
    assert steps == [value]


def test_a_refused_request_meets_no_dependency(
    endpoint: Endpoint, get_session: Any, steps: Steps
) -> None:
    def limit() -> None:
        steps.append("limit")

    app = app_of(endpoint, context=get_session, dependencies=[Depends(limit)])
    plain = app_of(endpoint)
    assert forge(app) == forge(plain)
    assert ask(app, PATH, method="GET") == ask(plain, PATH, method="GET")
    too_large = b" " * (endpoint.max_body + 1)
    assert ask(app, PATH, too_large) == ask(plain, PATH, too_large)
    assert ask(app, PATH) == ask(plain, PATH)
    assert steps == []


def test_a_broken_dependency_is_a_500_to_clerk_and_a_400_to_strangers(endpoint: Endpoint) -> None:
    def broken() -> None:
        raise ConnectionError("the database is away")

    for settings in ({"context": broken}, {"dependencies": [Depends(broken)]}):
        app = app_of(endpoint, **settings)  # type: ignore[arg-type]
        with pytest.raises(ConnectionError):
            deliver(app)
        assert forge(app).status == 400


def test_a_failing_handler_rolls_back(endpoint: Endpoint, get_session: Any, steps: Steps) -> None:
    answer = deliver(app_of(endpoint, context=get_session), "user.updated")
    assert answer == deliver(app_of(endpoint), "user.updated")
    rolled_back = 'roll back: 500 {"error":"handler_failed"}'
    assert steps == ["open", "fail", rolled_back, "close", "fail"]


def test_dependencies_run_between_verification_and_context(
    endpoint: Endpoint, get_session: Any, steps: Steps
) -> None:
    def first() -> Iterator[None]:
        steps.append("first")
        yield
        steps.append("last")

    def limit() -> None:
        steps.append("limit")

    settings = {"dependencies": [Depends(first), Depends(limit)], "context": get_session}
    assert deliver(app_of(endpoint, **settings)).status == 200
    assert steps == ["first", "limit", "open", "add", "commit", "close", "last"]


def test_a_rate_limiter_ends_the_request_in_its_own_way(
    endpoint: Endpoint, get_session: Any, steps: Steps
) -> None:
    def limit(request: Request) -> None:
        raise HTTPException(429, "slow down", {"retry-after": "60"})

    app = app_of(endpoint, dependencies=[Depends(limit)], context=get_session)
    answer = deliver(app)
    assert (answer.status, answer.headers["retry-after"]) == (429, "60")
    assert steps == []


def test_dependencies_need_no_context(endpoint: Endpoint, steps: Steps) -> None:
    def limit() -> None:
        steps.append("limit")

    app = app_of(endpoint, dependencies=[Depends(limit)])
    assert deliver(app, "user.deleted").status == 200
    assert steps == ["limit", "None"]


class TestOverrides:
    """`dependency_overrides`, as tests of apps use them."""

    def test_they_apply_to_the_context_and_to_what_it_depends_on(
        self, endpoint: Endpoint, steps: Steps
    ) -> None:
        app = app_of(endpoint, context=depend)
        app.dependency_overrides[await_it] = lambda: "overridden"
        deliver(app, "user.deleted")
        app.dependency_overrides[depend] = lambda: "overridden too"
        deliver(app, "user.deleted")
        app.dependency_overrides.clear()
        deliver(app, "user.deleted")
        assert steps == ["['overridden']", "'overridden too'", "['awaited']"]

    def test_they_apply_to_dependencies(self, endpoint: Endpoint, steps: Steps) -> None:
        def limit() -> None:
            raise HTTPException(429)

        app = app_of(endpoint, dependencies=[Depends(limit)])
        app.dependency_overrides[limit] = lambda: None
        assert deliver(app, "user.deleted").status == 200

    def test_they_are_those_of_the_app_that_answers(self, endpoint: Endpoint, steps: Steps) -> None:
        router = clerk_router(endpoint, context=await_it)
        apps = [FastAPI(), FastAPI()]
        for number, app in enumerate(apps):
            app.include_router(router)
            app.dependency_overrides[await_it] = lambda number=number: number
        outer = FastAPI()
        outer.mount("/mounted", apps[0])
        for app, path in ((apps[0], PATH), (apps[1], PATH), (outer, f"/mounted{PATH}")):
            deliver(app, "user.deleted", path)
        assert steps == ["0", "1", "0"]


def test_the_dependencies_of_the_app_and_of_its_routers_are_not_run(
    endpoint: Endpoint, get_session: Any, steps: Steps
) -> None:
    def require_login() -> None:
        raise HTTPException(401)

    login = [Depends(require_login)]
    outer = APIRouter(prefix="/outer", dependencies=login)
    outer.include_router(clerk_router(endpoint, context=get_session), dependencies=login)
    app = FastAPI(dependencies=login)
    app.include_router(outer)
    assert deliver(app, path=f"/outer{PATH}").status == 200


def test_a_dependency_gets_the_parameters_of_the_path(endpoint: Endpoint, steps: Steps) -> None:
    def tenant_of(tenant: str, part: int = 0, q: str = "none") -> str:
        return f"{tenant} {part} {q}"

    router = clerk_router(endpoint, "/{part}/clerk", context=tenant_of)
    app = FastAPI()
    app.include_router(router, prefix="/by-query")
    app.include_router(router, prefix="/{tenant}")
    for path in ("/acme/7/clerk", "/acme/8/clerk/", "/by-query/9/clerk"):
        body, headers = signed(payload("user.deleted"))
        scope = http_scope(path, headers, query_string=b"tenant=queried&q=1")
        message = {"type": "http.request", "body": body}
        assert asyncio.run(exchange(app, scope, message))[0]["status"] == 200
    assert steps == ["'acme 7 1'", "'acme 8 1'", "'queried 9 1'"]


def test_the_context_is_closed_before_the_reply_is_sent(
    endpoint: Endpoint, get_session: Any, steps: Steps
) -> None:
    async def send(message: Any) -> None:
        steps.append(message["type"])

    body, headers = signed(payload("user.created"))
    incoming = [{"type": "http.request", "body": body}]

    async def receive() -> Any:
        return incoming.pop(0)

    app = app_of(endpoint, context=get_session)
    asyncio.run(app(http_scope(PATH, headers), receive, send))
    assert steps[-3:] == ["close", "http.response.start", "http.response.body"]


def commit_in_vain() -> Iterator[None]:
    yield
    raise ConnectionError("the commit failed")


def hush_up() -> Iterator[None]:
    with suppress(Exception):
        yield


def translate() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise HTTPException(418) from error


@pytest.mark.parametrize(
    ("context", "event_type", "status"),
    [
        (commit_in_vain, "user.deleted", 500),
        (commit_in_vain, "user.updated", 500),
        (hush_up, "user.updated", 500),
        (hush_up, "user.deleted", 200),
        (translate, "user.updated", 418),
    ],
)
def test_no_context_makes_a_success_of_a_failure(
    endpoint: Endpoint, context: Any, event_type: str, status: int
) -> None:
    assert outcome(app_of(endpoint, context=context), event_type) == status


def test_a_retry_has_a_context_too_and_runs_what_has_failed(get_session: Any, steps: Steps) -> None:
    router = Router()

    @router.on("user.created")
    async def add(event: UserCreated, delivery: Delivery) -> None:
        delivery.context_as(Session).steps.append("add")
        if steps.count("add") == 1:
            raise RuntimeError

    endpoint = Endpoint(router, secret=SECRET, store=MemoryStore())
    app = app_of(endpoint, context=get_session)
    request = signed(payload("user.created"))
    assert [ask(app, PATH, *request).status for _ in range(3)] == [500, 200, 200]
    assert (steps.count("add"), steps.count("close")) == (2, 3)


def test_the_route_is_otherwise_as_it_is_without_a_context(
    endpoint: Endpoint, get_session: Any
) -> None:
    settings: dict[str, Any] = {"include_in_schema": True}
    app, plain = app_of(endpoint, context=get_session, **settings), app_of(endpoint, **settings)
    assert app.openapi() == plain.openapi()
    for method in ("GET", "PUT", "OPTIONS"):
        assert ask(app, f"{PATH}/", method=method) == ask(plain, f"{PATH}/", method=method)
    if "max_body_size" in signature(FastAPI).parameters:
        small = FastAPI(max_body_size=10)
        small.include_router(clerk_router(endpoint, context=get_session))
        assert deliver(small).status == 200


def test_a_failure_shows_no_payload_to_an_error_tracker(endpoint: Endpoint) -> None:
    shown: list[str] = []

    def track() -> Iterator[Session]:
        try:
            yield Session([])
        except Exception as error:
            trace = TracebackException.from_exception(error, capture_locals=True)
            shown.append("".join(trace.format()))
            raise

    app = app_of(endpoint, dependencies=[Depends(track)], context=track)
    assert ask(app, PATH, *signed(payload("user.updated", name="Ada"))).status == 500
    assert shown
    assert not [text for text in shown if "Ada" in text]


def parsed(event: Annotated[Any, Body()]) -> None: ...


class TestMistakes:
    """They are found when the router is made."""

    @pytest.mark.parametrize(
        "context",
        [Depends(await_it), Annotated[str, Depends(await_it)], "await_it", await_it.__name__],
    )
    def test_a_context_is_a_function(self, endpoint: Endpoint, context: Any) -> None:
        with pytest.raises(ConfigurationError, match="such as get_session"):
            clerk_router(endpoint, context=context)

    def test_dependencies_are_wrapped(self, endpoint: Endpoint) -> None:
        mistakes: list[Any] = [[await_it], [Depends(await_it), await_it], Depends(await_it)]
        for dependencies in mistakes:
            with pytest.raises(ConfigurationError, match=r"Depends\(limit\)"):
                clerk_router(endpoint, dependencies=dependencies)

    def test_no_dependency_declares_a_body(self, endpoint: Endpoint) -> None:
        for settings in ({"context": parsed}, {"dependencies": [Depends(parsed)]}):
            with pytest.raises(ConfigurationError, match="declares a body"):
                clerk_router(endpoint, **settings)  # type: ignore[arg-type]

    def test_an_endpoint_is_needed(self) -> None:
        with pytest.raises(ConfigurationError, match="pass an Endpoint, not Router"):
            clerk_router(Router(), context=await_it)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrapping", [clerk_router, Received])
def test_a_context_beside_a_handoff_is_refused_when_the_app_is_made(
    wrapping: Callable[..., object], get_session: Callable[[], AsyncIterator[Session]]
) -> None:
    endpoint = Endpoint(handoff=lambda delivery: None, secret=SECRET)
    with pytest.raises(ConfigurationError, match="a context cannot go with them"):
        wrapping(endpoint, context=get_session)


@pytest.mark.parametrize("is_refused", [False, True])
def test_dependencies_run_before_a_handoff(steps: Steps, is_refused: bool) -> None:
    def limit() -> None:
        steps.append("limit")
        if is_refused:
            raise HTTPException(429)

    app = FastAPI()
    endpoint = Endpoint(handoff=lambda delivery: steps.append(delivery.type), secret=SECRET)
    app.include_router(clerk_router(endpoint, PATH, dependencies=[Depends(limit)]))
    body, headers = signed(payload("user.created"))
    answer = ask(app, PATH, body, headers)
    assert answer.status == (429 if is_refused else 202)
    assert steps == (["limit"] if is_refused else ["limit", "user.created"])


def test_a_route_of_ones_own_gets_what_was_queued() -> None:
    app, queued = FastAPI(), list[Delivery]()
    received = Received(Endpoint(handoff=queued.append, secret=SECRET))

    @app.post("/own", status_code=202)
    async def own(delivery: Annotated[Delivery, Depends(received)]) -> str:
        return delivery.message_id

    body, headers = signed(payload("user.created"))
    answer = ask(app, "/own", body, headers)
    assert (answer.status, answer.body) == (202, f'"{headers["svix-id"]}"'.encode())
    assert [delivery.payload for delivery in queued] == [body]
