"""Receive Clerk's webhooks in any Python framework: verified, typed, routed.

    from clerk_hooks import Endpoint, Router

    router = Router()

    @router.on("user.created")
    def welcome(event: UserCreated) -> None: ...

    endpoint = Endpoint(router)  # the secret is CLERK_WEBHOOK_SIGNING_SECRET

Importing this loads neither pydantic nor asyncio nor any framework.
"""

from typing import TYPE_CHECKING

from .delivery import Delivery
from .endpoint import Endpoint
from .errors import (
    AbortDelivery,
    ClaimLost,
    ClerkHooksError,
    ConfigurationError,
    HandlerError,
    InProgress,
    InputTypeError,
    LengthRequired,
    MalformedHeader,
    MalformedRequest,
    MethodNotAllowed,
    MissingHeader,
    NoMatchingSignature,
    PayloadError,
    QueueUnavailable,
    RequestTooLarge,
    SecretError,
    StoreUnavailable,
    TimestampOutsideTolerance,
    UnreadableValue,
    VerificationError,
)
from .inbox import AsyncInbox, Inbox, RetryPolicy
from .memory import MemoryStore
from .observe import Observer
from .processing import Processor
from .protocols import AsyncIdempotencyStore, IdempotencyStore
from .reading import parse_event
from .reply import Reply
from .router import Router
from .signature import Verifier, verify
from .signing import sign
from .svix_verifier import SvixVerifier

if TYPE_CHECKING:
    from .worker import Worker

__version__ = "0.1.0"

__all__ = [
    "AbortDelivery",
    "AsyncIdempotencyStore",
    "AsyncInbox",
    "ClaimLost",
    "ClerkHooksError",
    "ConfigurationError",
    "Delivery",
    "Endpoint",
    "HandlerError",
    "IdempotencyStore",
    "InProgress",
    "Inbox",
    "InputTypeError",
    "LengthRequired",
    "MalformedHeader",
    "MalformedRequest",
    "MemoryStore",
    "MethodNotAllowed",
    "MissingHeader",
    "NoMatchingSignature",
    "Observer",
    "PayloadError",
    "Processor",
    "QueueUnavailable",
    "Reply",
    "RequestTooLarge",
    "RetryPolicy",
    "Router",
    "SecretError",
    "StoreUnavailable",
    "SvixVerifier",
    "TimestampOutsideTolerance",
    "UnreadableValue",
    "VerificationError",
    "Verifier",
    "Worker",
    "__version__",
    "parse_event",
    "sign",
    "verify",
]


if not TYPE_CHECKING:  # So that checkers know a misspelt name.

    def __getattr__(name: str) -> object:
        if name == "Worker":
            from .worker import Worker

            return Worker
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
