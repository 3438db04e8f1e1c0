"""The endpoint: one HTTP request's body and headers in, one reply out, for any framework."""

import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import Literal, overload

from .body import Body, to_bytes
from .delivery import Delivery, with_context
from .errors import (
    AbortDelivery,
    ClerkHooksError,
    ConfigurationError,
    HandlerError,
    InputTypeError,
    RequestTooLarge,
)
from .handoff import DEFAULT_TIMEOUT, HandingOver, Handoff
from .headers import Headers
from .logs import is_logged, log
from .notification import Notify
from .observe import Observer, Seen, checked, elapsed, observed
from .processing import DEFAULT_LEASE, Outcome, Processor
from .protocols import AsyncIdempotencyStore, IdempotencyStore
from .reply import ACCEPTED, Reply
from .router import Router
from .secret import Secret
from .signature import Verifier
from .waiting import RunSync

DEFAULT_MAX_BODY = 1024 * 1024
"""Bytes. Clerk publishes no limit; its largest example, an email, is under 10 KB."""

_MISTAKES = (ConfigurationError, InputTypeError)
"""Mistakes of the calling program. They are raised, and never answered."""

_SLOW_SECONDS = 15.0  # Svix gives up on an attempt after this, and retries it.


class Endpoint:
    """Verifies, routes and answers: a whole webhook endpoint except for the HTTP.

    `router` has the handlers. `secret` is one signing secret or several (default: the environment
    variable ``CLERK_WEBHOOK_SIGNING_SECRET``); or pass a `verifier` of your own making, such as
    ``SvixVerifier()``. With a `store`, each handler runs once per message: a retry runs those that
    have not succeeded. `lease` is how long a handler may take before another attempt may take it
    over; without a store it has no effect. `max_body` is the largest body accepted, in bytes.
    `observers` surround each request, each handler and each handoff.

    Without a router and a store, `handoff` gets each verified delivery, for a worker: an `Inbox`,
    or a function, sync or async, that puts a delivery into a queue. Once it has, the reply is 202.
    The delivery is a duplicate if the function returns False. If the function raises, or takes
    longer than `handoff_timeout`, the reply is 503, and Svix tries again. An inbox has a timeout of
    its own. `notify` wakes a worker: a function, sync or async, that takes the message id. The
    reply waits for it for at most a second, and does not depend on it. `only` limits what is handed
    over to some event types, such as ``["user.*"]``.

    Raises `SecretError` and `ConfigurationError`.
    """

    @overload
    def __init__(
        self,
        router: Router,
        *,
        secret: Secret | None = None,
        verifier: Verifier | None = None,
        store: IdempotencyStore | AsyncIdempotencyStore | None = None,
        lease: timedelta = DEFAULT_LEASE,
        max_body: int = DEFAULT_MAX_BODY,
        observers: Iterable[Observer] = (),
    ) -> None: ...
    @overload
    def __init__(
        self,
        *,
        handoff: Handoff,
        notify: Notify | None = None,
        only: Iterable[str] = (),
        handoff_timeout: timedelta = DEFAULT_TIMEOUT,
        secret: Secret | None = None,
        verifier: Verifier | None = None,
        max_body: int = DEFAULT_MAX_BODY,
        observers: Iterable[Observer] = (),
    ) -> None: ...
    def __init__(  # noqa: PLR0913 - settings, by keyword
        self,
        router: Router | None = None,
        *,
        handoff: Handoff | None = None,
        notify: Notify | None = None,
        only: Iterable[str] = (),
        handoff_timeout: timedelta = DEFAULT_TIMEOUT,
        secret: Secret | None = None,
        verifier: Verifier | None = None,
        store: IdempotencyStore | AsyncIdempotencyStore | None = None,
        lease: timedelta = DEFAULT_LEASE,
        max_body: int = DEFAULT_MAX_BODY,
        observers: Iterable[Observer] = (),
    ) -> None:
        if secret is not None and verifier is not None:
            raise ConfigurationError("pass secret or verifier, not both: a verifier has a secret")
        if verifier is not None and not isinstance(verifier, Verifier):
            raise ConfigurationError(f"verifier must be a Verifier, not {type(verifier).__name__}")
        if not isinstance(max_body, int) or isinstance(max_body, bool) or max_body < 0:
            raise ConfigurationError("max_body must be a number of bytes, not negative")
        self.verifier = Verifier(secret) if verifier is None else verifier
        self.max_body = max_body
        self.handoff = handoff
        """What deliveries are handed over to; None if handlers run here."""
        self._observers = checked(observers)
        self._processes: Processor | HandingOver
        if handoff is not None:
            mistaken = _passed(router=router, store=store, lease=lease)
            if mistaken is not None:
                raise ConfigurationError(
                    f"{mistaken} cannot stand beside a handoff: it belongs to a worker's Processor"
                )
            self._processes = HandingOver(
                handoff, self._observers, notify=notify, only=only, timeout=handoff_timeout
            )
        else:
            mistaken = _passed(notify=notify, only=only, handoff_timeout=handoff_timeout)
            if mistaken is not None:
                raise ConfigurationError(f"{mistaken} needs a handoff")
            if router is None:
                raise ConfigurationError("router must be a Router, not None; or pass a handoff")
            # Last: it makes demands on the router, which an endpoint that is refused must not.
            self._processes = Processor(router, store=store, lease=lease, observers=self._observers)

    @property
    def processor(self) -> Processor:
        """What runs the handlers.

        Raises `ConfigurationError` if the endpoint has a handoff: then workers run them.
        """
        if isinstance(self._processes, HandingOver):
            raise ConfigurationError("an endpoint with a handoff has no processor: its worker has")
        return self._processes

    def receive(self, body: Body, headers: Headers, *, context: object = None) -> Reply:
        """Verify a request, run its handlers and answer it.

        `body` is the raw request body, `headers` any container of headers. `context` is any object
        for the handlers, which find it as `Delivery.context`. Raises nothing but `InputTypeError`
        and `ConfigurationError`, which are mistakes of the calling program.
        """
        seen = Seen()
        with observed(self._observers, seen):
            try:
                seen.delivery = delivery = self._verified(body, headers, context)
                return _accept(seen, self._processes.process(delivery))
            except ClerkHooksError as error:
                return _answer(seen, error)

    async def areceive(
        self,
        body: Body,
        headers: Headers,
        *,
        run_sync: RunSync | None = None,
        context: object = None,
    ) -> Reply:
        """Like `receive`, on the running event loop; sync handlers run through `run_sync`.

        Without `run_sync` they run in a thread (`asyncio.to_thread`).
        """
        seen = Seen()
        with observed(self._observers, seen):
            try:
                seen.delivery = delivery = self._verified(body, headers, context)
                return _accept(seen, await self._processes.aprocess(delivery, run_sync=run_sync))
            except ClerkHooksError as error:
                return _answer(seen, error)

    def reply(self, error: ClerkHooksError) -> Reply:
        """Answer, and log, an error that an adapter finds before there is a body to receive.

        Raises a mistake of the calling program, as `receive` does.
        """
        if isinstance(error, _MISTAKES):  # `receive` has raised it: the request was observed.
            raise error.with_traceback(None)
        seen = Seen()
        with observed(self._observers, seen):
            return _answer(seen, error)

    def _verified(self, body: Body, headers: Headers, context: object) -> Delivery:
        payload = body if type(body) is bytes else to_bytes(body)
        if isinstance(payload, InputTypeError):
            raise payload
        if len(payload) > self.max_body:
            raise RequestTooLarge
        delivery = self.verifier.verify(payload, headers)
        return delivery if context is None else with_context(delivery, context)


