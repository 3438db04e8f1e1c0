"""The test clients of the frameworks, sync and async. Each posts in a way of its own."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from ..errors import InputTypeError
from ..reply import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._signing import SignedRequest


def is_client(target: object) -> bool:
    """Whether `target` is a test client that `post` can use."""
    return bool(_module_of(target))


def post(client: Any, path: str, request: SignedRequest) -> Any:
    """Returns what the client's own `post` does: a response or, if it is async, a coroutine.

    Raises `InputTypeError` if the client does not know which server to ask.
    """
    return _CLIENTS[_module_of(client)](client, path, request)


def reply_of(response: Any) -> Reply:
    """The reply in the response of any client, with header names in lower case."""
    # First, as a response of Django REST framework also has `data`: parsed.
    body = response.content if hasattr(response, "content") else response.data
    headers = {str(name).lower(): str(value) for name, value in response.headers.items()}
    return Reply(response.status_code, body, headers)


def _post_to_werkzeug(client: Any, path: str, request: SignedRequest) -> Any:
    return client.post(path, data=request.body, headers=request.headers)


def _post_to_django(client: Any, path: str, request: SignedRequest) -> Any:
    headers = {**request.headers}
    content_type = headers.pop("content-type")
    return client.post(path, data=request.body, content_type=content_type, headers=headers)


def _post_to_httpx(client: Any, path: str, request: SignedRequest) -> Any:
    if not client.base_url.host and path.startswith("/"):
        # Its own error, after the request, is about an "unknown url type".
        raise InputTypeError("target: the client needs a base_url, such as http://testserver")
    # Svix does not follow redirects. Starlette's client does so by default.
    return client.post(path, content=request.body, headers=request.headers, follow_redirects=False)


_CLIENTS: dict[str, Callable[[Any, str, SignedRequest], Any]] = {
    "werkzeug.test": _post_to_werkzeug,
    "django.test": _post_to_django,
    "starlette.testclient": _post_to_httpx,
    "httpx": _post_to_httpx,
    "httpx2": _post_to_httpx,
}
"""Module of a client's class -> function that posts with it. Flask's subclasses Werkzeug's."""


def _module_of(client: object) -> str:
    """The row of `_CLIENTS` for the class of `client` or a base class; empty if there is none."""
    for cls in inspect.getmro(type(client)):
        for module in _CLIENTS:
            if f"{cls.__module__}.".startswith(f"{module}."):
                return module
    return ""
