"""The errors of clerk_hooks: one tree. Each has a reason, and the HTTP status of the reply.

    ClerkHooksError                          reason, status, a message that is safe to show
      ConfigurationError (ValueError)        at start: a mistake in the program or its settings
        SecretError                          missing or wrong signing secret
      InputTypeError (TypeError)             a mistake in the calling code: not a body, not headers
      VerificationError              400     not proven to come from Clerk
        MissingHeader
        MalformedHeader
        TimestampOutsideTolerance
        NoMatchingSignature
      PayloadError                   422     verified, but not a readable event
      UnreadableValue                500     a handler read a field whose value does not fit
      HandlerError                   500     handlers raised
      AbortDelivery                  422     a handler gave up on the delivery for good
      MalformedRequest               400     bad Content-Length, truncated body
      MethodNotAllowed               405
      InProgress                     409     being handled elsewhere right now
        ClaimLost                            a handler's claim was lost while it ran
      LengthRequired                 411
      RequestTooLarge                413
      StoreUnavailable               503
        QueueUnavailable                     the delivery could not be handed over

A message never contains a secret, a signature or a payload. Nor does a local variable of a function
of this library that an error leaves, because error trackers record those; the only exceptions are
the arguments `secret`, `body` and `headers` of the public function that was called. So inner
functions return problems, and the public function raises them.

This module imports nothing from the library.
"""

from collections.abc import Sequence
from types import FrameType
from typing import ClassVar, TypeVar

_Error = TypeVar("_Error", bound=BaseException)


class ClerkHooksError(Exception):
    """Base class of every error that this library raises.

    `message` says what is wrong and what to do; the default is the class's own text. `reason` is
    the word for logs and replies; the default is the class's own word.
    """

    status: ClassVar[int] = 500
    """HTTP status of the reply to a request that ended in this error."""
    reason: str = "error"
    """One plain word for what went wrong. Programs can rely on it: it never changes."""
    default_message: ClassVar[str] = "clerk_hooks could not do what it was asked to do"
    """The message of an instance that was created without one."""

    def __init__(self, message: str | None = None, *, reason: str | None = None) -> None:
        super().__init__(self.default_message if message is None else message)
        if reason is not None:
            self.reason = reason


class ConfigurationError(ClerkHooksError, ValueError):
    """A mistake in the program or its settings, usually raised when the program starts."""

    reason = "bad_configuration"
    default_message = "clerk_hooks is not set up correctly"


class SecretError(ConfigurationError):
    """The signing secret is missing, or is not a signing secret."""

    reason = "bad_secret"
    default_message = "the signing secret is missing or wrong"


class InputTypeError(ClerkHooksError, TypeError):
    """Something was passed that is not a body, headers or an event: a bug in the calling code."""

    reason = "bad_input"
    default_message = "pass the raw request body (bytes) and the request's headers"


class VerificationError(ClerkHooksError):
    """The request is not proven to come from Clerk, so nothing in it can be trusted."""

    status = 400
    reason = "not_verified"
    default_message = "the request is not proven to come from Clerk"


class MissingHeader(VerificationError):
    """Neither the ``svix-*`` headers nor the ``webhook-*`` headers are complete."""

    reason = "missing_header"
    default_message = "a signature header is missing"


class MalformedHeader(VerificationError):
    """A signature header is malformed, or there are copies that differ.

    Reasons: `bad_timestamp`, `bad_message_id`, `duplicate_header`, `too_many_signatures`.
    """

    reason = "malformed_header"
    default_message = "a signature header is malformed"


class TimestampOutsideTolerance(VerificationError):
    """The attempt was signed too long ago (`too_old`) or in the future (`too_new`)."""

    reason = "too_old"
    default_message = "the timestamp is outside the tolerance"


class NoMatchingSignature(VerificationError):
    """No signature matches this body, message id, timestamp and signing secret."""

    reason = "no_match"
    default_message = (
        "no signature matches: the body changed after signing (pass the raw bytes, not parsed "
        "JSON), the signing secret belongs to another endpoint, or the request is forged"
    )


