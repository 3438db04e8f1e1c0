"""The app's own transaction, in which a handler takes effect and is confirmed by one commit."""

# Theory of operation
#
# The store commits a claim before its handler runs. The confirmation may be part of a transaction
# of the app. Then the effect and the confirmation are committed together or not at all, whatever
# dies: no crash leaves one without the other.
#
# `transaction` does this, in the thread (or the greenlet) of the app's session:
#
#   1. refuse what cannot work; begin; bound how long the transaction may stand still;
#   2. find the claim: if it is not there, this is another database, or an old snapshot;
#   3. (the app's block)
#   4. flush; see that the block has not ended the transaction; confirm; commit.
#
# On any error it rolls back. So the row of the claim is locked only from the confirmation to the
# commit. A process that stands still in the block holds what the block has locked, until the
# database ends its transaction.
#
# `confirm_in` refuses what cannot work, bounds, and confirms. The app commits. What becomes of the
# row before the handler returns is unknown here, so the core asks `show` (`to_check`).
#
# A handler whose claim was taken over, or whose event has become stale, gets `ClaimLost`, and its
# effect is rolled back.

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType

from ..errors import ClaimLost, ClerkHooksError, ConfigurationError
from ..idempotency import HandlerRecord
from ..running_handler import RunningHandler
from ._sql import NOTHING, Rules
from ._transaction import Transaction

GRACE = 2.0
"""Seconds for which a transaction may stand still after its handler's lease is over."""


class Absent(Exception):  # noqa: N818 - never leaves the stores
    """The claim is not to be seen in the app's transaction."""


def find(
    rules: Rules,
    running: RunningHandler,
    transaction: Transaction,
    also: str = "",
    parameters: Mapping[str, object] = NOTHING,
) -> None:
    """Step 2. Raises `Absent`, `ClaimLost`, and `ConfigurationError` if it is confirmed already."""
    claim = running.message_id, running.handler, running.token
    state = rules.state(transaction, claim, also, parameters)
    if state is None:
        raise Absent
    if state == "lost":
        raise _taken_over(running)
    if state == "done":
        raise ConfigurationError(
            f"transaction: the handler {running.handler} is confirmed already: put everything that "
            "it does into one transaction",
            reason="already_confirmed",
        )


def confirm(
    rules: Rules,
    running: RunningHandler,
    transaction: Transaction,
    is_same: tuple[str, Mapping[str, object]] = ("", NOTHING),
) -> None:
    """Confirm the handler, unless it is confirmed. Raises `Absent` and `ClaimLost`.

    `is_same` is the condition that the transaction has not been ended inside, if the confirmation
    is to check that. If it does not hold, raises `ConfigurationError`.
    """
    claim = running.message_id, running.handler, running.token
    if rules.confirm(transaction, *claim, running.mark, is_same):
        return
    state = rules.state(transaction, claim)
    if state is None:
        raise Absent
    if state == "lost":
        raise _taken_over(running)
    if state == "running" and is_same[0]:
        raise ended_inside()
    if state == "running":
        running.is_lost = True
        raise ClaimLost(
            f"handler {running.handler}: a newer event of the same object was handled meanwhile"
        )


def why_absent(
    running: RunningHandler, records: Iterable[HandlerRecord], *, is_here: bool = False
) -> ClerkHooksError:
    """Why the claim is not to be seen, given the store's own `records` of the message.

    `is_here` says that the app's transaction is in the store's database.
    """
    claim = running.handler, running.token
    if claim not in [(record.handler, record.token) for record in records]:
        return _taken_over(running)
    if is_here:
        return ConfigurationError(
            "the transaction's snapshot is older than the claim, which it therefore cannot see: "
            "begin the transaction in the handler, or use READ COMMITTED",
            reason="old_snapshot",
        )
    return another_database()


def another_database(what: str = "session") -> ConfigurationError:
    """What to raise if the app's transaction is not in the store's database."""
    return ConfigurationError(
        f"{what}: its database is not the store's, so the claim is not in it",
        reason="another_database",
    )


def ended_inside(hint: str = "") -> ConfigurationError:
    """What to raise if the transaction is not the one that was begun."""
    return ConfigurationError(
        "transaction: code inside the block has ended the transaction: leave that to the block, or "
        f"use confirm_in{hint}",
        reason="transaction_ended",
    )


def _taken_over(running: RunningHandler) -> ClaimLost:
    running.is_lost = True
    return ClaimLost(f"handler {running.handler}: another attempt has taken over its claim")


class Block(AbstractContextManager[None]):
    """The steps of `transaction`. Until they are over, the running handler is marked.

    So the core notices a forgotten ``with``, which would confirm nothing, and a block that is still
    open when the handler has returned: in a thread or a task, for example.
    """

    def __init__(self, running: RunningHandler, steps: AbstractContextManager[None]) -> None:
        self._running, self._steps = running, steps
        running.unawaited.add(self)

    def __enter__(self) -> None:
        self._running.unawaited.discard(self)
        self._steps.__enter__()
        self._running.is_in_block = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._running.is_in_block = False
        self._steps.__exit__(kind, error, traceback)
