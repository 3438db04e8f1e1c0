"""An inbox in a database of Django's settings, on Django's own connections.

    inbox = DjangoInbox()
    endpoint = Endpoint(handoff=inbox)

Messages are kept in transactions of their own: what was answered with a 202 is committed.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from asgiref.sync import sync_to_async
from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils.connection import ConnectionDoesNotExist

from ...delivery import Delivery
from ...errors import ConfigurationError
from ...idempotency import (
    DEFAULT_RETENTION,
    DEFAULT_TIMEOUT,
    checked_clock,
    checked_retention,
    checked_timeout,
)
from ...inboxes._inbox import SQLInbox
from ...inboxes._spelling import spelling
from ...inboxes._statements import Statements
from ...messages import Message, Record, Selection, Status, Step
from ...stores._store import Kind, Result, Work
from ...stores._transaction import Transaction
from ._database import Database
from ._tables import MESSAGES, MESSAGES_INDEX, WORKERS

_APP = "clerk_hooks.contrib.django"
_TAKE_LOCK = f"DELETE FROM {WORKERS} WHERE 1 = 0"  # noqa: S608


class DjangoInbox(SQLInbox):
    """An inbox in the database `using` of the settings; sync and async.

    The app ``clerk_hooks.contrib.django`` has its tables. Done messages are remembered for
    `retention`, dead ones for 30 days. A call raises `QueueUnavailable` if it fails, or if it waits
    for a lock for longer than `timeout`; how long a connection may take is a matter of the
    settings. Inside a transaction that is open, a call that writes raises `ConfigurationError`,
    except in that of a `TestCase`. Times are those of the database's own clock; of SQLite, the
    machine's. For tests, `clock` returns the Unix time in seconds. The async methods run in the
    thread that has the request's connection (`sync_to_async`, thread-sensitive).

    Raises `ConfigurationError` for a database that is not in the settings, or that is neither
    PostgreSQL, MySQL, MariaDB nor SQLite; if the app is not installed; and if connections to MySQL
    or MariaDB have another ``charset`` than ``utf8mb4``.
    """

    def __init__(
        self,
        using: str = DEFAULT_DB_ALIAS,
        *,
        retention: timedelta = DEFAULT_RETENTION,
        timeout: timedelta = DEFAULT_TIMEOUT,
        clock: Callable[[], float] | None = None,
    ) -> None:
        if apps.apps_ready and not apps.is_installed(_APP):
            raise ConfigurationError(f"DjangoInbox needs {_APP!r} in INSTALLED_APPS")
        try:
            vendor = connections[using].vendor
            spelled = spelling(vendor, has_clock=clock is not None or vendor == "sqlite")
        except ConnectionDoesNotExist:
            raise ConfigurationError(f"using: the settings have no database {using!r}") from None
        except KeyError as error:
            raise ConfigurationError(
                f"using: DjangoInbox does not know databases of the kind of {using!r}: {error}"
            ) from None
        if vendor == "mysql" and _charset(using) != "utf8mb4":
            raise ConfigurationError(
                f"using: the connections of {using!r} cannot carry every character: add "
                '"charset": "utf8mb4" to its OPTIONS, as Django has it by default since 5.2',
                reason="charset",
            )
        self._locks = vendor == "sqlite"
        self._database = Database(
            using, checked_timeout(timeout), checked_clock(clock or time.time)
        )
        statements = Statements(spelled, MESSAGES, WORKERS, MESSAGES_INDEX)
        super().__init__(checked_retention(retention), statements)

    async def aput(self, delivery: Delivery, carrier: Mapping[str, str] = {}) -> bool:
        """Keep a delivery durably, as `put` does."""
        return await sync_to_async(self.put)(delivery, carrier)

    async def atake(
        self,
        slots: int,
        lease: timedelta,
        *,
        message_id: str | None = None,
        unsettled: bool = False,
    ) -> Sequence[Message]:
        """Take rows that are due, as `Inbox.take` says."""
        take = sync_to_async(self.take)
        return await take(slots, lease, message_id=message_id, unsettled=unsettled)

    async def arenew(self, messages: Sequence[Message], lease: timedelta) -> frozenset[str]:
        """Extend leases, as `Inbox.renew` says."""
        return await sync_to_async(self.renew)(messages, lease)

    async def asettle(self, message: Message, step: Step) -> bool:
        """Write what follows a run, as `Inbox.settle` says."""
        return await sync_to_async(self.settle)(message, step)

    async def alag(self, *, unsettled: bool = False) -> float | None:
        """Seconds for which the oldest due row has been due, as `Inbox.lag` says."""
        return await sync_to_async(self.lag)(unsettled=unsettled)

    async def adue(self, limit: int) -> Sequence[str]:
        """The ids of messages that are due, as `Inbox.due` says."""
        return await sync_to_async(self.due)(limit)

    async def abeat(self, worker: str, slots: int, running: int) -> None:
        """Write the row of a living worker, as `Inbox.beat` says."""
        await sync_to_async(self.beat)(worker, slots, running)

    async def alist(self, selection: Selection, limit: int) -> Sequence[Record]:
        """Rows, the newest first, as `Inbox.list` says."""
        return await sync_to_async(self.list)(selection, limit)

    async def ashow(self, message_id: str) -> Record | None:
        """The row of a message, as `Inbox.show` says."""
        return await sync_to_async(self.show)(message_id)

    async def aretry(self, selection: Selection, message_id: str | None = None) -> int:
        """Make rows due now, as `Inbox.retry` says."""
        return await sync_to_async(self.retry)(selection, message_id)

    async def adrop(self, message_id: str) -> bool:
        """Delete a row, as `Inbox.drop` says."""
        return await sync_to_async(self.drop)(message_id)

    async def apurge(self, limit: int = 1000) -> int:
        """Delete rows whose time is over, as `Inbox.purge` says."""
        return await sync_to_async(self.purge)(limit)

    async def astatus(self) -> Status:
        """How the inbox fares, as `Inbox.status` says."""
        return await sync_to_async(self.status)()

    def _run(self, work: Work[Result], kind: Kind) -> Result:
        if kind == "read":
            return self._database.run(work, kind)
        self._database.check_none_open("inbox")
        return self._database.run(self._locking(work) if self._locks else work, kind)

    def _locking(self, work: Work[Result]) -> Work[Result]:
        """`work` that begins with the lock for writing: after a read, SQLite may refuse it."""

        def locked(transaction: Transaction) -> Result:
            transaction.execute(_TAKE_LOCK, {})
            return work(transaction)

        return locked


def _charset(using: str) -> object:
    """What connections are opened with. With less, MySQL refuses the reason of some failures."""
    return connections[using].get_connection_params().get("charset")
