"""The endpoint: one HTTP request's body and headers in, one reply out, whatever the framework.

Which outcome gets which status is decided here, by what Svix does next: it stops on any 2xx, and
retries on everything else unless the reply says ``webhook-delivery: abort-message``.
"""

import json
import logging
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from time import perf_counter
from types import MappingProxyType
from typing import NamedTuple

from .claims import Claims, check_name, check_needs_no_store
from .delivery import Body, Delivery, likely_type, to_bytes
from .dispatch import arun_handlers, run_handlers
from .errors import (
    AbortDelivery,
    ClerkHooksError,
    ConfigurationError,
    HandlerError,
    InProgress,
    InputTypeError,
    MethodNotAllowed,
    RequestTooLarge,
)
from .eventloop import RunSync
from .handler import RegisteredHandler
from .headers import Headers
from .idempotency import IdempotencyStore, is_store
from .router import Router
from .secret import Secret
from .signature import Verifier

DEFAULT_MAX_BODY = 1024 * 1024
"""Bytes. Clerk publishes no limit; its largest example, an email, is under 10 KB."""

DEFAULT_LEASE = timedelta(seconds=60)
"""Four times what Svix waits for a reply, so that a slow handler is not taken over by a retry."""

_SLOW_SECONDS = 15.0  # Svix gives up on an attempt after this, and retries it.

_logger = logging.getLogger("clerk_hooks")


class Reply(NamedTuple):
    """What to answer the request with."""

    status: int
    """The HTTP status."""
    body: bytes
    """A small JSON object: ``outcome``, or ``error`` with a reason and for most a message."""
    headers: Mapping[str, str]
    """The response headers, without a Content-Length."""

    @staticmethod
    def for_error(error: ClerkHooksError) -> "Reply":
        """The reply that answers a request which ended in `error`. Nothing is logged here.

        A 5xx tells no details. `HandlerError` becomes an `AbortDelivery` where the handlers raised
        nothing else.
        """
        if _is_abort(error):
            error = AbortDelivery()
        content = {"error": error.reason}
        if error.status < 500 and not isinstance(error, AbortDelivery):
            content["message"] = str(error)
        return _reply(error.status, content, _extra_headers(error))


def _is_abort(error: ClerkHooksError) -> bool:
    """Whether handlers failed, and all of them for good."""
    if not isinstance(error, HandlerError) or not error.errors:
        return False
    return all(isinstance(failure, AbortDelivery) for failure in error.errors)


@contextmanager
def _precedence(claims: Claims) -> Generator[None]:
    """Which of several outcomes is the reply: a failure, a handler run elsewhere, an abort."""
    try:
        yield
    except HandlerError as error:
        if claims.is_waiting and _is_abort(error):
            raise InProgress from error
        raise
    if claims.is_waiting:
        raise InProgress


def _extra_headers(error: ClerkHooksError) -> dict[str, str]:
    if isinstance(error, AbortDelivery):
        return {"webhook-delivery": "abort-message"}  # Svix, "Delivery control"
    if isinstance(error, MethodNotAllowed):
        return {"allow": "POST"}  # RFC 9110, 15.5.6
    return {}


def _reply(status: int, content: dict[str, str], headers: dict[str, str]) -> Reply:
    body = json.dumps(content, separators=(",", ":")).encode()
    return Reply(status, body, MappingProxyType({"content-type": "application/json", **headers}))


_ACCEPTED = {
    outcome: _reply(200, {"outcome": outcome}, {})
    for outcome in ("handled", "unhandled", "duplicate", "stale")
}


