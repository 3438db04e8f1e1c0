"""What the dependencies of the FastAPI adapter share: the raw body, and replies that are raised."""

from __future__ import annotations

from typing import Any, TypeVar

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from .. import MalformedRequest, Reply
from ._length import READ_BEFORE, UNFINISHED
from .asgi import body_of_chunks


class Refused(HTTPException):
    """Ends a request with a reply, unless the app has a handler for that status."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status, reply.body.decode(), dict(reply.headers))
        self.reply = reply


class Unsuccessful(Exception):  # noqa: N818 - A status says what kind it is.
    """Ends a request with a reply, whatever handlers the app has.

    Not an `HTTPException`: what an app answers to those may be a 200, and Svix would not retry.
    """

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"{reply.status} {reply.body.decode()}")
        self.reply = reply


_Raised = TypeVar("_Raised", Refused, Unsuccessful)


def raised_in(request: Request, error: _Raised) -> _Raised:
    """Return `error` for raising, after telling Starlette how `request` is to be answered then.

    It looks for the handler of an exception among these, the innermost class first. Raise it from
    an error without a traceback: the frames of that have the body in their local variables.
    """
    handlers, _ = request.scope.get("starlette.exception_handlers", ({}, {}))
    handlers[type(error)] = _answer
    return error


async def _answer(_: Request, error: Refused | Unsuccessful) -> Response:
    return response_of(error.reply)


def response_of(reply: Reply) -> Response:
    """Return a reply as Starlette's response."""
    return Response(reply.body, reply.status, dict(reply.headers))


async def body_of(request: Request, max_body: int) -> bytes:
    """Return the raw body of `request`.

    Raises `MethodNotAllowed`, `RequestTooLarge` and `MalformedRequest`.
    """
    try:
        headers = request.scope["headers"]
        return await body_of_chunks(request.method, headers, request.stream(), max_body)
    except ClientDisconnect:
        raise MalformedRequest(UNFINISHED) from None
    except RuntimeError:  # Starlette's "Stream consumed".
        raise MalformedRequest(READ_BEFORE) from None


def kept_of(request: Request) -> dict[object, Any]:
    """Return what dependencies keep of `request`, in case FastAPI calls one of them twice.

    It does for ``use_cache=False``, and for a dependency that is asked for with other scopes.
    """
    kept: dict[object, Any] = request.scope.setdefault("clerk_hooks", {})
    return kept
