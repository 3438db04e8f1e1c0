"""Flask: an endpoint as a blueprint, and a verified delivery for a view of your own."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

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
from .wsgi import body_of_environ

try:
    from flask import Blueprint, Response, abort, request
except ImportError as error:
    raise ImportError(
        "clerk_hooks.adapters.flask needs Flask: pip install 'clerk-hooks[flask]'"
    ) from error

if TYPE_CHECKING:
    from flask.blueprints import BlueprintSetupState


def clerk_blueprint(
    endpoint: Endpoint, path: str = "/webhooks/clerk", name: str = "clerk"
) -> Blueprint:
    """Return a blueprint that answers with `endpoint` at `path`, to requests of every method.

    It answers with and without a slash at the end. One app may have several of these blueprints;
    each needs its own `name`. Handlers run inside the request: they can use `flask.request` and
    `flask.g`.
    """
    blueprint = Blueprint(name, __name__)

    def webhook(**_: object) -> Response:  # The parameters of a path such as /<tenant>/clerk.
        try:
            reply = endpoint.receive(_body_of_request(endpoint.max_body), request.environ)
        except ClerkHooksError as error:
            reply = endpoint.reply(error)
        return _response(reply)

    def register(state: BlueprintSetupState) -> None:
        state.add_url_rule(
            path, "webhook", webhook, methods=["POST"], strict_slashes=False,
            provide_automatic_options=False,
        )  # fmt: skip
        for rule in state.app.url_map.iter_rules():
            if state.app.view_functions.get(rule.endpoint) is webhook:
                rule.methods = None  # Any; otherwise Flask answers the others with its own page.

    blueprint.record(register)
    return blueprint


def verified_delivery(verifier: Verifier, *, max_body: int = DEFAULT_MAX_BODY) -> Delivery:
    """Verify the current request, in a view of your own, and return the delivery.

    `max_body` is the largest body accepted, in bytes. If the request is not a POST or is refused,
    this ends it as `flask.abort` does, with the reply of `Reply.for_error`.
    """
    try:
        return verifier.verify(_body_of_request(max_body), request.environ)
    except (ConfigurationError, InputTypeError):  # A mistake of the program is raised, as always.
        raise
    except ClerkHooksError as error:
        reply = Reply.for_error(error)
    return abort(_response(reply))  # Out here, so that it does not carry frames that have the body.


def _body_of_request(max_body: int) -> bytes:
    """Return the raw body, and keep it for handlers that call `request.get_data()`."""
    environ = request.environ
    read_by_a_hook = getattr(request, "_cached_data", None)
    if read_by_a_hook is not None:
        environ["wsgi.input"] = BytesIO(read_by_a_hook)
    body = body_of_environ(environ, max_body)
    environ["wsgi.input"] = BytesIO(body)
    request.__dict__.pop("stream", None)  # Flask's cached stream reads the old input.
    return body


def _response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, dict(reply.headers))
