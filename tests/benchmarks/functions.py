"""The AWS Lambda functions that `http` compares, as one handler for AWS's runtime to import."""

from __future__ import annotations

import os
from time import process_time
from typing import Any

from clerk_hooks.adapters.aws_lambda import lambda_handler

from .http_apps import BY_HAND, CPU, FOLDER, OURS, endpoint, lambda_by_hand

_HANDLERS = {
    OURS: lambda_handler(endpoint(os.environ[FOLDER])),
    BY_HAND: lambda_by_hand(),
    CPU: lambda event, context: {"statusCode": 200, "body": str(process_time())},
}


def handler(event: Any, context: object) -> Any:
    """Calls the function at the event's path."""
    return _HANDLERS[event["rawPath"]](event, context)
