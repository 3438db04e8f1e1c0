"""Replies: which status answers which outcome or error.

The choice follows what Svix does next: it stops at any 2xx, and retries everything else unless the
reply says ``webhook-delivery: abort-message``.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from .errors import AbortDelivery, ClerkHooksError, HandlerError, MethodNotAllowed


class Reply(NamedTuple):
    """What to answer the request with."""

    status: int
    """The HTTP status."""
    body: bytes
    """A small JSON object: ``outcome``, or ``error`` with a reason and usually a message."""
    headers: Mapping[str, str]
    """The response headers, without a Content-Length."""

    @staticmethod
    def for_error(error: ClerkHooksError) -> "Reply":
        """The reply to a request that ended in `error`. Nothing is logged here.

        A 5xx gives no details. A `HandlerError` is answered like `AbortDelivery` if the handlers
        raised nothing else.
        """
        if isinstance(error, HandlerError) and error.is_abort:
            error = AbortDelivery()
        content = {"error": error.reason}
        if error.status < 500 and not isinstance(error, AbortDelivery):
            content["message"] = str(error)
        return _reply(error.status, content, _extra_headers(error))


def _extra_headers(error: ClerkHooksError) -> dict[str, str]:
    if isinstance(error, AbortDelivery):
        return {"webhook-delivery": "abort-message"}  # Svix, "Delivery control"
    if isinstance(error, MethodNotAllowed):
        return {"allow": "POST"}  # RFC 9110, 15.5.6
    return {}


def _reply(status: int, content: dict[str, str], headers: dict[str, str]) -> Reply:
    body = json.dumps(content, separators=(",", ":")).encode()
    return Reply(status, body, MappingProxyType({"content-type": "application/json", **headers}))


ACCEPTED = {
    outcome: _reply(202 if outcome == "queued" else 200, {"outcome": outcome}, {})
    for outcome in ("handled", "unhandled", "duplicate", "stale", "queued")
}
"""The replies to a delivery that was accepted, by its outcome."""
