"""The endpoint: one HTTP request's body and headers in, one reply out, for any framework."""

import logging
from datetime import timedelta
from time import perf_counter

from .delivery import Body, Delivery, to_bytes
from .errors import (
    AbortDelivery,
    ClerkHooksError,
    ConfigurationError,
    HandlerError,
    InputTypeError,
    PayloadError,
    RequestTooLarge,
)
from .eventloop import RunSync
from .headers import Headers
from .idempotency import IdempotencyStore
from .processing import DEFAULT_LEASE, Outcome, Processor
from .reply import ACCEPTED, Reply
from .router import Router
from .secret import Secret
from .signature import Verifier

DEFAULT_MAX_BODY = 1024 * 1024
"""Bytes. Clerk publishes no limit; its largest example, an email, is under 10 KB."""

_SLOW_SECONDS = 15.0  # Svix gives up on an attempt after this, and retries it.

_logger = logging.getLogger("clerk_hooks")


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
        if secret is not None and verifier is not None:
            raise ConfigurationError("pass secret or verifier, not both: a verifier has a secret")
        if verifier is not None and not isinstance(verifier, Verifier):
            raise ConfigurationError(f"verifier must be a Verifier, not {type(verifier).__name__}")
        if not isinstance(max_body, int) or isinstance(max_body, bool) or max_body < 0:
            raise ConfigurationError("max_body must be a number of bytes, not negative")
        self.verifier = Verifier(secret) if verifier is None else verifier
        # Last: it makes demands on the router, which an endpoint that is refused must not.
        self.processor = Processor(router, store=store, lease=lease)
        self.max_body = max_body

    def receive(self, body: Body, headers: Headers) -> Reply:
        """Verify a request, run its handlers and answer it.

        `body` is the raw request body, `headers` any container of headers. Raises nothing but
        `InputTypeError` and `ConfigurationError`, which are mistakes of the calling program.
        """
        receipt = _Receipt()
        try:
            delivery = receipt.delivery = self._verified(body, headers)
            return receipt.close(self.processor.process(delivery))
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
            delivery = receipt.delivery = self._verified(body, headers)
            return receipt.close(await self.processor.aprocess(delivery, run_sync=run_sync))
        except ClerkHooksError as error:
            return receipt.refuse(error)

    def reply(self, error: ClerkHooksError) -> Reply:
        """Answer, and log, what an adapter finds wrong before there is a body to receive."""
        return _Receipt().refuse(error)

    def _verified(self, body: Body, headers: Headers) -> Delivery:
        payload = body if type(body) is bytes else to_bytes(body)
        if isinstance(payload, InputTypeError):
            raise payload
        if len(payload) > self.max_body:
            raise RequestTooLarge
        return self.verifier.verify(payload, headers)


class _Receipt:
    """One request on its way to a reply; says in the log how it ended."""

    __slots__ = ("_started", "delivery")

    def __init__(self) -> None:
        self.delivery: Delivery | None = None
        self._started = perf_counter()

    def close(self, outcome: Outcome) -> Reply:
        """End with a delivery that was accepted."""
        seconds = perf_counter() - self._started
        # Mostly nobody wants to hear of it, and `_log` need not be asked.
        if seconds > _SLOW_SECONDS or _logger.isEnabledFor(logging.INFO):
            self._log(logging.INFO, outcome, seconds)
        return ACCEPTED[outcome]

    def refuse(self, error: ClerkHooksError) -> Reply:
        """End with an error; one of the calling program's own is raised, not answered."""
        if isinstance(error, (ConfigurationError, InputTypeError)):
            raise error.with_traceback(None)  # In its frames there is the payload.
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
        event_type = None if self.delivery is None else _readable_type(self.delivery)
        details = {
            "message_id": message_id,
            "event_type": event_type,
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


def _readable_type(delivery: Delivery) -> str | None:
    try:
        return delivery.type
    except PayloadError:
        return None