_DEFAULTS = (None, (), DEFAULT_LEASE, DEFAULT_TIMEOUT)


def _passed(**settings: object) -> str | None:
    """The name of the first of `settings` that does not have its default."""
    for name, value in settings.items():
        if not any(value is default for default in _DEFAULTS):
            return name
    return None


def _accept(seen: Seen, outcome: Outcome | Literal["queued"]) -> Reply:
    """End a request with a delivery that was accepted."""
    seen.outcome = outcome
    seen.reply = reply = ACCEPTED[outcome]
    seconds = elapsed(seen)
    # Usually nobody wants this record, so the details are not collected.
    if seconds > _SLOW_SECONDS or is_logged(logging.INFO):
        _log(logging.INFO, seen, seconds)
    return reply


def _answer(seen: Seen, error: ClerkHooksError) -> Reply:
    """End a request with an error. A mistake of the calling program is raised, not answered."""
    if isinstance(error, _MISTAKES):
        raise error.with_traceback(None)  # In its frames there is the payload.
    seen.error = error
    seen.reply = reply = Reply.for_error(error)
    if isinstance(error, HandlerError):  # Each failure has been logged with its traceback.
        seen.outcome = "aborted" if reply.status == AbortDelivery.status else "failed"
        _log(logging.INFO, seen, elapsed(seen))
    else:
        seen.outcome = "refused"
        _log(logging.WARNING, seen, elapsed(seen), error)
    return reply


def _log(level: int, seen: Seen, seconds: float, error: ClerkHooksError | None = None) -> None:
    fields: dict[str, object] = {
        # Only a verified delivery has a message id that can be trusted.
        "message_id": None if seen.delivery is None else seen.delivery.message_id,
        "event_type": seen.event_type,
        "outcome": seen.outcome,
        "duration": seconds,
    }
    text = "%(outcome)s after %(duration).3f s"
    if seen.delivery is not None:
        text = "%(message_id)s %(event_type)s: " + text
    if error is not None:
        fields |= {"reason": error.reason, "detail": str(error)}
        text += ", %(reason)s: %(detail)s"
    if seconds > _SLOW_SECONDS:
        level = max(level, logging.WARNING)
        text += "; Svix gives up after 15 s, and retries"
    log(level, text, fields)
