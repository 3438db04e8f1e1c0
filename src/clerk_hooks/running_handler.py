"""The handler that is running under a claim, and what it shares with the store that claimed it."""

# Theory of operation
#
# A store with a database can confirm a handler in the transaction that has the handler's effect.
# For that it must know under which claim the handler runs. The claim travels in the delivery: each
# handler gets a copy of its own, with a `RunningHandler` (`delivery.for_handler`). So it works in
# any thread, and no handler can confirm another one. Whatever handles the delivery once more
# (`dispatch` or `process` inside a handler) drops the claim first. A pickled copy has none.
#
# The store reads the upper half of a `RunningHandler`, and notes in the lower half what it has done
# while the handler runs. `claims.py` looks there once the handler has ended:
#
# - confirmed: the handler is done, together with its effect. This stands even if it raises later.
# - to_check: the confirmation is in a transaction that the app commits. The store is asked whether
#   the handler is done under this token. If it is not, it was not committed, and the handler fails.
# - unawaited: a confirmation was begun and never awaited, so it did nothing: the handler fails.
# - is_in_block: a thread or a task that was left behind is still to confirm it: the handler fails.
# - is_lost: the claim was gone, so the effect was rolled back. It counts like a refused `confirm`.
#
# Only the handler's own code and its store write here, and the run reads it after the handler has
# ended, so no lock is needed.

from collections.abc import Iterable
from time import perf_counter

from .delivery import Delivery, claim_of
from .errors import ConfigurationError
from .idempotency import HandlerRecord, ObjectVersion


class RunningHandler:
    """One run of a handler under a claim.

    `expires` is when its lease is over, by `time.perf_counter`.
    """

    __slots__ = (
        "_expires",
        "confirmed",
        "handler",
        "has_ended",
        "is_async",
        "is_in_block",
        "is_lost",
        "mark",
        "message_id",
        "store",
        "to_check",
        "token",
        "unawaited",
    )

    def __init__(  # noqa: PLR0913 - facts of one claim, by keyword
        self,
        store: object,
        message_id: str,
        handler: str,
        token: str,
        *,
        mark: ObjectVersion | None = None,
        is_async: bool = False,
        expires: float,
    ) -> None:
        self.store = store
        """The store that claimed it."""
        self.message_id = message_id
        self.handler = handler
        """Its name."""
        self.token = token
        """The fencing token of its claim."""
        self.mark = mark
        """The version that its confirmation must move the object's mark to, if there is one."""
        self.is_async = is_async
        """Whether it is an ``async`` function."""
        self._expires = expires

        self.confirmed = False
        """Set by the store: it was confirmed, together with its effect."""
        self.to_check = False
        """Set by the store: it was confirmed in a transaction that the app commits."""
        self.unawaited: set[object] = set()
        """Kept by the store: the confirmations that were begun and have not been awaited."""
        self.is_in_block = False
        """Kept by the store: a ``with`` block that will confirm it has begun and has not ended."""
        self.is_lost = False
        """Set by the store, which raises `ClaimLost`: the claim was gone."""
        self.has_ended = False
        """Set by the library once the handler has ended. Its claim confirms nothing after that."""

    def remaining(self) -> float:
        """The seconds of the lease that are left."""
        return max(0.0, self._expires - perf_counter())

    def note(self, records: Iterable[HandlerRecord]) -> None:
        """Note whether it was confirmed, from what the store remembers of the message."""
        self.confirmed = any(
            (record.handler, record.state, record.token) == (self.handler, "done", self.token)
            for record in records
        )

    def problem(self) -> ConfigurationError | None:
        """What is wrong with how the handler was confirmed, now that it has returned."""
        if self.unawaited:
            return ConfigurationError(
                f"the handler {self.handler} did not await its confirmation, which therefore did "
                "nothing: await it",
                reason="not_awaited",
            )
        if self.is_in_block and not self.confirmed:
            return ConfigurationError(
                f"the handler {self.handler} returned while the block that confirms it was open: "
                "end the block before returning, also in other threads and tasks",
                reason="not_committed",
            )
        if self.to_check and not self.confirmed:
            return ConfigurationError(
                f"the handler {self.handler} returned before the transaction that confirms it was "
                "committed: commit before returning",
                reason="not_committed",
            )
        return None


def claimed_by(store: object, delivery: Delivery, method: str) -> RunningHandler:
    """The claim that `delivery` carries; for a `method` of `store` that confirms a handler.

    Raises `ConfigurationError` if there is none, or if it is over, or if another store has it.
    """
    running = claim_of(delivery) if isinstance(delivery, Delivery) else None
    if running is None:
        problem = (
            "it needs the delivery that a handler is given by an Endpoint or a Processor with this "
            "store; in a test, give clerk_hooks.testing.delivery(event) to such a Processor"
        )
    elif running.store is not store:
        problem = f"the handler {running.handler} was claimed in another store"
    elif running.has_ended:
        problem = f"the handler {running.handler} has ended, and its claim with it"
    else:
        return running
    raise ConfigurationError(f"{method}: {problem}", reason="not_claimed")
