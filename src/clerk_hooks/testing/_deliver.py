"""One call that delivers an event to an application under test, in any framework.

`deliver` and `adeliver` are twins: the second awaits what answers on an event loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..endpoint import Endpoint
from ..errors import InputTypeError
from ._clients import post, reply_of
from ._signing import SignedRequest, signed_request
from ._targets import kind_of

if TYPE_CHECKING:
    from ..reply import Reply
    from ..secret import Secret
    from ._signing import Sendable

DEFAULT_PATH = "/webhooks/clerk"
"""The path in all examples of the documentation."""


def deliver(
    target: object,
    event: Sendable | SignedRequest,
    *,
    path: str = DEFAULT_PATH,
    secret: Secret | None = None,
) -> Reply:
    """Sign `event` and deliver it to `target`; returns the reply.

    `target` is an application (Flask, FastAPI, Starlette, Django's handlers, any WSGI or ASGI
    callable), a test client (Flask's, Werkzeug's, Starlette's, Django's, httpx's), an AWS Lambda
    handler ``(event, context)``, or an `Endpoint`, which ignores `path`. `event` is signed by
    `signed_request` with `secret`; a `SignedRequest` is sent unchanged.

    An ASGI application runs on a new event loop; in an async test, use `adeliver`. Raises the
    errors of the application, and `InputTypeError` for any other `target`.
    """
    request = _signed(event, secret)
    if isinstance(target, Endpoint):
        return target.receive(*request)
    to: Any = target
    match kind_of(target):
        case "client":
            return reply_of(post(to, path, request))
        case "asgi":
            from ._asgi import post_asgi

            return post_asgi(to, path, request)
        case "wsgi":
            from ._wsgi import post_wsgi

            return post_wsgi(to, path, request)
        case "lambda":
            from ._lambda import post_lambda

            return post_lambda(to, path, request)
        case "async client":
            hint = "write `await adeliver(...)`"
            raise InputTypeError(f"target: {_name(target)} is asynchronous: {hint}")


async def adeliver(
    target: object,
    event: Sendable | SignedRequest,
    *,
    path: str = DEFAULT_PATH,
    secret: Secret | None = None,
) -> Reply:
    """Sign `event` and deliver it to `target` on the running event loop; returns the reply.

    Like `deliver`, for async tests: the application shares the loop of the test, and so its
    database connections and clients. `target` is an ASGI application (FastAPI, Starlette, Django's
    handler, any other), an async client (httpx's `AsyncClient`, Django's), or an `Endpoint`.

    Raises the errors of the application, and `InputTypeError` for any other `target`.
    """
    request = _signed(event, secret)
    if isinstance(target, Endpoint):
        return await target.areceive(*request)
    to: Any = target
    match kind_of(target):
        case "async client":
            return reply_of(await post(to, path, request))
        case "asgi":
            from ._asgi import apost_asgi

            return await apost_asgi(to, path, request)
        case "client" | "wsgi" | "lambda":
            hint = "call `deliver`, or pass an ASGI application or an async client"
            raise InputTypeError(f"target: {_name(target)} is synchronous: {hint}")


def _signed(event: Sendable | SignedRequest, secret: Secret | None) -> SignedRequest:
    return event if isinstance(event, SignedRequest) else signed_request(event, secret=secret)


def _name(target: object) -> str:
    return getattr(target, "__name__", type(target).__name__)
