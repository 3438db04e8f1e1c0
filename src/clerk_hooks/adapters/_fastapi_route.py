"""A route of FastAPI that runs its own dependencies, and none of the app's.

When an app includes a route, FastAPI puts the dependencies of the app in front of the route's own,
and so a session could be opened before a request is verified. This route is never included. It is
an ASGI application, which another route calls.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

from fastapi import Request, params
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .. import ConfigurationError

_app: ContextVar[Any] = ContextVar("app")
"""The app that is answering: the route that calls this one may be in several."""


class OwnRoute:
    """Runs `dependencies` in their order, and then `answer`; as an ASGI application.

    Raises `ConfigurationError` if a dependency declares a body.
    """

    def __init__(
        self,
        dependencies: Sequence[params.Depends],
        answer: Callable[[Request], Awaitable[Response]],
    ) -> None:
        self._dependencies = dependencies
        self._answer = answer
        self._routes = {(): self._route(())}  # Now, so that a mistake is found at the start.

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        _app.set(scope.get("app"))
        names = tuple(scope["path_params"])  # The app may have added some, by a prefix.
        if names not in self._routes:
            self._routes[names] = self._route(names)
        answering = self._routes[names](scope, receive, send)
        del scope  # An error must not take the headers along.
        await answering

    @property
    def dependency_overrides(self) -> Mapping[object, object]:
        """Those of the app that is answering; FastAPI asks the provider of a route for them."""
        overrides: Mapping[object, object] = getattr(_app.get(), "dependency_overrides", {})
        return overrides

    def _route(self, path_params: tuple[str, ...]) -> ASGIApp:
        route = APIRoute(
            "".join(f"/{{{name}}}" for name in path_params) or "/",
            self._answer,
            dependencies=self._dependencies,
            dependency_overrides_provider=self,
        )
        if route.body_field is not None:
            raise ConfigurationError(
                "a dependency of the webhook declares a body: FastAPI would read and parse it "
                "before the request is verified; handlers have the event and delivery.payload"
            )
        return route.app
