"""FastAPI: an endpoint as a router, and deliveries as dependencies of any route.

With `dependencies` or a `context`, FastAPI solves them in this order:

1. The request is verified. A request that is refused ends here: no dependency sees it.
2. The `dependencies` run.
3. The `context` is opened. Its value becomes `Delivery.context`.
4. The handlers run. A reply of 400 or more is raised, through everything that is open, so that a
   session rolls back what a handler has left half done.
5. The `context` is closed, and the reply is sent.

This module evaluates its annotations, because FastAPI reads them, and older versions do not
resolve text in those of a method.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, cast, get_origin

from .. import (
    ClerkHooksError,
    ConfigurationError,
    Delivery,
    Endpoint,
    InputTypeError,
    Reply,
    Verifier,
)
from ..endpoint import DEFAULT_MAX_BODY
from .asgi import asgi_app

try:
    from fastapi import APIRouter, Depends, Request, params
    from fastapi.routing import APIRoute
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import Response
    from starlette.routing import Match
    from starlette.types import ASGIApp, Receive, Scope, Send

    from ._fastapi_replies import Refused, Unsuccessful, body_of, kept_of, raised_in, response_of
    from ._fastapi_route import OwnRoute
except ImportError as error:
    raise ImportError(
        "clerk_hooks.adapters.fastapi needs FastAPI: pip install 'clerk-hooks[fastapi]'"
    ) from error

# Closes a dependency before the reply is sent, so that an error of its closing is a 500. FastAPI
# can do so since 0.121, and did nothing else before 0.118.
_BEFORE_THE_REPLY: dict[str, Any] = (
    {"scope": "function"} if "scope" in signature(Depends).parameters else {}
)


def clerk_router(
    endpoint: Endpoint,
    path: str = "/webhooks/clerk",
    *,
    dependencies: Sequence[params.Depends] = (),
    context: Callable[..., object] | None = None,
    include_in_schema: bool = False,
) -> APIRouter:
    """Return a router that answers with `endpoint` at `path`, to requests of every method.

    It answers with and without a slash at the end. Async handlers run on the event loop, sync
    handlers in Starlette's threads. `context` is a dependency, such as ``get_session``: handlers
    get its value as `Delivery.context`. `dependencies` are others to run, such as
    ``[Depends(limit)]``. Both are run for verified requests only, and
    ``app.dependency_overrides`` apply. The dependencies of the app itself are not run. With
    `include_in_schema`, the app's OpenAPI page describes the route, the events and the replies.

    Raises `ConfigurationError`.
    """
    if dependencies or context is not None:
        webhook = _unlimited(_with_dependencies(endpoint, dependencies, context))
    else:
        webhook = _unlimited(asgi_app(endpoint, run_sync=run_in_threadpool))

    class Route(APIRoute):
        def matches(self, scope: Scope) -> tuple[Match, Scope]:
            # With and without a slash at the end, as Svix does not follow redirects.
            found = super().matches(scope)
            if found[0] is not Match.NONE or scope["type"] != "http":
                return found
            path: str = scope["path"]
            return super().matches(
                {**scope, "path": path[:-1] if path.endswith("/") else f"{path}/"}
            )

        async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
            # For every method; otherwise FastAPI answers the others with its own 405.
            answering = webhook(scope, receive, send)
            del scope  # An error must not take the headers along.
            await answering

    router = APIRouter(route_class=Route)
    if include_in_schema:
        from ._openapi import REPLIES, event_model

        async def clerk_webhook(event: Any) -> None:
            """Receives Clerk's events, signed by Svix."""

        clerk_webhook.__annotations__["event"] = event_model()
        router.post(path, responses=REPLIES, tags=["webhooks"])(clerk_webhook)
    else:
        router.post(path, include_in_schema=False)(_nothing)
    return router


async def _nothing() -> None:
    """Gives FastAPI a function to inspect; the route answers before it would be called."""


def _with_dependencies(
    endpoint: Endpoint,
    dependencies: Sequence[params.Depends],
    context: Callable[..., object] | None,
) -> ASGIApp:
    if not isinstance(dependencies, Sequence) or not all(
        isinstance(each, params.Depends) for each in dependencies
    ):
        raise ConfigurationError("dependencies must be a list such as [Depends(limit)]")
    received = Received(endpoint, context=context)

    async def answer(request: Request) -> Response:
        return response_of(kept_of(request)[received])

    return OwnRoute([Depends(_Verified(endpoint)), *dependencies, Depends(received)], answer)


def _unlimited(app: ASGIApp) -> ASGIApp:
    """Lift the app's `max_body_size`: the endpoint's `max_body` applies, and its reply is sent."""
    try:
        from starlette.middleware.body_limit import RequestBodyLimitMiddleware
    except ImportError:  # This version of Starlette has no such limit.
        return app
    return RequestBodyLimitMiddleware(app, max_body_size=sys.maxsize)


