"""A claim on the handlers of one delivery, from the store's answer until each is settled."""

# Theory of operation
#
# `idempotency.py` says which states a store keeps for a handler. This module moves the handlers of
# one delivery through those states, in this order:
#
# 1. `with claims` (or `async with`) asks the store once, for all handlers. The answer sorts them:
#    run now (`to_run`), done earlier, busy elsewhere, stale.
# 2. The caller runs `to_run` one after the other. `check` comes just before each call, in the
#    thread or on the loop that makes it. Once the lease is over, others may claim the handlers that
#    are left, so none of them begins here any more. (A handler that began in time may outlive its
#    lease, and then run beside the new attempt. `idempotency.py` says how its token fences it.)
# 3. `settle` follows each handler as soon as it has ended: `confirm` if it succeeded, else
#    `release`, so that the retry need not wait for the lease. From then on the handler is settled,
#    even if the store fails to answer; then the lease releases it.
# 4. The end of the `with` releases what was claimed and has not been settled, whatever ended the
#    run: an error of the store, the end of the lease, a cancellation, a KeyboardInterrupt.
#
# A handler whose `confirm` is refused has run longer than its lease and was taken over, a newer
# event of its object was handled in the meantime, or its record was forgotten (by an operator, or
# by a store that is full). It did run, but that must not be a 200: nobody knows whether its effect
# or that of another attempt stands. So the claim counts as lost, the reply is a 409 unless a
# handler failed, and the retry finds out: either the handler is done by then, or it runs again. To
# tell in the log whether a newer event was the cause, `settle` claims a handler with `drop_stale`
# once more and releases it at once; a crash between the two leaves that claim to its lease.
#
# Only the run that opened a `Claims` uses it, one handler after the other, so it has no lock.
#
# A crash at any point leaves claims in the store and nothing else. Their leases end; see
# `idempotency.py`.
#
# Sync and async come in pairs: `__enter__` and `__aenter__`, `settle` and `asettle`. This is
# deliberate. One shared plan with two drivers was built and measured: it is 24 to 42 % slower, and
# it breaks the order of cancellations. That order is the point of the async halves: a cancellation
# never abandons a call of the store, because a claim that is half made is neither there nor gone.
# The call is waited for, its answer is noted, and only then does the cancellation go on. So keep
# each pair side by side, and change both.

import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from time import perf_counter
from typing import TYPE_CHECKING, Literal

from .errors import (
    ClaimLost,
    ConfigurationError,
    InProgress,
    StoreUnavailable,
    UnreadableValue,
)
from .handler import RegisteredHandler
from .idempotency import Claim, ObjectVersion
from .logs import log
from .protocols import AsyncIdempotencyStore, IdempotencyStore
from .running_handler import RunningHandler
from .store_calls import aask, ask
from .versions import in_words, object_version

if TYPE_CHECKING:
    from asyncio import CancelledError

    from typing_extensions import Self

    from .events import AnyEvent


_NOTHING = Claim("", ())


class LeaseOver(InProgress):
    """The lease is over, so a handler that has not begun must not begin."""

    default_message = "the lease was over before every handler could begin"


