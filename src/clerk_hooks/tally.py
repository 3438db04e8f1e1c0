"""What has become of the handlers of one message: claimed, confirmed, lost, or none of these."""

from collections.abc import Sequence
from typing import Literal

from .errors import ClaimLost, InProgress
from .handler import RegisteredHandler
from .idempotency import Claim
from .versions import in_words


class LeaseOver(InProgress):
    """The lease is over, so a handler that has not begun must not begin."""

    default_message = "the lease was over before every handler could begin"


class Tally:
    """The handlers of one message. Those that are `refused` are not claimed, and fail."""

    def __init__(self, handlers: Sequence[RegisteredHandler], refused: frozenset[str]) -> None:
        self.refused = refused
        self.claim = Claim("", ())
        """What the store has answered."""
        self.unsettled: set[str] = set()
        """The names of the handlers that were claimed, and have not ended."""
        self.confirmed: list[str] = []
        """The names of those that this run has confirmed."""
        self.lost: list[str] = []
        """The names of those that ended without their claim."""
        self._handlers = handlers

    def take(self, claim: Claim) -> None:
        """Note what the store has answered."""
        self.claim = claim
        self.unsettled = set(claim.run)

    @property
    def claimable(self) -> Sequence[RegisteredHandler]:
        """The handlers to claim."""
        return [handler for handler in self._handlers if handler.name not in self.refused]

    @property
    def to_run(self) -> tuple[RegisteredHandler, ...]:
        """The handlers that were claimed, and those that are refused."""
        run = self.claim.run
        return tuple([one for one in self._handlers if one.name in run or one.name in self.refused])

    @property
    def waits_for(self) -> InProgress | None:
        """Why the message is not finished although no handler failed: what a retry waits for."""
        if self.lost:
            return ClaimLost(f"handler {self.lost[0]} ended, but its claim was lost meanwhile")
        if self.claim.busy:
            return InProgress(in_words(self.claim.holder))
        if self.unsettled:
            return LeaseOver()
        return None

    @property
    def done(self) -> tuple[str, ...]:
        """The names of the handlers that are confirmed, by this run or earlier ones."""
        return (*self.claim.done, *self.confirmed)

    @property
    def outcome(self) -> Literal["handled", "duplicate", "stale"]:
        """The outcome of the message if nothing failed and nothing is waited for."""
        if self.claim.run:
            return "handled"
        return "stale" if self.claim.stale else "duplicate"
