"""`VerifiedDelivery`, a dependency of an app's own route, which verifies and runs nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from traceback import TracebackException
from typing import Annotated

import pytest

pytest.importorskip("fastapi")

from fastapi import Depends, FastAPI, HTTPException, Request
from starlette.responses import PlainTextResponse, Response

from clerk_hooks import (
    Delivery,
    Endpoint,
    MethodNotAllowed,
    NoMatchingSignature,
    RequestTooLarge,
    Router,
    Verifier,
)
from clerk_hooks.adapters.fastapi import VerifiedDelivery

from .application import SECRET, payload, signed
from .asgi_client import READ_BEFORE, ask, refusal
from .servers import Answer

BODY = payload("invoice.paid")
VERIFIED = VerifiedDelivery(Verifier(SECRET))
SMALL = VerifiedDelivery(Verifier(SECRET), max_body=10)


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


@pytest.fixture
def app() -> FastAPI:
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


def test_it_gives_the_delivery_beside_other_dependencies(app: FastAPI) -> None:
    body, headers = signed(BODY)
    answer = ask(app, "/own", body, headers)
    assert (answer.status, json.loads(answer.body)) == (200, [headers["svix-id"]])


def test_a_dependency_that_has_read_the_body_does_no_harm(app: FastAPI) -> None:
    assert ask(app, "/read-first", *signed(BODY)).body == b"true"


def test_a_dependency_that_has_eaten_the_body_makes_a_malformed_request(app: FastAPI) -> None:
    """A stranger, who needs no signature to get so far, causes no 500."""
    assert ask(app, "/eaten-first", b"a=1") == refusal(READ_BEFORE)


def test_what_is_refused_gets_the_reply_of_the_error(app: FastAPI) -> None:
    body, headers = signed(BODY)
    for _ in range(2):
        assert ask(app, "/own", body + b" ", headers) == refusal(NoMatchingSignature())
        assert ask(app, "/own", method="GET") == refusal(MethodNotAllowed())
        assert ask(app, "/small", body, headers) == refusal(RequestTooLarge())
    without = Endpoint(Router(), secret=SECRET).receive(body, {})
    assert ask(app, "/own", body) == Answer.of(without)


def test_it_is_an_http_exception_of_which_an_app_may_take_charge(app: FastAPI) -> None:
    @app.exception_handler(400)
    async def page(request: Request, error: HTTPException) -> Response:
        return PlainTextResponse(f"page for {error.status_code}", 404)

    body, headers = signed(BODY)
    answer = ask(app, "/own", body + b" ", headers)
    assert (answer.status, answer.body) == (404, b"page for 400")


def test_what_is_refused_shows_no_payload_to_an_error_tracker(app: FastAPI) -> None:
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


def test_other_exceptions_are_answered_as_before(app: FastAPI) -> None:
    @app.get("/gone")
    def gone() -> None:
        raise HTTPException(410, "gone")

    ask(app, "/own")
    assert ask(app, "/gone", method="GET").body == b'{"detail":"gone"}'


def test_it_adds_nothing_to_the_parameters_of_the_route(app: FastAPI) -> None:
    operation = app.openapi()["paths"]["/own"]["post"]
    assert not operation.keys() & {"parameters", "requestBody"}
