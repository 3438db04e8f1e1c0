"""`AsyncSQLAlchemyInbox`: the synchronous inbox, run in greenlets."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import URL

from ...delivery import Delivery
from ...idempotency import DEFAULT_RETENTION, DEFAULT_TIMEOUT
from ...messages import Message, Record, Selection, Status, Step
from ...stores._store import Result
from ...stores.sqlalchemy._greenlets import in_time, synchronous
from .._inbox import queue_failures
from ._sync import SQLAlchemyInbox

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


class AsyncSQLAlchemyInbox:
    """An `AsyncInbox` in the database of `engine`: an `AsyncEngine` or a URL.

    The options and what it raises are those of `SQLAlchemyInbox`. A call that takes longer than
    `timeout` is abandoned.
    """

    def __init__(
        self,
        engine: "AsyncEngine | URL | str",
        *,
        retention: timedelta = DEFAULT_RETENTION,
        timeout: timedelta = DEFAULT_TIMEOUT,
        create_schema: bool = True,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._inbox = _InGreenlets(
            synchronous(engine),
            retention=retention,
            timeout=timeout,
            create_schema=create_schema,
            clock=clock,
        )
        self._seconds = timeout.total_seconds()

    async def aput(self, delivery: Delivery, carrier: Mapping[str, str] = {}) -> bool:
        """Keep a delivery durably, as `SQLAlchemyInbox.put` says."""
        return await self._in_time(partial(self._inbox.put, delivery, carrier))

    async def atake(
        self,
        slots: int,
        lease: timedelta,
        *,
        message_id: str | None = None,
        unsettled: bool = False,
    ) -> Sequence[Message]:
        """Take rows that are due, as `Inbox.take` says."""
        take = partial(self._inbox.take, message_id=message_id, unsettled=unsettled)
        return await self._in_time(partial(take, slots, lease))

    async def arenew(self, messages: Sequence[Message], lease: timedelta) -> frozenset[str]:
        """Extend leases, as `Inbox.renew` says."""
        return await self._in_time(partial(self._inbox.renew, messages, lease))

    async def asettle(self, message: Message, step: Step) -> bool:
        """Write what follows a run, as `Inbox.settle` says."""
        return await self._in_time(partial(self._inbox.settle, message, step))

    async def alag(self, *, unsettled: bool = False) -> float | None:
        """Seconds for which the oldest due row has been due, as `Inbox.lag` says."""
        return await self._in_time(partial(self._inbox.lag, unsettled=unsettled))

    async def adue(self, limit: int) -> Sequence[str]:
        """The ids of messages that are due, as `Inbox.due` says."""
        return await self._in_time(partial(self._inbox.due, limit))

    async def abeat(self, worker: str, slots: int, running: int) -> None:
        """Write the row of a living worker, as `Inbox.beat` says."""
        await self._in_time(partial(self._inbox.beat, worker, slots, running))

    async def alist(self, selection: Selection, limit: int) -> Sequence[Record]:
        """Rows, the newest first, as `Inbox.list` says."""
        return await self._in_time(partial(self._inbox.list, selection, limit))

    async def ashow(self, message_id: str) -> Record | None:
        """The row of a message, as `Inbox.show` says."""
        return await self._in_time(partial(self._inbox.show, message_id))

    async def aretry(self, selection: Selection, message_id: str | None = None) -> int:
        """Make rows due now, as `Inbox.retry` says: some in each transaction."""
        total = 0
        last: str | None = ""
        while last is not None:
            some = partial(self._inbox.retry_some, selection, message_id, last)
            count, last = await self._in_time(some)
            total += count
        return total

    async def adrop(self, message_id: str) -> bool:
        """Delete a row, as `Inbox.drop` says."""
        return await self._in_time(partial(self._inbox.drop, message_id))

    async def apurge(self, limit: int = 1000) -> int:
        """Delete rows whose time is over, as `Inbox.purge` says."""
        return await self._in_time(partial(self._inbox.purge, limit))

    async def astatus(self) -> Status:
        """How the inbox fares, as `Inbox.status` says."""
        return await self._in_time(self._inbox.status)

    async def aclose(self) -> None:
        """Close the connections of the engine that the inbox has made of a URL."""
        await self._in_time(self._inbox.close)

    async def _in_time(self, call: Callable[[], Result]) -> Result:
        with queue_failures():
            return await in_time(call, seconds=self._seconds)


class _InGreenlets(SQLAlchemyInbox):
    """The inbox behind an async one."""

    _is_async = True

    def retry_some(
        self, selection: Selection, message_id: str | None, after: str
    ) -> tuple[int, str | None]:
        """One transaction of `retry`."""
        return self._retry_some(selection, message_id, after)
