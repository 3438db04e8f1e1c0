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
)

if TYPE_CHECKING:
    from collections.abc import Callable


def lambda_handler(endpoint: Endpoint) -> Callable[[Mapping[str, Any], object], dict[str, Any]]:
    """Return a Lambda handler ``(event, context) -> reply`` that answers with `endpoint`.

    The handler raises `InputTypeError` if the event is not an HTTP request.
    """

    def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
        try:
            request: Any = event.get("requestContext")
            # Format 1.0 and load balancers have the first, format 2.0 and function URLs the second.
            method = event.get("httpMethod") or request["http"]["method"]
            is_elb = request is not None and request.get("elb") is not None
            has_lists = "multiValueHeaders" in event and event.get("headers") is None
        except (AttributeError, LookupError, TypeError) as error:
            del event  # The error must not take it along.
            raise _not_a_request() from error
        try:
            if method != "POST":
                raise MethodNotAllowed
            reply = endpoint.receive(_body_of(event), _headers_of(event))
        except ClerkHooksError as error:
            del event  # Nor must an error that `reply` raises.
            reply = endpoint.reply(error)
        response: dict[str, Any] = {
            "statusCode": reply.status,
            "headers": dict(reply.headers.items()),  # Twice as fast as from the mapping itself.
            "body": reply.body.decode(),
            "isBase64Encoded": False,
        }
        return _for_load_balancer(response, has_lists=has_lists) if is_elb else response

    return handler


def _not_a_request() -> InputTypeError:
    return InputTypeError(
        "this Lambda event is not an HTTP request: connect the function to API Gateway, a function "
        "URL or an Application Load Balancer",
        reason="bad_event",
    )


def _headers_of(event: Mapping[str, Any]) -> Any:
    # Either may be null; only the first has every copy of a repeated header.
    return event.get("multiValueHeaders") or event.get("headers") or {}


def _body_of(event: Mapping[str, Any]) -> Any:
    body = event.get("body") or ""
    # The endpoint says what is wrong with a body of another type.
    if not event.get("isBase64Encoded") or not isinstance(body, str):
        return body
    try:
        return b64decode(body, validate=True)
    except ValueError as error:
        raise MalformedRequest("the body is not the base64 that the event says it is") from error


def _for_load_balancer(response: dict[str, Any], *, has_lists: bool) -> dict[str, Any]:
    status = HTTPStatus(response["statusCode"])
    response["statusDescription"] = f"{status.value} {status.phrase}"
    # A target group that sends `multiValueHeaders` ignores `headers` in the reply.
    if has_lists:
        response["multiValueHeaders"] = {k: [v] for k, v in response.pop("headers").items()}
    return response
