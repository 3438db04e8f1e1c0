"""FastAPI: an endpoint as a router, and a verified delivery as a dependency of any route.

Annotations are no text here: FastAPI reads them, and older ones not those of an object's methods.
"""

from typing import Any, cast

from .. import ClerkHooksError, Delivery, Endpoint, MalformedRequest, Reply, Verifier
from ..endpoint import DEFAULT_MAX_BODY
from ..events import AnyEvent
from .asgi import asgi_app, body_of_chunks

try:
    from fastapi import APIRouter, HTTPException, Request
    from fastapi.routing import APIRoute
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import ClientDisconnect
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send
except ImportError as error:
    raise ImportError(
        "clerk_hooks.adapters.fastapi needs FastAPI: pip install 'clerk-hooks[fastapi]'"
    ) from error


def _documented(description: str, *properties: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in properties}}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


_REPLIES: dict[int | str, dict[str, Any]] = {
    200: _documented("Handled, or nobody listens", "outcome"),
    400: _documented("Not proven to come from Clerk, or malformed", "error", "message"),
    405: _documented("Not a POST", "error", "message"),
    409: _documented("Being handled elsewhere at this moment", "error", "message"),
    413: _documented("The body is too large", "error", "message"),
    422: _documented("Not readable as an event, or given up by a handler", "error", "message"),
    500: _documented("A handler raised", "error"),
    503: _documented("The store does not answer", "error"),
}


def clerk_router(endpoint: Endpoint, path: str = "/webhooks/clerk") -> APIRouter:
    """A router that answers with `endpoint` at `path`, whatever the method.

    Async handlers run on the event loop, sync ones in Starlette's threads. The route is in the
    OpenAPI page with the events as its body; as the endpoint reads the raw bytes, FastAPI neither
    parses them nor runs the dependencies of the app here: for those see `VerifiedDelivery`.
    """
    webhook = asgi_app(endpoint, run_sync=run_in_threadpool)

    class Route(APIRoute):
        async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
            # Also for a method that is not the route's, to which FastAPI's own answer is another.
            await webhook(scope, receive, send)

    async def clerk_webhook(event: AnyEvent) -> None:
        """Receives Clerk's events, signed by Svix."""

    router = APIRouter(route_class=Route)
    router.post(path, responses=_REPLIES, tags=["webhooks"])(clerk_webhook)
    return router


class VerifiedDelivery:
    """A dependency that gives a route of one's own the delivery that the request is.

        @app.post("/clerk")
        def receive(delivery: Annotated[Delivery, Depends(VerifiedDelivery(verifier))]) -> None: ...

    `max_body` is the largest body accepted, in bytes. What is refused raises an `HTTPException`
    that is answered with the reply of `Reply.for_error`.
    """

    def __init__(self, verifier: Verifier, *, max_body: int = DEFAULT_MAX_BODY) -> None:
        self._verifier = verifier
        self._max_body = max_body

    async def __call__(self, request: Request) -> Delivery:
        """The delivery that `request` is; FastAPI calls this."""
        try:
            body = await _body_of_request(request, self._max_body)
            return self._verifier.verify(body, request.scope["headers"])
        except ClerkHooksError as error:
            # Starlette asks here for what answers an exception, the innermost class first.
            handlers, _ = request.scope.get("starlette.exception_handlers", ({}, {}))
            handlers[_Refused] = _answer
            raise _Refused(Reply.for_error(error)) from error


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
    except ClientDisconnect as error:
        raise MalformedRequest("the body could not be read to its end") from error
    except RuntimeError as error:  # Starlette's, for a stream that is at its end.
        raise MalformedRequest("the body was read before, as a form perhaps") from error


def _response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, dict(reply.headers))
