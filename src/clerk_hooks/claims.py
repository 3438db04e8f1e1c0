"""A claim on the handlers of one delivery, from the store's answer until each is settled."""

# Theory of operation
#
# `idempotency.py` says which states a store keeps for a handler. This module moves the handlers of
# one delivery through those states, in this order:
#
# 1. `with claims` (or `async with`) asks the store once, for all handlers. The answer sorts them:
#    run now (`to_run`), done earlier, busy elsewhere, stale. `tally.py` keeps count.
# 2. The caller runs `to_run` one after the other. `check` comes just before each call, in the
#    thread or on the loop that makes it. Once the lease is over, others may claim the handlers that
#    are left, so none of them begins here any more. (A handler that began in time may outlive its
#    lease, and then run beside the new attempt. `idempotency.py` says how its token fences it.)
# 3. `settle` follows each handler as soon as it has ended, in this order:
#    - If the handler has confirmed itself, in the app's own transaction, it is done, whatever it
#      raised afterwards. Its `RunningHandler` says so, or the store does when it is asked (`show`).
#    - If it raised, or began to confirm itself and did not commit, its claim is released, so that
#      the retry need not wait for the lease. A store gives up at once on what an open transaction
#      holds. If that commits later, the handler is done; otherwise its lease releases it.
#    - Else it is confirmed now.
#    From then on the handler is settled, even if the store fails to answer; then the lease releases
#    it. (Its delivery confirms nothing any more as soon as it has ended, however it ended.)
# 4. The end of the `with` releases what was claimed and has not been settled, whatever ended the
#    run: an error of the store, the end of the lease, a cancellation, a KeyboardInterrupt.
#
# A handler whose confirmation is refused, by `confirm` or in the app's transaction, has run longer
# than its lease and was taken over, a newer event of its object was handled in the meantime, or its
# record was forgotten (by an operator, or by a store that is full). It did run, but that must not
# be a 200: nobody knows whether its effect or that of another attempt stands. So the claim counts
# as lost, the reply is a 409 unless a handler failed, and the retry finds out: either the handler
# is done by then, or it runs again. To tell in the log whether a newer event was the cause,
# `settle` claims a handler with `drop_stale` once more and releases it at once; a crash between the
# two leaves that claim to its lease.
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
from typing import TYPE_CHECKING

from .errors import ConfigurationError, StoreUnavailable, UnreadableValue
from .handler import RegisteredHandler
from .idempotency import Claim, ObjectVersion
from .logs import log
from .protocols import AsyncIdempotencyStore, IdempotencyStore
from .running_handler import RunningHandler
from .store_calls import aask, ask
from .tally import LeaseOver, Tally
from .versions import object_version

if TYPE_CHECKING:
    from asyncio import CancelledError

    from typing_extensions import Self

    from .events import AnyEvent


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
        version = object_version(event, handlers)
        self._version = None if isinstance(version, UnreadableValue) else version
        # A handler that drops stale events fails, unclaimed, if the event's place in the order is
        # unreadable: it might overwrite newer data, and a mark made from another time would drop
        # the next genuine update.
        self._unreadable = version if isinstance(version, UnreadableValue) else None
        dropping = [one.name for one in handlers if one.drop_stale] if self._unreadable else ()
        self.tally = Tally(handlers, frozenset(dropping))
        """What becomes of the handlers."""
        self._expires = perf_counter() + lease.total_seconds()

    def __enter__(self) -> "Self":
        if handlers := self.tally.claimable:
            self.tally.take(ask(self._store, "claim", *self._question(handlers)))
        return self

    def __exit__(self, *raised: object) -> None:
        if self.tally.unsettled:
            # The lease releases them too, later. So the error that ended the run matters more.
            with suppress(StoreUnavailable):
                self._release(self.tally.unsettled, self.tally.claim.token)

    async def __aenter__(self) -> "Self":
        if handlers := self.tally.claimable:
            cancelled: list[CancelledError] = []
            self.tally.take(await aask(cancelled, self._store, "claim", *self._question(handlers)))
            if cancelled:
                await self.__aexit__()
                raise cancelled[0]
        return self

    async def __aexit__(self, *raised: object) -> None:
        if self.tally.unsettled:
            cancelled: list[CancelledError] = []
            with suppress(StoreUnavailable):
                await self._arelease(cancelled, self.tally.unsettled, self.tally.claim.token)
            if cancelled:
                raise cancelled[0]

    def check(self, handler: RegisteredHandler) -> None:
        """Check just before `handler` begins. Raises `LeaseOver` and `UnreadableValue`."""
        if perf_counter() >= self._expires:
            raise LeaseOver
        if self._unreadable is not None and handler.name in self.tally.refused:
            raise self._unreadable

    def running(self, handler: RegisteredHandler) -> RunningHandler:
        """What `handler` shares with the store while it runs."""
        return RunningHandler(
            self._store,
            self._message_id,
            handler.name,
            self.tally.claim.token,
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
        self.tally.unsettled.discard(name)
        if running.to_check and not running.confirmed:
            running.note(ask(store, "show", message_id))
        problem = running.problem() if succeeded else None
        if running.confirmed:
            self.tally.confirmed.append(name)
        elif not succeeded or problem is not None:
            self._release({name}.intersection(self.tally.claim.run), token)
        elif not running.is_lost and ask(store, "confirm", message_id, name, token, running.mark):
            self.tally.confirmed.append(name)
        else:
            self.tally.lost.append(name)
            probe = Claim("", ())
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
        self.tally.unsettled.discard(name)
        if running.to_check and not running.confirmed:
            running.note(await aask(cancelled, store, "show", message_id))
        problem = running.problem() if succeeded else None
        if running.confirmed:
            self.tally.confirmed.append(name)
        elif not succeeded or problem is not None:
            await self._arelease(cancelled, {name}.intersection(self.tally.claim.run), token)
        elif not running.is_lost and await aask(
            cancelled, store, "confirm", message_id, name, token, running.mark
        ):
            self.tally.confirmed.append(name)
        else:
            self.tally.lost.append(name)
            probe = Claim("", ())
            with suppress(StoreUnavailable):
                if running.mark is not None and not cancelled:
                    probe = await aask(cancelled, store, "claim", *self._question([handler]))
                    await self._arelease(cancelled, probe.run, probe.token)
            self._warn_of_loss(name, is_stale=bool(probe.stale))
        return problem

    def _question(
        self, handlers: Sequence[RegisteredHandler]
    ) -> tuple[str, tuple[str, ...], timedelta, ObjectVersion | None]:
        names = tuple([handler.name for handler in handlers])
        return self._message_id, names, self._lease, self._version

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
