"""FastAPI: an endpoint as a router, and a verified delivery as a dependency of any route.

This module evaluates its annotations, because FastAPI reads them, and older versions do not
resolve text in those of a method.
"""

import sys
from typing import Any, cast

from .. import ClerkHooksError, Delivery, Endpoint, MalformedRequest, Reply, Verifier
from ..endpoint import DEFAULT_MAX_BODY
from ._length import READ_BEFORE, UNFINISHED
from .asgi import asgi_app, body_of_chunks

try:
    from fastapi import APIRouter, HTTPException, Request
    from fastapi.routing import APIRoute
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import ClientDisconnect
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send
except ImportError as error:
    raise ImportError(
        "clerk_hooks.adapters.fastapi needs FastAPI: pip install 'clerk-hooks[fastapi]'"
    ) from error


def clerk_router(
    endpoint: Endpoint, path: str = "/webhooks/clerk", *, include_in_schema: bool = False
) -> APIRouter:
    """Return a router that answers with `endpoint` at `path`, to requests of every method.

    It answers with and without a slash at the end. Async handlers run on the event loop, sync
    handlers in Starlette's threads. With `include_in_schema`, the app's OpenAPI page describes the
    route, the events and the replies. The endpoint reads the raw bytes, so FastAPI neither parses
    the body nor runs the app's dependencies here; see `VerifiedDelivery` for those.
    """
    webhook = _unlimited(asgi_app(endpoint, run_sync=run_in_threadpool))

    class Route(APIRoute):
        async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
            # For every method; otherwise FastAPI answers the others with its own 405.
            await webhook(scope, receive, send)

    router = APIRouter(route_class=Route)
    if include_in_schema:
        from ._openapi import REPLIES, event_model

        async def clerk_webhook(event: Any) -> None:
            """Receives Clerk's events, signed by Svix."""

        clerk_webhook.__annotations__["event"] = event_model()
        router.post(path, responses=REPLIES, tags=["webhooks"])(clerk_webhook)
    else:
        router.post(path, include_in_schema=False)(_nothing)
    # The other spelling, as Svix does not follow redirects. Without a prefix, "/" has none.
    if other := path[:-1] if path.endswith("/") else f"{path}/":
        router.post(other, include_in_schema=False)(_nothing)
    return router


async def _nothing() -> None:
    """Gives FastAPI a function to inspect; the route answers before it would be called."""


def _unlimited(app: ASGIApp) -> ASGIApp:
    """Lift the app's `max_body_size`: the endpoint's `max_body` applies, and its reply is sent."""
    try:
        from starlette.middleware.body_limit import RequestBodyLimitMiddleware
    except ImportError:  # This version of Starlette has no such limit.
        return app
    return RequestBodyLimitMiddleware(app, max_body_size=sys.maxsize)


class VerifiedDelivery:
    """A dependency that verifies the request of your own route; its value is the delivery.

        @app.post("/clerk")
        def receive(delivery: Annotated[Delivery, Depends(VerifiedDelivery(verifier))]) -> None: ...

    `max_body` is the largest body accepted, in bytes. A request that is refused raises an
    `HTTPException`, which is answered with the reply of `Reply.for_error`.
    """

    def __init__(self, verifier: Verifier, *, max_body: int = DEFAULT_MAX_BODY) -> None:
        self._verifier = verifier
        self._max_body = max_body

    async def __call__(self, request: Request) -> Delivery:
        """Verify `request` and return its delivery; FastAPI calls this."""
        try:
            return self._verifier.verify(
                await _body_of_request(request, self._max_body), request.scope["headers"]
            )
        except ClerkHooksError as error:
            # Starlette looks here for the handler of an exception, the innermost class first.
            handlers, _ = request.scope.get("starlette.exception_handlers", ({}, {}))
            handlers[_Refused] = _answer
            # The frames that the error comes from have the body in their local variables.
            raise _Refused(Reply.for_error(error)) from error.with_traceback(None)


class _Refused(HTTPException):
    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status, reply.body.decode(), dict(reply.headers))
        self.reply = reply


async def _answer(_: Request, refused: Exception) -> Response:
    return _response(cast("_Refused", refused).reply)


async def _body_of_request(request: Request, max_body: int) -> bytes:
    try:
        headers = request.scope["headers"]
        return await body_of_chunks(request.method, headers, request.stream(), max_body)
    except ClientDisconnect:
        raise MalformedRequest(UNFINISHED) from None
    except RuntimeError:  # Starlette's "Stream consumed".
        raise MalformedRequest(READ_BEFORE) from None


def _response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, dict(reply.headers))
