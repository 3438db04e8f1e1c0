"""Django: an endpoint as a view, for WSGI and for ASGI."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from .. import ClerkHooksError, Endpoint, MalformedRequest, MethodNotAllowed, Reply, RequestTooLarge
from ._length import read_length, require_length
from .wsgi import body_of_environ

try:
    from asgiref.sync import sync_to_async
    from django.core.exceptions import RequestDataTooBig
    from django.http import HttpRequest, HttpResponse, UnreadablePostError
    from django.http.request import RawPostDataException
except ImportError as error:
    raise ImportError(
        "clerk_hooks.adapters.django needs Django: pip install 'clerk-hooks[django]'"
    ) from error

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_View = TypeVar("_View", bound="Callable[[HttpRequest], object]")


def clerk_view(endpoint: Endpoint) -> Callable[[HttpRequest], HttpResponse]:
    """A view that answers with `endpoint`, whatever the method; exempt from the CSRF check.

    Handlers run inside the request, with its database connections. Async handlers that use the
    database belong in `async_clerk_view`.
    """

    def clerk_webhook(request: HttpRequest) -> HttpResponse:
        try:
            reply = endpoint.receive(_body_of_request(request, endpoint.max_body), request.META)
        except ClerkHooksError as error:
            reply = endpoint.reply(error)
        return _response(reply, request)

    return _csrf_exempt(clerk_webhook)


def async_clerk_view(
    endpoint: Endpoint,
) -> Callable[[HttpRequest], Coroutine[object, object, HttpResponse]]:
    """Like `clerk_view`, on the event loop; sync handlers run in the request's own thread.

    That is the thread in which Django opens and closes the request's database connections
    (asgiref, ``thread_sensitive``).
    """

    async def clerk_webhook(request: HttpRequest) -> HttpResponse:
        try:
            body = _body_of_request(request, endpoint.max_body)
            reply = await endpoint.areceive(body, request.META, run_sync=_run_sync)
        except ClerkHooksError as error:
            reply = endpoint.reply(error)
        return _response(reply, request)

    return _csrf_exempt(clerk_webhook)


async def _run_sync(call: Callable[[], object]) -> object:
    return await sync_to_async(call, thread_sensitive=True)()


def _csrf_exempt(view: _View) -> _View:
    # What Django's decorator of this name does; up to Django 4.2 it hides that a view is async.
    view.csrf_exempt = True  # type: ignore[attr-defined]
    return view


def _body_of_request(request: HttpRequest, max_body: int) -> bytes:
    scope = getattr(request, "scope", None)  # Under ASGI. Django itself writes methods in capitals.
    if (request.META["REQUEST_METHOD"] if scope is None else scope["method"]) != "POST":
        raise MethodNotAllowed
    try:
        if announced := (request.META.get("CONTENT_LENGTH") or "").strip():
            length = read_length(announced, max_body)
            return require_length(request.body, length)
        if "wsgi.input" in request.META:  # In chunks, perhaps, which Django takes for empty.
            return body_of_environ(request.META, max_body)
        return request.read(max_body + 1)
    except RequestDataTooBig as error:
        raise RequestTooLarge from error
    except (UnreadablePostError, RawPostDataException) as error:
        raise MalformedRequest("the body could not be read to its end") from error


def _response(reply: Reply, request: HttpRequest) -> HttpResponse:
    headers = {**reply.headers, "content-length": str(len(reply.body))}
    body = b"" if request.method == "HEAD" else reply.body
    return HttpResponse(body, status=reply.status, headers=headers)