class Claims:
    """The claimed handlers of one message; ``with`` or ``async with`` claims and releases them.

    With ``with`` the store is called in this thread. With ``async with`` it is awaited if it has
    `aclaim` and its like, and else called in another thread. Anything that a store raises becomes
    `StoreUnavailable`, except for a `ConfigurationError`.
    """

    def __init__(
        self,
        store: IdempotencyStore | AsyncIdempotencyStore,
        lease: timedelta,
        message_id: str,
        event: "AnyEvent",
        handlers: Sequence[RegisteredHandler],
    ) -> None:
        self._store = store
        self._lease = lease
        self._message_id = message_id
        self._handlers = handlers
        version = object_version(event, handlers)
        self._version = None if isinstance(version, UnreadableValue) else version
        # A handler that drops stale events fails, unclaimed, if the event's place in the order is
        # unreadable: it might overwrite newer data, and a mark made from another time would drop
        # the next genuine update.
        self._unreadable = version if isinstance(version, UnreadableValue) else None
        self._refused: frozenset[str] = frozenset()
        if self._unreadable is not None:
            self._refused = frozenset([one.name for one in handlers if one.drop_stale])
        self._claim = _NOTHING
        self._unsettled: set[str] = set()
        self._confirmed: list[str] = []
        self._lost: list[str] = []
        self._expires = perf_counter() + lease.total_seconds()

    def __enter__(self) -> "Self":
        if handlers := self._claimable:
            self._take(ask(self._store, "claim", *self._question(handlers)))
        return self

    def __exit__(self, *raised: object) -> None:
        if self._unsettled:
            # The lease releases them too, later. So the error that ended the run matters more.
            with suppress(StoreUnavailable):
                self._release(self._unsettled, self._claim.token)

    async def __aenter__(self) -> "Self":
        if handlers := self._claimable:
            cancelled: list[CancelledError] = []
            self._take(await aask(cancelled, self._store, "claim", *self._question(handlers)))
            if cancelled:
                await self.__aexit__()
                raise cancelled[0]
        return self

    async def __aexit__(self, *raised: object) -> None:
        if self._unsettled:
            cancelled: list[CancelledError] = []
            with suppress(StoreUnavailable):
                await self._arelease(cancelled, self._unsettled, self._claim.token)
            if cancelled:
                raise cancelled[0]

    @property
    def to_run(self) -> tuple[RegisteredHandler, ...]:
        """The handlers that were claimed, and those that `check` refuses to begin."""
        run = self._claim.run
        return tuple(
            [one for one in self._handlers if one.name in run or one.name in self._refused]
        )

    @property
    def waits_for(self) -> InProgress | None:
        """Why the message is not finished although no handler failed: what a retry waits for."""
        if self._lost:
            return ClaimLost(f"handler {self._lost[0]} ended, but its claim was lost meanwhile")
        if self._claim.busy:
            return InProgress(in_words(self._claim.holder))
        if self._unsettled:
            return LeaseOver()
        return None

    @property
    def done(self) -> tuple[str, ...]:
        """The names of the handlers that are confirmed, by this run or earlier ones."""
        return (*self._claim.done, *self._confirmed)

    @property
    def outcome(self) -> Literal["handled", "duplicate", "stale"]:
        """The outcome of the message if nothing failed and nothing is waited for."""
        if self._claim.run:
            return "handled"
        return "stale" if self._claim.stale else "duplicate"

    def check(self, handler: RegisteredHandler) -> None:
        """Check just before `handler` begins. Raises `LeaseOver` and `UnreadableValue`."""
        if perf_counter() >= self._expires:
            raise LeaseOver
        if self._unreadable is not None and handler.name in self._refused:
            raise self._unreadable

    def running(self, handler: RegisteredHandler) -> RunningHandler:
        """What `handler` shares with the store while it runs."""
        return RunningHandler(
            self._store,
            self._message_id,
            handler.name,
            self._claim.token,
            mark=self._mark_of(handler),
            is_async=handler.is_async,
            expires=self._expires,
        )

    def settle(
        self, handler: RegisteredHandler, running: RunningHandler, *, succeeded: bool
    ) -> ConfigurationError | None:
        """Confirm or release `handler`, which has ended; if it has confirmed itself, check that.

        Returns what is wrong with how a handler that `succeeded` has confirmed itself: it failed.
        Raises `StoreUnavailable`.
        """
        store, message_id, name, token = self._store, self._message_id, handler.name, running.token
        self._unsettled.discard(name)
        running.has_ended = True
        if running.to_check and not running.confirmed:
            running.note(ask(store, "show", message_id))
        problem = running.problem() if succeeded else None
        if running.confirmed:
            self._confirmed.append(name)
        elif not succeeded or problem is not None:
            self._release({name}.intersection(self._claim.run), token)
        elif not running.is_lost and ask(store, "confirm", message_id, name, token, running.mark):
            self._confirmed.append(name)
        else:
            self._lost.append(name)
            probe = _NOTHING
            with suppress(StoreUnavailable):
                if running.mark is not None:
                    probe = ask(store, "claim", *self._question([handler]))
                    self._release(probe.run, probe.token)
            self._warn_of_loss(name, is_stale=bool(probe.stale))
        return problem

    async def asettle(
        self,
        handler: RegisteredHandler,
        running: RunningHandler,
        cancelled: "list[CancelledError]",
        *,
        succeeded: bool,
    ) -> ConfigurationError | None:
        """Like `settle`; `cancelled` gets the cancellation that came while the store was asked."""
        store, message_id, name, token = self._store, self._message_id, handler.name, running.token
        self._unsettled.discard(name)
        running.has_ended = True
        if running.to_check and not running.confirmed:
            running.note(await aask(cancelled, store, "show", message_id))
        problem = running.problem() if succeeded else None
        if running.confirmed:
            self._confirmed.append(name)
        elif not succeeded or problem is not None:
            await self._arelease(cancelled, {name}.intersection(self._claim.run), token)
        elif not running.is_lost and await aask(
            cancelled, store, "confirm", message_id, name, token, running.mark
        ):
            self._confirmed.append(name)
        else:
            self._lost.append(name)
            probe = _NOTHING
            with suppress(StoreUnavailable):
                if running.mark is not None and not cancelled:
                    probe = await aask(cancelled, store, "claim", *self._question([handler]))
                    await self._arelease(cancelled, probe.run, probe.token)
            self._warn_of_loss(name, is_stale=bool(probe.stale))
        return problem

    @property
    def _claimable(self) -> Sequence[RegisteredHandler]:
        return [handler for handler in self._handlers if handler.name not in self._refused]

    def _question(
        self, handlers: Sequence[RegisteredHandler]
    ) -> tuple[str, tuple[str, ...], timedelta, ObjectVersion | None]:
        names = tuple([handler.name for handler in handlers])
        return self._message_id, names, self._lease, self._version

    def _take(self, claim: Claim) -> None:
        self._claim = claim
        self._unsettled = set(claim.run)

    def _mark_of(self, handler: RegisteredHandler) -> ObjectVersion | None:
        """The version to which the confirmation of `handler` moves the mark of its object."""
        version = self._version
        return version if version is not None and handler.name in version.handlers else None

    def _warn_of_loss(self, name: str, *, is_stale: bool) -> None:
        cause = "another attempt took it over, or the message was forgotten"
        if is_stale:
            cause = (
                "a newer event of the same object was handled meanwhile: check that it has not "
                "overwritten newer data"
            )
        log(
            logging.WARNING,
            "%(message_id)s: handler %(handler)s ended after its claim was lost: %(cause)s",
            {
                "message_id": self._message_id,
                "handler": name,
                "outcome": "lost",
                "cause": cause,
            },
        )

    def _release(self, names: Iterable[str], token: str) -> None:
        if names := tuple(names):
            ask(self._store, "release", self._message_id, names, token)

    async def _arelease(
        self, cancelled: "list[CancelledError]", names: Iterable[str], token: str
    ) -> None:
        if names := tuple(names):
            await aask(cancelled, self._store, "release", self._message_id, names, token)
