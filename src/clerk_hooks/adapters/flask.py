"""Flask: an endpoint as a blueprint, and verification for a view of one's own."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from .. import ClerkHooksError, Delivery, Endpoint, Reply, Verifier
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
    """A blueprint that answers with `endpoint` at `path`, with or without a slash at its end.

    Whatever the method, the reply is the endpoint's. One app may have several, under names of their
    own. Handlers run inside the request, so `flask.request` and `flask.g` are theirs too.
    """
    blueprint = Blueprint(name, __name__)

    def webhook() -> Response:
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
                rule.methods = None  # Any: Flask's own answer to the others is a page of its own.

    blueprint.record(register)
    return blueprint


def verified_delivery(verifier: Verifier, *, max_body: int = DEFAULT_MAX_BODY) -> Delivery:
    """The delivery that the current request is, for a view of one's own; its method must be POST.

    `max_body` is the largest body accepted, in bytes. What is refused ends the request as
    `flask.abort` does, with the reply of `Reply.for_error`.
    """
    try:
        return verifier.verify(_body_of_request(max_body), request.environ)
    except ClerkHooksError as error:
        abort(_response(Reply.for_error(error)))


def _body_of_request(max_body: int) -> bytes:
    """The raw body, which stays there for the handlers: `request.get_data()` gives it too."""
    environ = request.environ
    read_by_a_hook = getattr(request, "_cached_data", None)
    if read_by_a_hook is not None:
        environ["wsgi.input"] = BytesIO(read_by_a_hook)
    body = body_of_environ(environ, max_body)
    environ["wsgi.input"] = BytesIO(body)
    request.__dict__.pop("stream", None)  # It is over the input that has been read.
    return body


def _response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, reply.headers)
