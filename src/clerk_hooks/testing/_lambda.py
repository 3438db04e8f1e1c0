"""A request to an AWS Lambda handler, without AWS.

The event and the reply are those of the AWS documentation, "Working with AWS Lambda proxy
integrations for HTTP APIs", format 2.0, which function URLs use as well.
"""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from ..errors import InputTypeError
from ..reply import Reply

if TYPE_CHECKING:
    from ._signing import SignedRequest

_TIMEOUT = 30.0
"""Seconds: the longest that API Gateway waits for a function."""


class LambdaContext:
    """What the handler learns of its function, as in "AWS Lambda context object in Python"."""

    function_name = "test"
    function_version = "$LATEST"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:test"
    memory_limit_in_mb = "128"
    aws_request_id = "00000000-0000-4000-8000-000000000000"
    log_group_name = "/aws/lambda/test"
    log_stream_name = "test"
    identity = None
    client_context = None

    def __init__(self) -> None:
        self._deadline = time.monotonic() + _TIMEOUT

    def get_remaining_time_in_millis(self) -> int:
        """Until the function would be ended."""
        return max(0, round((self._deadline - time.monotonic()) * 1000))


def post_lambda(handler: Any, path: str, request: SignedRequest) -> Reply:
    """Call the handler as API Gateway's HTTP API would, and let its errors through."""
    answer: object = handler(_event(path, request), LambdaContext())
    if not isinstance(answer, Mapping) or "statusCode" not in answer:
        raise InputTypeError(
            "target: the function did not answer the request: a reply has a `statusCode`"
        )
    reply = cast("Mapping[str, Any]", answer)
    body: str = reply.get("body") or ""
    headers: dict[str, object] = {**(reply.get("headers") or {})}
    repeated: Mapping[str, list[object]] = reply.get("multiValueHeaders") or {}
    headers |= {name: values[-1] for name, values in repeated.items()}
    return Reply(
        int(reply["statusCode"]),
        b64decode(body) if reply.get("isBase64Encoded") else body.encode(),
        {name.lower(): str(value) for name, value in headers.items()},
    )


def _event(path: str, request: SignedRequest) -> dict[str, Any]:
    raw_path, _, query = path.partition("?")
    body, is_base64 = _body(request.body)
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": raw_path,
        "rawQueryString": query,
        "headers": {
            "host": "testserver",
            "content-length": str(len(request.body)),
            **{name.lower(): value for name, value in request.headers.items()},
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "test",
            "domainName": "testserver",
            "domainPrefix": "testserver",
            "http": {
                "method": "POST",
                "path": raw_path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "Svix-Webhooks",
            },
            "requestId": "test",
            "routeKey": "$default",
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime()),
            "timeEpoch": int(time.time() * 1000),
        },
        "body": body,
        "isBase64Encoded": is_base64,
    }


def _body(body: bytes) -> tuple[str, bool]:
    """The text of JSON; base64 only for bytes that are not text, as the gateway does."""
    try:
        return body.decode(), False
    except UnicodeDecodeError:
        return b64encode(body).decode(), True
