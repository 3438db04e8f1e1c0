"""AWS Lambda: an endpoint as a handler, behind API Gateway, a function URL or a load balancer.

The forms of events and replies are those of the AWS documentation: "Working with AWS Lambda proxy
integrations for HTTP APIs" (1.0 and 2.0), "Lambda function URLs", and "Lambda functions as targets"
of an Application Load Balancer.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from .. import (
    ClerkHooksError,
    Endpoint,
    InputTypeError,
    MalformedRequest,
    MethodNotAllowed,
    Reply,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def lambda_handler(endpoint: Endpoint) -> Callable[[Mapping[str, Any], object], dict[str, Any]]:
    """A Lambda handler ``(event, context) -> reply`` that answers with `endpoint`.

    It raises `InputTypeError` for an event that is no HTTP request.
    """

    def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
        method = _method(event)
        # Either may be null; only the first has every copy of a header that came twice.
        headers: Mapping[str, object] | None = event.get("multiValueHeaders") or event.get(
            "headers"
        )
        try:
            if method != "POST":
                raise MethodNotAllowed
            reply = endpoint.receive(_read_body(event), headers or {})
        except ClerkHooksError as error:
            reply = endpoint.reply(error)
        return _response(reply, event)

    return handler


def _method(event: Mapping[str, Any]) -> str:
    """The HTTP method, from an event of format 1.0 or of a load balancer, or of format 2.0."""
    try:
        method = event.get("httpMethod") or event["requestContext"]["http"]["method"]
    except (AttributeError, LookupError, TypeError) as error:
        raise InputTypeError(
            "this Lambda event is no HTTP request: connect the function to API Gateway, a function "
            "URL or an Application Load Balancer",
            reason="bad_event",
        ) from error
    return str(method)


def _read_body(event: Mapping[str, Any]) -> str | bytes:
    body: str = event.get("body") or ""
    if not event.get("isBase64Encoded") or not isinstance(body, str):
        return body  # The endpoint says what is wrong with a body that is no text.
    try:
        return b64decode(body, validate=True)
    except ValueError as error:
        raise MalformedRequest("the body is not the base64 that the event says it is") from error


def _response(reply: Reply, event: Mapping[str, Any]) -> dict[str, Any]:
    response: dict[str, Any] = {
        "statusCode": reply.status,
        "headers": dict(reply.headers.items()),  # From the mapping itself it takes twice as long.
        "body": reply.body.decode(),
        "isBase64Encoded": False,
    }
    if "elb" in (event.get("requestContext") or ()):
        response["statusDescription"] = f"{reply.status} {HTTPStatus(reply.status).phrase}"
        # A target group that sends `multiValueHeaders` instead reads nothing but these.
        if "multiValueHeaders" in event and event.get("headers") is None:
            response["multiValueHeaders"] = {k: [v] for k, v in response.pop("headers").items()}
    return response
