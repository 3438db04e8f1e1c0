"""The errors of clerk_hooks: one tree, each with a reason and the HTTP status that answers it.

    ClerkHooksError                          reason, status, a message that is safe to show
      ConfigurationError (ValueError)        at start: a mistake in the program or its settings
        SecretError                          wrong or missing signing secret
      InputTypeError (TypeError)             the caller's mistake: no body, no headers
      VerificationError              400     not proven to come from Clerk
        MissingHeader
        MalformedHeader
        TimestampOutsideTolerance
        NoMatchingSignature
      PayloadError                   422     verified, but not a readable event
      HandlerError                   500     handlers raised
      AbortDelivery                  422     a handler gave the delivery up for good
      MalformedRequest               400     bad Content-Length, truncated body
      MethodNotAllowed               405
      InProgress                     409     being handled elsewhere at this moment
      LengthRequired                 411
      RequestTooLarge                413
      StoreUnavailable               503

Messages never hold a secret, a signature or a payload. This module imports nothing of the library.
"""

from collections.abc import Sequence
from typing import ClassVar


class ClerkHooksError(Exception):
    """Base of every error that this library raises.

    `message` says what is wrong and what to do; without it the class's own text stands.
    `reason` is the word for logs and replies; without it the class's own word stands.
    """

    status: ClassVar[int] = 500
    """HTTP status that answers a request which ended in this error."""
    reason: str = "error"
    """One plain word for what went wrong, for programs: it is the same in every release."""
    default_message: ClassVar[str] = "clerk_hooks could not do what was asked"
    """Message of an instance that was built without one."""

    def __init__(self, message: str | None = None, *, reason: str | None = None) -> None:
        super().__init__(self.default_message if message is None else message)
        if reason is not None:
            self.reason = reason


class ConfigurationError(ClerkHooksError, ValueError):
    """A mistake in the program or its settings, best found when the program starts."""

    reason = "bad_configuration"
    default_message = "clerk_hooks is set up wrongly"


class SecretError(ConfigurationError):
    """The signing secret is missing, or is not one."""

    reason = "bad_secret"
    default_message = "the signing secret is missing or wrong"


class InputTypeError(ClerkHooksError, TypeError):
    """What was passed as body, headers or event is none: a mistake of the calling code."""

    reason = "bad_input"
    default_message = "pass the raw request body (bytes) and the request's headers"


class VerificationError(ClerkHooksError):
    """The request is not proven to come from Clerk, so nothing in it may be trusted."""

    status = 400
    reason = "not_verified"
    default_message = "the request is not proven to come from Clerk"


class MissingHeader(VerificationError):
    """Neither the three ``svix-*`` headers nor the three ``webhook-*`` headers are all there."""

    reason = "missing_header"
    default_message = "a signature header is missing"


class MalformedHeader(VerificationError):
    """A signature header breaks its form: `bad_timestamp`, `bad_message_id`, `duplicate_header`."""

    reason = "malformed_header"
    default_message = "a signature header is malformed"


class TimestampOutsideTolerance(VerificationError):
    """The attempt was signed too long ago (`too_old`) or in the future (`too_new`)."""

    reason = "too_old"
    default_message = "the timestamp is outside the tolerance"


class NoMatchingSignature(VerificationError):
    """No signature fits body, message id, timestamp and signing secret together."""

    reason = "no_match"
    default_message = (
        "no signature matches: the body was changed after signing (pass the raw bytes, not parsed "
        "JSON), the signing secret is another endpoint's, or the request is forged"
    )


class PayloadError(ClerkHooksError):
    """Verified, but not readable: `not_json`, `no_type`, or `bad_shape` for its event type."""

    status = 422
    reason = "bad_shape"
    default_message = "the payload is not a readable Clerk event"


class HandlerError(ClerkHooksError):
    """One or more handlers of a delivery raised; the others have run all the same."""

    reason = "handler_failed"
    default_message = "a handler failed"

    errors: tuple[Exception, ...]
    """What the handlers raised, in the order in which they ran."""
    failed: tuple[str, ...]
    """The names of the handlers that raised, in the same order."""
    done: tuple[str, ...]
    """The names of the handlers that need not run again: they have succeeded, now or earlier."""

    def __init__(
        self,
        message: str | None = None,
        errors: Sequence[Exception] = (),
        *,
        failed: Sequence[str] = (),
        done: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.errors = tuple(errors)
        self.failed = tuple(failed)
        self.done = tuple(done)

    @property
    def is_abort(self) -> bool:
        """Whether every handler that raised gave the delivery up for good."""
        return bool(self.errors) and all(isinstance(e, AbortDelivery) for e in self.errors)


class AbortDelivery(ClerkHooksError):
    """For handlers to raise: this delivery has failed for good, and Svix shall not retry it."""

    status = 422
    reason = "aborted"
    default_message = "a handler gave the delivery up for good"


class MalformedRequest(ClerkHooksError):
    """The HTTP request itself is broken: bad Content-Length, or a body shorter than announced."""

    status = 400
    reason = "malformed_request"
    default_message = "the request's body does not fit its Content-Length"


class MethodNotAllowed(ClerkHooksError):
    """Webhooks come by POST only."""

    status = 405
    reason = "method_not_allowed"
    default_message = "webhooks are delivered by POST"


class InProgress(ClerkHooksError):
    """Some handler of this message is being run elsewhere right now: come back later."""

    status = 409
    reason = "in_progress"
    default_message = "this message is being handled elsewhere right now"


class LengthRequired(ClerkHooksError):
    """A body in a Transfer-Encoding that the server does not undo, so that its end is unknown."""

    status = 411
    reason = "length_required"
    default_message = "send a Content-Length: this server does not undo the Transfer-Encoding"


class RequestTooLarge(ClerkHooksError):
    """The body is larger than the endpoint's `max_body`."""

    status = 413
    reason = "too_large"
    default_message = "the body is larger than this endpoint accepts"


class StoreUnavailable(ClerkHooksError):
    """The idempotency store or the queue does not answer, so nothing was acknowledged."""

    status = 503
    reason = "store_unavailable"
    default_message = "the store does not answer"
