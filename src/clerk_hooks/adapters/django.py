"""Django: an endpoint as a view, for WSGI and for ASGI."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from .. import ClerkHooksError, Endpoint, MalformedRequest, MethodNotAllowed, Reply, RequestTooLarge
from ._length import READ_BEFORE, UNFINISHED, read_length, require_length
from .wsgi import body_of_environ

try:
    from asgiref.sync import SyncToAsync, sync_to_async
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
    """Return a view that answers with `endpoint`, to requests of every method.

    The view is exempt from the CSRF check, from `LoginRequiredMiddleware` and from
    `ATOMIC_REQUESTS`. Sync handlers run in the request's thread and use its database connections.
    If async handlers use the database, take `async_clerk_view`.
    """

    # The other arguments are the parameters of a path such as <tenant>/clerk.
    def clerk_webhook(request: HttpRequest, *_: object, **__: object) -> HttpResponse:
        # Under ASGI, async handlers would wait for this very thread to run what they have behind
        # `sync_to_async`, while it waits for them.
        token = SyncToAsync.thread_sensitive_context.set(None)  # type: ignore[arg-type]
        try:
            reply = endpoint.receive(_body_of_request(request, endpoint.max_body), request.META)
        except ClerkHooksError as error:
            reply = endpoint.reply(error)
        finally:
            SyncToAsync.thread_sensitive_context.reset(token)
        return _response(reply, request)

    return _exempt(clerk_webhook)


def async_clerk_view(
    endpoint: Endpoint,
) -> Callable[[HttpRequest], Coroutine[object, object, HttpResponse]]:
    """Return an async view like that of `clerk_view`; sync handlers run in the request's thread.

    In that thread Django opens and closes the request's database connections (asgiref,
    ``thread_sensitive``). Async handlers run on the event loop.
    """

    async def clerk_webhook(request: HttpRequest, *_: object, **__: object) -> HttpResponse:
        try:
            reply = await endpoint.areceive(
                _body_of_request(request, endpoint.max_body), request.META, run_sync=_run_sync
            )
        except ClerkHooksError as error:
            reply = endpoint.reply(error)
        return _response(reply, request)

    return _exempt(clerk_webhook)


async def _run_sync(call: Callable[[], object]) -> object:
    return await sync_to_async(call, thread_sensitive=True)()


class _EveryDatabase(set[str]):
    """The names of all databases, whichever the settings have."""

    def __contains__(self, alias: object) -> bool:
        return True


def _exempt(view: _View) -> _View:
    """Mark `view` as Django's decorators do.

    Django's own `csrf_exempt` hides, up to 4.2, that a view is async, older versions lack
    `login_not_required`, and `non_atomic_requests` has to be told each database. `ATOMIC_REQUESTS`
    would commit after the reply is decided: a commit that fails would leave a delivery handled
    that had no effect.
    """
    view.csrf_exempt = True  # type: ignore[attr-defined]
    view.login_required = False  # type: ignore[attr-defined]
    view._non_atomic_requests = _EveryDatabase()  # type: ignore[attr-defined]  # noqa: SLF001
    return view


def _body_of_request(request: HttpRequest, max_body: int) -> bytes:
    scope = getattr(request, "scope", None)  # Under ASGI. `request.method` is upper-cased.
    if (request.META["REQUEST_METHOD"] if scope is None else scope["method"]) != "POST":
        raise MethodNotAllowed
    try:
        if announced := (request.META.get("CONTENT_LENGTH") or "").strip():
            length = read_length(announced, max_body)
            return require_length(request.body, length)
        if "wsgi.input" in request.META:  # Django takes a body in chunks for empty.
            return body_of_environ(request.META, max_body)
        return request.read(max_body + 1)
    except RequestDataTooBig as error:
        raise RequestTooLarge from error
    except RawPostDataException as error:
        raise MalformedRequest(READ_BEFORE) from error
    except UnreadablePostError as error:
        raise MalformedRequest(UNFINISHED) from error


def _response(reply: Reply, request: HttpRequest) -> HttpResponse:
    headers = {**reply.headers, "content-length": str(len(reply.body))}
    body = b"" if request.method == "HEAD" else reply.body
    return HttpResponse(body, status=reply.status, headers=headers)
