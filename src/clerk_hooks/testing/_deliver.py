"""One call that delivers an event to an application under test, in any framework.

It imports no framework: it recognises a target by its class or its signature.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from ..endpoint import Endpoint
from ..errors import InputTypeError
from ..reply import Reply
from ._signing import SignedRequest, signed_request

if TYPE_CHECKING:
    from collections.abc import Callable

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
    callable), a test client (Flask's, Werkzeug's, Starlette's, Django's, httpx's), or an
    `Endpoint`, which ignores `path`. `event` is signed by `signed_request` with `secret`; a
    `SignedRequest` is sent unchanged.

    Raises the errors of the application, and `InputTypeError` for any other `target`.
    """
    request = event if isinstance(event, SignedRequest) else signed_request(event, secret=secret)
    if isinstance(target, Endpoint):
        return target.receive(*request)
    for module, post in _CLIENTS.items():
        if _is_of(target, module):
            return post(target, path, request)
    if _is_asgi(target):
        from ._asgi import post_asgi

        return post_asgi(target, path, request)
    if callable(target):
        from ._wsgi import post_wsgi

        return post_wsgi(target, path, request)
    raise InputTypeError(
        "target: expected an application, its test client or an Endpoint, "
        f"not {type(target).__name__}"
    )


def _is_of(target: object, module: str) -> bool:
    """Whether the class of `target`, or one of its base classes, is defined in `module`."""
    return any(
        f"{cls.__module__}.".startswith(f"{module}.") for cls in inspect.getmro(type(target))
    )


def _post_to_werkzeug(client: Any, path: str, request: SignedRequest) -> Reply:
    response = client.post(path, data=request.body, headers=request.headers)
    return reply_of(response.status_code, response.data, response.headers.items())


def _post_to_django(client: Any, path: str, request: SignedRequest) -> Reply:
    environ = {
        f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()
    }
    content_type = environ.pop("HTTP_CONTENT_TYPE")
    response = client.post(path, data=request.body, content_type=content_type, **environ)
    _refuse_async(response)
    return reply_of(response.status_code, response.content, response.items())


def _post_to_httpx(client: Any, path: str, request: SignedRequest) -> Reply:
    # Svix does not follow redirects. Starlette's client does so by default.
    response = client.post(
        path, content=request.body, headers=request.headers, follow_redirects=False
    )
    _refuse_async(response)
    return reply_of(response.status_code, response.content, response.headers.items())


def _refuse_async(response: Any) -> None:
    if inspect.iscoroutine(response):
        response.close()
        raise InputTypeError("target: expected a synchronous client, or the application itself")


_CLIENTS: dict[str, Callable[[Any, str, SignedRequest], Reply]] = {
    "werkzeug.test": _post_to_werkzeug,
    "django.test": _post_to_django,
    "starlette.testclient": _post_to_httpx,
    "httpx": _post_to_httpx,
}
"""Module of a client's class -> function that posts with it. Flask's subclasses Werkzeug's."""


def _is_asgi(target: object) -> bool:
    """Whether `target` is an ASGI application, which takes a scope and two callables."""
    if not callable(target):
        return False
    call = type(target).__call__  # An object's __call__ may be async.
    if inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(call):
        return True
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):  # Some C callables have no signature.
        return False
    required = [
        parameter
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    return len(required) == 3


def reply_of(status: int, body: bytes, headers: Any) -> Reply:
    """The reply of any framework, with header names in lower case."""
    return Reply(status, body, {str(name).lower(): str(value) for name, value in headers})
