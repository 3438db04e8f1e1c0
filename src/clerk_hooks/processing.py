"""The processor: runs the handlers of a verified delivery, without HTTP and without a secret.

An `Endpoint` has one; a worker that takes deliveries from a queue uses one directly.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import timedelta
from typing import Literal, NoReturn, TypeAlias, cast

from .claims import Claims
from .delivery import Delivery, is_readable_as, without_claim
from .dispatch import arun_handlers, run_handlers
from .errors import ConfigurationError, HandlerError, InputTypeError, StoreUnavailable
from .handler import RegisteredHandler, check_name, check_needs_no_store
from .logs import log
from .observe import Observer, checked
from .parsing import likely_type
from .protocols import AsyncIdempotencyStore, IdempotencyStore, is_async_store, is_store
from .router import Router, registry_of
from .tally import Tally
from .waiting import RunSync, ThreadCall

DEFAULT_LEASE = timedelta(seconds=60)
"""Four times what Svix waits for a reply, so that a slow handler is not taken over by a retry."""

_LARGE = 64 * 1024
"""Bytes of a payload from which on reading it may take too long for an event loop. Clerk's largest
example has under 10 KB."""

Outcome: TypeAlias = Literal["handled", "unhandled", "duplicate", "stale"]
"""How a delivery ended if nothing failed: handlers ran, none is registered for its type, all of
them had succeeded before, or a newer event of the same object was handled before."""

_Functions: TypeAlias = Collection[Callable[..., object]]


class Processor:
    """Runs the handlers of verified deliveries, each once per message if there is a store.

    `router` has the handlers. With a `store`, each handler runs once per message: a retry runs only
    those that have not succeeded. `lease` is how long a handler may take before another attempt may
    take it over; without a store it has no effect. `observers` surround each handler.

    Raises `ConfigurationError`.
    """

    def __init__(
        self,
        router: Router,
        *,
        store: IdempotencyStore | AsyncIdempotencyStore | None = None,
        lease: timedelta = DEFAULT_LEASE,
        observers: Iterable[Observer] = (),
    ) -> None:
        if not isinstance(router, Router):
            raise ConfigurationError(f"router must be a Router, not {type(router).__name__}")
        self._is_async_only = store is not None and not is_store(store)
        if self._is_async_only and not is_async_store(store):
            raise ConfigurationError(
                f"store must be an IdempotencyStore or an AsyncIdempotencyStore, not "
                f"{type(store).__name__}"
            )
        if not isinstance(lease, timedelta) or lease <= timedelta(0):
            raise ConfigurationError("lease must be a positive timedelta")
        self.router = router
        self.store = store
        self.lease = lease
        self.observers = checked(observers)
        self._has_warned = False
        self._registry = registry_of(router)
        self._registry.hold_to(check_needs_no_store if store is None else check_name)

    def process(
        self,
        delivery: Delivery,
        *,
        handlers: _Functions | None = None,
        done: Collection[str] = (),
    ) -> Outcome:
        """Run the handlers of `delivery`, and return how it ended.

        `handlers` limits the run to these functions of the router. `done` has the names of handlers
        that count as done, whatever the store remembers.

        Raises `HandlerError` if handlers raised; `InProgress` if another run of the message, or one
        of the same object, holds a handler; `StoreUnavailable`; `PayloadError` if the event cannot
        be read; `ConfigurationError` if a handler is async and an event loop is running in this
        thread (await `aprocess` there), if the store is for event loops only, or if one of
        `handlers` is not registered; and `InputTypeError` for anything but a delivery.
        """
        if self._is_async_only:
            raise ConfigurationError(
                f"the store is a {type(self.store).__name__}, which can only be awaited: await "
                "aprocess (or areceive), or use a store that is not async",
                reason="async_store",
            )
        chosen = self._chosen(delivery, handlers)
        pending = _without(chosen, done)
        if not pending:
            return "duplicate" if chosen else "unhandled"
        delivery = without_claim(delivery)
        try:
            if self.store is None:
                run_handlers(pending, delivery.event, delivery, None, self.observers)
                return "handled"
            with self._claims(self.store, delivery, pending) as claims:
                try:
                    run_handlers(
                        claims.tally.to_run, delivery.event, delivery, claims, self.observers
                    )
                except HandlerError as error:
                    _raise_first(error, claims.tally)
                return _ended(claims.tally)
        except HandlerError as error:
            error.done = (*done, *error.done)
            raise

    async def aprocess(
        self,
        delivery: Delivery,
        *,
        handlers: _Functions | None = None,
        done: Collection[str] = (),
        run_sync: RunSync | None = None,
    ) -> Outcome:
        """Like `process`, on the running event loop; sync handlers run through `run_sync`.

        Without `run_sync` they run in a thread (`asyncio.to_thread`).
        """
        chosen = await self._achosen(delivery, handlers, run_sync)
        pending = _without(chosen, done)
        if not pending:
            return "duplicate" if chosen else "unhandled"
        delivery = without_claim(delivery)
        try:
            if self.store is None:
                await arun_handlers(
                    pending, delivery.event, delivery, None, self.observers, run_sync=run_sync
                )
                return "handled"
            async with self._claims(self.store, delivery, pending) as claims:
                try:
                    await arun_handlers(
                        claims.tally.to_run,
                        delivery.event,
                        delivery,
                        claims,
                        self.observers,
                        run_sync=run_sync,
                    )
                except HandlerError as error:
                    _raise_first(error, claims.tally)
                return _ended(claims.tally)
        except HandlerError as error:
            error.done = (*done, *error.done)
            raise

    def _claims(
        self,
        store: IdempotencyStore | AsyncIdempotencyStore,
        delivery: Delivery,
        handlers: Sequence[RegisteredHandler],
    ) -> Claims:
        return Claims(store, self.lease, delivery.message_id, delivery.event, handlers)

    def _chosen(
        self, delivery: Delivery, functions: _Functions | None
    ) -> Sequence[RegisteredHandler]:
        """The handlers of the delivery's type; of them those in `functions`, if it is given.

        If the payload seems to have a type that has handlers, it is parsed as that type at once.
        """
        if not isinstance(delivery, Delivery):
            raise InputTypeError(f"process takes a Delivery, not {type(delivery).__name__}")
        guess = likely_type(delivery.payload)
        registered = self._registry.handlers_for(guess) if guess is not None else ()
        if guess is None or not registered or not is_readable_as(delivery, guess):
            registered = self._registry.handlers_for(delivery.type)
        if not registered:
            self._warn_if_empty()
        if functions is None:
            return registered
        known = [handler.function for _, handler in self._registry.registrations()]
        for function in functions:
            if function not in known:  # To ignore it would be a success without an effect.
                raise ConfigurationError(f"handlers: {function!r} is not registered at the router")
        return [handler for handler in registered if handler.function in functions]

    async def _achosen(
        self, delivery: Delivery, functions: _Functions | None, run_sync: RunSync | None
    ) -> Sequence[RegisteredHandler]:
        """Like `_chosen`; a large payload is read in a thread, so that it never blocks the loop."""
        if not isinstance(delivery, Delivery) or len(delivery.payload) <= _LARGE:
            return self._chosen(delivery, functions)
        import asyncio

        def read() -> Sequence[RegisteredHandler]:
            chosen = self._chosen(delivery, functions)
            if chosen:
                _ = delivery.event  # The delivery keeps it.
            return chosen

        call = ThreadCall(read)
        cancellation = await call.run(run_sync or asyncio.to_thread)
        if cancellation is not None:
            raise cancellation
        return cast("Sequence[RegisteredHandler]", call.result())

    def _warn_if_empty(self) -> None:
        """Warn once if no handler is registered at all, which is hardly ever meant."""
        if not self._has_warned and not self._registry.registrations():
            self._has_warned = True
            log(
                logging.WARNING,
                "a delivery arrived, but the router has no handlers: has the module that defines "
                "them been imported?",
                {"outcome": "unhandled"},
            )


def _without(
    handlers: Sequence[RegisteredHandler], done: Collection[str]
) -> Sequence[RegisteredHandler]:
    return [handler for handler in handlers if handler.name not in done] if done else handlers


# Of several outcomes, the first is raised: a failure, a handler that a retry waits for, an abort.
# Each would do as a reply; this one makes Svix do what they all need.


def _raise_first(error: HandlerError, tally: Tally) -> NoReturn:
    error.done = tally.done
    for raised in error.errors:
        if isinstance(raised, StoreUnavailable):  # By the store, in the app's transaction.
            raise StoreUnavailable(str(raised)) from error
    if error.is_abort and (waits_for := tally.waits_for) is not None:
        raise waits_for from error
    raise error


def _ended(tally: Tally) -> Outcome:
    if (waits_for := tally.waits_for) is not None:
        raise waits_for
    return tally.outcome