class PayloadError(ClerkHooksError):
    """Verified, but not readable: `not_json`, `no_type`, or `bad_shape` for the event type.

    Of a text that `Delivery.from_json` was given: `not_a_delivery`, or `unknown_version`.
    """

    status = 422
    reason = "bad_shape"
    default_message = "the payload is not a readable Clerk event"


class UnreadableValue(ClerkHooksError):
    """A handler read a field of an event whose value could not be read as the type of the field.

    The rest of the event is as usual; `Event.unreadable` names such fields. A retry succeeds once
    the handler does without the field, or the library knows its new type. Not an `AttributeError`,
    so that ``getattr(model, name, None)`` does not hide it.
    """

    reason = "unreadable_value"
    default_message = "a value of the event could not be read as the type of its field"


class HandlerError(ClerkHooksError):
    """One or more handlers of a delivery raised. The others still ran."""

    reason = "handler_failed"
    default_message = "a handler failed"

    errors: tuple[Exception, ...]
    """The errors that the handlers raised, in the order in which they ran."""
    failed: tuple[str, ...]
    """The names of the handlers that raised, in the same order."""
    done: tuple[str, ...]
    """The names of the handlers that need not run again: they succeeded, now or earlier."""

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
        """Whether every handler that raised gave up on the delivery for good."""
        return bool(self.errors) and all(isinstance(e, AbortDelivery) for e in self.errors)


class AbortDelivery(ClerkHooksError):
    """For handlers to raise: the delivery has failed for good, and Svix must not retry it."""

    status = 422
    reason = "aborted"
    default_message = "a handler gave up on the delivery for good"


class MalformedRequest(ClerkHooksError):
    """The HTTP request itself is broken: a bad Content-Length, or a body shorter than that."""

    status = 400
    reason = "malformed_request"
    default_message = "the request's body does not match its Content-Length"


class MethodNotAllowed(ClerkHooksError):
    """The request is not a POST."""

    status = 405
    reason = "method_not_allowed"
    default_message = "webhooks are delivered by POST"


class InProgress(ClerkHooksError):
    """A handler of this message is running elsewhere right now: try again later."""

    status = 409
    reason = "in_progress"
    default_message = "this message is being handled elsewhere right now"


class ClaimLost(InProgress):
    """A handler's claim was lost while it ran; the log says how."""

    reason = "claim_lost"
    default_message = "a handler ended, but its claim was lost meanwhile"


class LengthRequired(ClerkHooksError):
    """The server does not decode the body's Transfer-Encoding, so the body's end is unknown."""

    status = 411
    reason = "length_required"
    default_message = "send a Content-Length: this server does not decode the Transfer-Encoding"


class RequestTooLarge(ClerkHooksError):
    """The body is larger than the endpoint's `max_body`."""

    status = 413
    reason = "too_large"
    default_message = "the body is larger than this endpoint accepts"


class StoreUnavailable(ClerkHooksError):
    """The idempotency store or the queue does not answer, so the delivery is not acknowledged."""

    status = 503
    reason = "store_unavailable"
    default_message = "the store does not answer"


class QueueUnavailable(StoreUnavailable):
    """The queue to which an `Endpoint` hands deliveries over does not answer, or has failed."""

    reason = "queue_unavailable"
    default_message = "the queue does not answer"


def caused_by(problem: _Error, cause: BaseException) -> _Error:
    """`problem` with `cause` as its cause, but without our own frames: they hold secrets."""
    problem.__cause__ = without_our_frames(cause)
    return problem


def without_our_frames(error: _Error) -> _Error:
    """`error` with a traceback that begins in the caller's own code, or with none."""
    trace = error.__traceback__
    while trace is not None and _is_ours(trace.tb_frame):
        trace = trace.tb_next
    return error.with_traceback(trace)


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).partition(".")[0] == "clerk_hooks"