class Endpoint:
    """Verifies, routes and answers: everything of a webhook endpoint but the HTTP.

    `router` has the handlers. `secret` is one signing secret or several (default: the environment
    variable ``CLERK_WEBHOOK_SIGNING_SECRET``); or pass a `verifier` of your own making, such as
    ``SvixVerifier()``. With a `store`, each handler runs once per message: a retry runs those that
    have not succeeded. `lease` is how long a handler may take before another attempt may take it
    over; without a store it has no effect. `max_body` is the largest body accepted, in bytes.

    Raises `SecretError` and `ConfigurationError`.
    """

    def __init__(  # noqa: PLR0913 - settings, by keyword
        self,
        router: Router,
        *,
        secret: Secret | None = None,
        verifier: Verifier | None = None,
        store: IdempotencyStore | None = None,
        lease: timedelta = DEFAULT_LEASE,
        max_body: int = DEFAULT_MAX_BODY,
    ) -> None:
        if not isinstance(router, Router):
            raise ConfigurationError(f"router: a Router, not {type(router).__name__}")
        if secret is not None and verifier is not None:
            raise ConfigurationError("pass secret or verifier, not both: a verifier has its secret")
        if verifier is not None and not isinstance(verifier, Verifier):
            raise ConfigurationError(f"verifier: a Verifier, not {type(verifier).__name__}")
        if not isinstance(max_body, int) or isinstance(max_body, bool) or max_body < 0:
            raise ConfigurationError("max_body: a number of bytes that is not negative")
        if store is not None and not is_store(store):
            raise ConfigurationError(f"store: an IdempotencyStore, not {type(store).__name__}")
        if not isinstance(lease, timedelta) or lease <= timedelta(0):
            raise ConfigurationError("lease: a timedelta that is positive")
        self.router = router
        self.store = store
        self.lease = lease
        self.verifier = Verifier(secret) if verifier is None else verifier
        self.max_body = max_body
        router.hold_to(check_needs_no_store if store is None else check_name)

    def receive(self, body: Body, headers: Headers) -> Reply:
        """Verify a request, run its handlers and answer it.

        `body` is the raw request body, `headers` any container of headers. Raises nothing but
        `InputTypeError` and `ConfigurationError`, which are mistakes of the calling program.
        """
        receipt = _Receipt()
        try:
            delivery, handlers = self._open(body, headers, receipt)
            if not handlers:
                return receipt.close("unhandled")
            if self.store is None:
                run_handlers(handlers, delivery.event, delivery)
                return receipt.close("handled")
            with self._claims(self.store, handlers, delivery) as claims:
                with _precedence(claims):
                    run_handlers(claims.to_run, delivery.event, delivery, claims)
                return receipt.close(claims.outcome)
        except ClerkHooksError as error:
            return receipt.refuse(error)

    async def areceive(
        self, body: Body, headers: Headers, *, run_sync: RunSync | None = None
    ) -> Reply:
        """Like `receive`, on the running event loop; sync handlers run through `run_sync`.

        Without `run_sync` they run in a thread (`asyncio.to_thread`).
        """
        receipt = _Receipt()
        try:
            delivery, handlers = self._open(body, headers, receipt)
            if not handlers:
                return receipt.close("unhandled")
            if self.store is None:
                await arun_handlers(handlers, delivery.event, delivery, run_sync)
                return receipt.close("handled")
            async with self._claims(self.store, handlers, delivery) as claims:
                with _precedence(claims):
                    await arun_handlers(claims.to_run, delivery.event, delivery, run_sync, claims)
                return receipt.close(claims.outcome)
        except ClerkHooksError as error:
            return receipt.refuse(error)

    def reply(self, error: ClerkHooksError) -> Reply:
        """Answer, and log, what an adapter finds wrong before there is a body to receive."""
        return _Receipt().refuse(error)

    def _claims(
        self, store: IdempotencyStore, handlers: Sequence[RegisteredHandler], delivery: Delivery
    ) -> Claims:
        return Claims(store, self.lease, delivery.message_id, delivery.event, handlers)

    def _open(
        self, body: Body, headers: Headers, receipt: "_Receipt"
    ) -> tuple[Delivery, tuple[RegisteredHandler, ...]]:
        """The verified delivery and its handlers.

        Where the payload seems to be of a type that is wanted, it is parsed as that at once.
        """
        payload = body if type(body) is bytes else to_bytes(body)
        if len(payload) > self.max_body:
            raise RequestTooLarge
        delivery = self.verifier.verify(payload, headers)
        receipt.delivery = delivery
        guess = likely_type(payload)
        if guess is not None:
            handlers = self.router.registered_for(guess)
            if handlers and delivery.is_readable_as(guess):
                receipt.event_type = guess
                return delivery, handlers
        receipt.event_type = delivery.type
        return delivery, self.router.registered_for(delivery.type)


class _Receipt:
    """One request on its way to a reply; says in the log how it ended."""

    __slots__ = ("_started", "delivery", "event_type")

    def __init__(self) -> None:
        self.delivery: Delivery | None = None
        self.event_type: str | None = None
        self._started = perf_counter()

    def close(self, outcome: str) -> Reply:
        """End with a delivery that was accepted."""
        seconds = perf_counter() - self._started
        # Mostly nobody wants to hear of it, and `_log` need not be asked.
        if seconds > _SLOW_SECONDS or _logger.isEnabledFor(logging.INFO):
            self._log(logging.INFO, outcome, seconds)
        return _ACCEPTED[outcome]

    def refuse(self, error: ClerkHooksError) -> Reply:
        """End with an error; one of the calling program's own is raised, not answered."""
        if isinstance(error, (ConfigurationError, InputTypeError)):
            raise error
        reply = Reply.for_error(error)
        seconds = perf_counter() - self._started
        if isinstance(error, HandlerError):  # Each failure has been logged with its traceback.
            aborted = reply.status == AbortDelivery.status
            self._log(logging.INFO, "aborted" if aborted else "failed", seconds)
        else:
            self._log(logging.WARNING, "refused", seconds, error)
        return reply

    def _log(
        self, level: int, outcome: str, seconds: float, error: ClerkHooksError | None = None
    ) -> None:
        if seconds > _SLOW_SECONDS:
            level = max(level, logging.WARNING)
        if not _logger.isEnabledFor(level):
            return
        # Only a verified delivery has a message id that can be trusted.
        message_id = None if self.delivery is None else self.delivery.message_id
        details = {
            "message_id": message_id,
            "event_type": self.event_type,
            "outcome": outcome,
            "duration": seconds,
        }
        text = "%(outcome)s after %(duration).3f s"
        if message_id is not None:
            text = "%(message_id)s %(event_type)s: " + text
        if error is not None:
            details |= {"reason": error.reason, "detail": str(error)}
            text += ", %(reason)s: %(detail)s"
        if seconds > _SLOW_SECONDS:
            text += "; Svix gives up after 15 s, and retries"
        _logger.log(level, text, details, extra=details)