class Received:
    """A dependency that answers the request of your own route; its value is the delivery.

        received = Received(endpoint)

        @app.post("/clerk")
        def receive(delivery: Annotated[Delivery, Depends(received)]) -> None: ...

    When the function of the route is called, the request has been verified, and its handlers have
    succeeded, now or at an earlier attempt; or, with a handoff, it is queued. Any other reply of
    `endpoint` is raised, and is sent whatever exception handlers the app has. `context` is a
    dependency, such as ``get_session``: handlers get its value as `Delivery.context`. It is run for
    verified requests only.

    Two of them with equal arguments are equal, and run once per request. Raises
    `ConfigurationError`.
    """

    def __init__(self, endpoint: Endpoint, *, context: Callable[..., object] | None = None) -> None:
        if not isinstance(endpoint, Endpoint):
            raise ConfigurationError(f"pass an Endpoint, not {type(endpoint).__name__}")
        if context is not None and endpoint.handoff is not None:
            raise ConfigurationError(
                "context: the endpoint hands deliveries over, and a context cannot go with them: "
                "a worker has a context of its own"
            )
        self._endpoint = endpoint
        self._context = context
        # FastAPI calls this with the values of these parameters, which it finds in their order.
        annotations: dict[str, Any] = {
            "request": Request,
            "delivery": Annotated[Delivery, Depends(_Verified(endpoint))],
        }
        if context is not None:
            annotations["context"] = Annotated[object, _early(context)]
        self.__signature__ = Signature(
            [
                Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation)
                for name, annotation in annotations.items()
            ]
        )

    async def __call__(
        self, request: Request, delivery: Delivery, context: object = None
    ) -> Delivery:
        """Run the handlers of `delivery`, and return it; FastAPI calls this."""
        kept = kept_of(request)
        if self not in kept:
            kept[self] = await self._endpoint.areceive(
                delivery.payload,
                request.scope["headers"],
                run_sync=run_in_threadpool,
                context=context,
            )
        if kept[self].status >= 400:
            raise raised_in(request, Unsuccessful(kept[self]))
        message = delivery.message_id, delivery.attempted_at, delivery.payload
        return Delivery(*message, context=context)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Received):
            return NotImplemented
        return (self._endpoint, self._context) == (other._endpoint, other._context)

    def __hash__(self) -> int:
        return hash((self._endpoint, self._context))


def _early(context: Callable[..., object]) -> Any:
    """Return `context` as FastAPI's dependency, closed before the reply is sent if possible."""
    if not callable(context) or get_origin(context) is Annotated:
        raise ConfigurationError(
            "context must be a function for FastAPI to call, such as get_session: not "
            "Depends(get_session), and not Annotated[...]"
        )
    return Depends(context, **_BEFORE_THE_REPLY)


@dataclass(frozen=True)
class _Verified:
    """The dependency before all others: it verifies the request."""

    endpoint: Endpoint

    async def __call__(self, request: Request) -> Delivery:
        kept = kept_of(request)
        if self not in kept:
            endpoint = self.endpoint
            try:
                kept[self] = endpoint.verifier.verify(
                    await body_of(request, endpoint.max_body), request.scope["headers"]
                )
            except ClerkHooksError as error:
                unsuccessful = Unsuccessful(endpoint.reply(error))
                raise raised_in(request, unsuccessful) from error.with_traceback(None)
        return cast("Delivery", kept[self])


class VerifiedDelivery:
    """A dependency that verifies the request of your own route; its value is the delivery.

        @app.post("/clerk")
        def receive(delivery: Annotated[Delivery, Depends(VerifiedDelivery(verifier))]) -> None: ...

    It runs no handler; see `Received` for that. `max_body` is the largest body accepted, in bytes.
    A request that is refused raises an `HTTPException`, which is answered with the reply of
    `Reply.for_error`.
    """

    def __init__(self, verifier: Verifier, *, max_body: int = DEFAULT_MAX_BODY) -> None:
        self._verifier = verifier
        self._max_body = max_body

    async def __call__(self, request: Request) -> Delivery:
        """Verify `request` and return its delivery; FastAPI calls this."""
        try:
            return self._verifier.verify(
                await body_of(request, self._max_body), request.scope["headers"]
            )
        except (ConfigurationError, InputTypeError) as error:
            # A mistake of the program is raised, without its frames, which have the body.
            raise error.with_traceback(None) from error.__cause__
        except ClerkHooksError as error:
            refused = Refused(Reply.for_error(error))
            raise raised_in(request, refused) from error.with_traceback(None)
