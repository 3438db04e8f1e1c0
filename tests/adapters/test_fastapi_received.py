"""`Received` in routes of an app's own: nothing that such a route does hides a failed handler.

Annotations are evaluated, because old versions of FastAPI do not resolve the text of all of them.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from inspect import signature
from traceback import TracebackException
from typing import Annotated, Any

import pytest

pytest.importorskip("fastapi")

from fastapi import (
    APIRouter,
    BackgroundTasks,
    Depends,
    FastAPI,
    HTTPException,
    Request,
    Response,
    Security,
)
from fastapi.responses import JSONResponse, StreamingResponse

from clerk_hooks import ConfigurationError, Delivery, Endpoint, MemoryStore, Router
from clerk_hooks.adapters.fastapi import Received, VerifiedDelivery
from clerk_hooks.stores.sqlite import SQLiteStore

from .application import SECRET, build_router, payload, signed
from .asgi_client import ask
from .servers import Answer

PATH = "/clerk"
Seen = list[str]
DeliveryOf = Callable[..., Any]


@pytest.fixture
def endpoint(tmp_path: Any) -> Endpoint:
    """With a handler for each way in which a delivery can end."""
    return Endpoint(build_router(tmp_path), secret=SECRET, store=MemoryStore(), max_body=1000)


@pytest.fixture
def seen() -> Seen:
    """What the routes did."""
    return []


def deliver(app: FastAPI, event_type: str = "user.created", **data: Any) -> Answer:
    return ask(app, PATH, *signed(payload(event_type, **data)))


def app_with(received: Received, seen: Seen) -> FastAPI:
    app = FastAPI()

    @app.post(PATH)
    def receive(delivery: Annotated[Delivery, Depends(received)]) -> str:
        seen.append(delivery.type)
        return delivery.message_id

    return app


class TestItsValue:
    """The delivery, once its handlers have succeeded."""

    def test_it_is_the_delivery_whether_handled_now_before_or_by_nobody(
        self, endpoint: Endpoint, seen: Seen
    ) -> None:
        app = app_with(Received(endpoint), seen)
        body, headers = signed(payload("user.created"))
        for _ in range(2):  # The second one is a duplicate.
            answer = ask(app, PATH, body, headers)
            assert (answer.status, answer.body) == (200, f'"{headers["svix-id"]}"'.encode())
        assert deliver(app, "organization.created").status == 200
        assert seen == ["user.created", "user.created", "organization.created"]

    def test_it_has_the_context_that_the_handlers_got(self) -> None:
        router = Router()
        contexts: list[object] = []

        @router.on("user.created")
        def handler(event: object, delivery: Delivery) -> None:
            contexts.append(delivery.context_as(dict))

        def context() -> Iterator[dict[str, str]]:
            yield {"tenant": "acme"}

        app = FastAPI()
        received = Received(Endpoint(router, secret=SECRET), context=context)

        @app.post(PATH)
        async def receive(delivery: Annotated[Delivery, Depends(received)]) -> Any:
            contexts.append(delivery.context)
            return delivery.context

        assert deliver(app).body == b'{"tenant":"acme"}'
        assert contexts[0] is contexts[1]

    def test_a_route_that_fails_afterwards_is_called_again(
        self, endpoint: Endpoint, seen: Seen
    ) -> None:
        app = FastAPI()

        @app.post(PATH)
        def receive(delivery: Annotated[Delivery, Depends(Received(endpoint))]) -> None:
            seen.append(delivery.type)
            if len(seen) == 1:
                raise HTTPException(503)

        request = signed(payload("user.created"))
        assert [ask(app, PATH, *request).status for _ in range(2)] == [503, 200]


REFUSALS = {
    "fails": (500, lambda: signed(payload("user.updated"))),
    "aborts": (422, lambda: signed(payload("user.deleted"))),
    "unreadable": (422, lambda: signed(b"{}")),
    "forged": (400, lambda: (payload("user.created"), signed(payload("user.updated"))[1])),
    "unsigned": (400, lambda: (b"{}", {})),
    "too large": (413, lambda: signed(payload("user.created").ljust(2000))),
}


def use_plainly(app: FastAPI, received: Received, seen: Seen) -> None:
    @app.post(PATH)
    def receive(delivery: Annotated[Delivery, Depends(received)]) -> None:
        seen.append("route")


def use_with_status_and_model(app: FastAPI, received: Received, seen: Seen) -> None:
    @app.post(PATH, status_code=202, response_model=dict[str, str])
    async def receive(response: Response, delivery: Annotated[Any, Depends(received)]) -> Any:
        seen.append("route")
        response.status_code = 204
        return {}


def use_in_the_decorator_only(app: FastAPI, received: Received, seen: Seen) -> None:
    @app.post(PATH, dependencies=[Depends(received)])
    def receive() -> None:
        seen.append("route")


def use_in_a_router(app: FastAPI, received: Received, seen: Seen) -> None:
    router = APIRouter(dependencies=[Depends(received)])

    @router.post(PATH)
    def receive() -> None:
        seen.append("route")

    app.include_router(router)


def use_for_the_whole_app(app: FastAPI, received: Received, seen: Seen) -> None:
    app.router.dependencies.append(Depends(received))

    @app.post(PATH)
    def receive() -> None:
        seen.append("route")


def use_in_a_sub_dependency(app: FastAPI, received: Received, seen: Seen) -> None:
    def type_of(delivery: Annotated[Delivery, Depends(received)]) -> str:
        seen.append("sub-dependency")
        return delivery.type

    @app.post(PATH)
    def receive(event_type: Annotated[str, Depends(type_of)]) -> None:
        seen.append("route")


def use_without_cache(app: FastAPI, received: Received, seen: Seen) -> None:
    @app.post(PATH, dependencies=[Depends(received, use_cache=False)])
    def receive(
        one: Annotated[Delivery, Depends(received, use_cache=False)],
        two: Annotated[Delivery, Depends(received)],
    ) -> None:
        seen.append("route")


def use_with_a_default(app: FastAPI, received: Received, seen: Seen) -> None:
    @app.post(PATH)
    def receive(delivery: Delivery = Depends(received)) -> None:  # noqa: B008 - FastAPI's old form
        seen.append("route")


def use_in_a_stream(app: FastAPI, received: Received, seen: Seen) -> None:
    @app.post(PATH)
    def receive(delivery: Annotated[Delivery, Depends(received)]) -> StreamingResponse:
        seen.append("route")
        return StreamingResponse(iter(["streamed"]))


def use_beside_background_tasks(app: FastAPI, received: Received, seen: Seen) -> None:
    def schedule(tasks: BackgroundTasks) -> None:
        tasks.add_task(seen.append, "task")

    @app.post(PATH, dependencies=[Depends(schedule)])
    def receive(delivery: Annotated[Delivery, Depends(received)], tasks: BackgroundTasks) -> None:
        tasks.add_task(seen.append, "task")


def use_beside_handlers_of_exceptions(app: FastAPI, received: Received, seen: Seen) -> None:
    async def answer(request: Request, error: Exception) -> Response:
        seen.append("handler of exceptions")
        return JSONResponse({"error": str(error)})  # With 200, as many apps do it.

    for key in (400, 413, 422, 500, HTTPException, Exception):
        app.add_exception_handler(key, answer)
    use_plainly(app, received, seen)


def use_in_a_mounted_app(app: FastAPI, received: Received, seen: Seen) -> None:
    inner = FastAPI()
    use_beside_handlers_of_exceptions(inner, received, seen)
    app.mount("", inner)


USES = [value for name, value in globals().items() if name.startswith("use_")]


@pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__)
@pytest.mark.parametrize("name", REFUSALS)
def test_a_route_does_not_run_and_the_reply_is_that_of_the_endpoint(
    endpoint: Endpoint, seen: Seen, use: Any, name: str
) -> None:
    status, request = REFUSALS[name]
    app = FastAPI()
    use(app, Received(endpoint), seen)
    body, headers = request()
    answer = ask(app, PATH, body, headers)
    if status == 413:  # The reply to a body that is too large is the adapter's.
        assert answer.status == 413
    else:
        assert answer == Answer.of(endpoint.receive(body, headers))
    assert answer.status == status
    assert seen == []


@pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__)
def test_a_genuine_delivery_is_handled_once_however_it_is_used(
    seen: Seen, use: Any, tmp_path: Any
) -> None:
    endpoint = Endpoint(build_router(tmp_path), secret=SECRET)  # No store: twice would be twice.
    app = FastAPI()
    use(app, Received(endpoint), seen)
    body, headers = signed(payload("user.created"))
    assert ask(app, PATH, body, headers).status in (200, 204)
    assert (tmp_path / headers["svix-id"]).read_bytes() == body
    assert seen != []


def test_a_store_that_is_down_is_a_503(tmp_path: Any, seen: Seen) -> None:
    endpoint = Endpoint(build_router(tmp_path), secret=SECRET, store=SQLiteStore(tmp_path))
    assert deliver(app_with(Received(endpoint), seen)).status == 503
    assert seen == []


def hush_up() -> Iterator[None]:
    with suppress(Exception):
        yield


async def hush_up_async() -> AsyncIterator[None]:
    with suppress(Exception):
        yield


@pytest.mark.parametrize("before", [hush_up, hush_up_async])
def test_a_dependency_that_hushes_a_failure_up_makes_no_success_of_it(
    endpoint: Endpoint, before: Any
) -> None:
    app = FastAPI()

    @app.post(PATH)
    def receive(
        before: Annotated[None, Depends(before)],
        delivery: Annotated[Delivery, Depends(Received(endpoint))],
    ) -> None: ...

    assert deliver(app).status == 200
    with pytest.raises(Exception, match=r".*"):  # FastAPI's own, and so a 500.
        deliver(app, "user.updated")


def test_what_is_raised_shows_no_payload_to_an_error_tracker(endpoint: Endpoint) -> None:
    shown: list[str] = []

    def track() -> Iterator[None]:
        try:
            yield
        except Exception as error:
            trace = TracebackException.from_exception(error, capture_locals=True)
            shown.append("".join(trace.format()))
            raise

    app = FastAPI()

    @app.post(PATH, dependencies=[Depends(track), Depends(Received(endpoint, context=track))])
    def receive() -> None: ...

    assert deliver(app, "user.updated", name="Ada").status == 500
    assert ask(app, PATH, payload("user.updated", name="Ada"), signed(b"")[1]).status == 400
    assert len(shown) >= 2
    assert not [text for text in shown if "Ada" in text]


class TestSeveralOnOneRoute:
    """They share what they can, and verify the same bytes."""

    def test_equal_ones_run_once(self, tmp_path: Any) -> None:
        endpoint = Endpoint(build_router(tmp_path), secret=SECRET)
        assert Received(endpoint) == Received(endpoint)
        assert Received(endpoint) != Received(endpoint, context=hush_up)
        assert Received(endpoint) != "another thing"
        app = FastAPI()

        @app.post(PATH, dependencies=[Depends(Received(endpoint))])
        def receive(
            one: Annotated[Delivery, Depends(Received(endpoint))],
            two: Annotated[Delivery, Security(Received(endpoint), scopes=["webhook"])],
        ) -> bool:
            return one == two

        body, headers = signed(payload("user.created"))
        answer = ask(app, PATH, body, headers)
        assert (answer.status, answer.body) == (200, b"true")
        assert (tmp_path / headers["svix-id"]).read_bytes() == body

    def test_one_in_another_dependency_of_security_runs_once(self, tmp_path: Any) -> None:
        endpoint = Endpoint(build_router(tmp_path), secret=SECRET)

        def user(delivery: Annotated[Delivery, Depends(Received(endpoint))]) -> str:
            return delivery.message_id

        app = FastAPI()

        @app.post(PATH)
        def receive(
            one: Annotated[str, Security(user, scopes=["a"])],
            two: Annotated[str, Security(user, scopes=["b"])],
        ) -> bool:
            return one == two

        body, headers = signed(payload("user.created"))
        assert ask(app, PATH, body, headers).status == 200
        assert (tmp_path / headers["svix-id"]).read_bytes() == body


class TestItsContext:
    """A dependency that is open while the handlers run."""

    def test_a_refused_request_opens_nothing(self, endpoint: Endpoint, seen: Seen) -> None:
        def context() -> None:
            seen.append("opened")

        app = app_with(Received(endpoint, context=context), seen)
        for body, headers in (REFUSALS["forged"][1](), REFUSALS["too large"][1]()):
            assert ask(app, PATH, body, headers).status in (400, 413)
        assert seen == []

    def test_it_sees_the_failure_of_a_handler(self, endpoint: Endpoint, seen: Seen) -> None:
        def context() -> Iterator[None]:
            try:
                yield
                seen.append("commit")
            except Exception:
                seen.append("roll back")
                raise

        app = app_with(Received(endpoint, context=context), seen)
        assert deliver(app, "user.updated").status == 500
        assert seen == ["roll back"]
        assert deliver(app).status == 200
        assert seen == ["roll back", "user.created", "commit"]

    def test_it_can_be_overridden(self, endpoint: Endpoint, seen: Seen) -> None:
        def context() -> None:
            raise ConnectionError

        app = app_with(Received(endpoint, context=context), seen)
        app.dependency_overrides[context] = lambda: seen.append("overridden")
        assert deliver(app).status == 200
        assert seen == ["overridden", "user.created"]

    def test_a_route_can_ask_for_the_same_value(self, endpoint: Endpoint) -> None:
        def context() -> Iterator[object]:
            yield object()

        has_scopes = "scope" in signature(Depends).parameters
        settings: dict[str, Any] = {"scope": "function"} if has_scopes else {}
        app = FastAPI()

        @app.post(PATH)
        def receive(
            delivery: Annotated[Delivery, Depends(Received(endpoint, context=context))],
            same: Annotated[object, Depends(context, **settings)],
        ) -> bool:
            return delivery.context is same

        assert deliver(app).body == b"true"


def test_a_test_may_replace_it_by_an_equal_one(endpoint: Endpoint, seen: Seen) -> None:
    app = app_with(Received(endpoint), seen)
    app.dependency_overrides[Received(endpoint)] = lambda: Delivery("msg_1", 1, b'{"type":"x"}')
    assert ask(app, PATH).body == b'"msg_1"'


def test_it_adds_nothing_to_the_openapi_page_of_the_app(endpoint: Endpoint, seen: Seen) -> None:
    def plain() -> None: ...

    received, without = FastAPI(), FastAPI()
    for app, dependency in ((received, Received(endpoint)), (without, plain)):

        @app.post(PATH, dependencies=[Depends(dependency)])
        def receive() -> None: ...

    assert received.openapi() == without.openapi()


@pytest.mark.parametrize("other", [VerifiedDelivery, Router, dict])
def test_it_takes_an_endpoint(other: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"pass an Endpoint, not {type(other).__name__}"):
        Received(other)
