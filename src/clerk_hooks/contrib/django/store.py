"""A store in a database of Django's settings, on Django's own connections.

Handlers can write in the transaction that confirms them:

    store = DjangoStore()

    @router.on("user.created")
    def welcome(event: UserCreated, delivery: Delivery) -> None:
        with store.transaction(delivery):
            User.objects.create(id=event.data.id)

The claim is committed before the handler runs. What the handler wrote and its confirmation are
committed together or not at all. So it takes effect on this database exactly once, whenever a
process dies.
"""

import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.utils.connection import ConnectionDoesNotExist

from ...delivery import Delivery
from ...errors import ClaimLost, ConfigurationError
from ...idempotency import (
    DEFAULT_RETENTION,
    DEFAULT_TIMEOUT,
    checked_clock,
    checked_retention,
    checked_timeout,
)
from ...running_handler import RunningHandler, claimed_by
from ...store_methods import AsyncStoreMethods
from ...stores._own import Absent, Block, confirm, find
from ...stores._spelling import SPELLINGS
from ...stores._sql import Rules
from ...stores._store import Kind, Result, SQLStore, Work
from ._block import begin, bound, check_end
from ._database import Database
from ._tables import CLAIMS, MARKS

_APP = "clerk_hooks.contrib.django"


class DjangoStore(SQLStore, AsyncStoreMethods):
    """An idempotency store in the database `using` of the settings; sync and async.

    The app ``clerk_hooks.contrib.django`` has its tables. Confirmed handlers are remembered for
    `retention`. A call raises `StoreUnavailable` if it fails, or if it waits for a lock for longer
    than `timeout`; how long a connection may take is a matter of the settings. `clock` returns the
    Unix time in seconds. The async methods run in the thread that has the request's connection
    (`sync_to_async`, thread-sensitive).

    Raises `ConfigurationError` for a database that is not in the settings, or that is neither
    PostgreSQL, MySQL, MariaDB nor SQLite; and if the app is not installed.
    """

    def __init__(
        self,
        using: str = DEFAULT_DB_ALIAS,
        *,
        retention: timedelta = DEFAULT_RETENTION,
        timeout: timedelta = DEFAULT_TIMEOUT,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if apps.apps_ready and not apps.is_installed(_APP):
            raise ConfigurationError(f"DjangoStore needs {_APP!r} in INSTALLED_APPS")
        try:
            spelling = SPELLINGS[connections[using].vendor]
        except ConnectionDoesNotExist:
            raise ConfigurationError(f"using: the settings have no database {using!r}") from None
        except KeyError as error:
            raise ConfigurationError(
                f"using: DjangoStore does not know databases of the kind of {using!r}: {error}"
            ) from None
        self._database = Database(using, checked_timeout(timeout), checked_clock(clock))
        super().__init__(Rules(checked_retention(retention), spelling, CLAIMS, MARKS))

    def transaction(self, delivery: Delivery) -> AbstractContextManager[None]:
        """A transaction whose commit also confirms the handler: ``atomic(durable=True)``.

        At the end of the ``with`` block it is confirmed and committed; on an error, it is rolled
        back. In an async handler, put the block into a function behind `sync_to_async`, with the
        delivery that the handler got.

        Raises `ConfigurationError` for a setup that cannot work, `ClaimLost` if another attempt has
        taken the handler over, and `StoreUnavailable`.
        """
        running = claimed_by(self, delivery, "transaction")
        return Block(running, self._steps(running))

    def confirm_in(self, delivery: Delivery) -> None:
        """Confirm the handler in the transaction that is open, which the app commits.

        Commit before the handler returns: it fails otherwise. A second call does nothing. Raises as
        `transaction` does.
        """
        running = claimed_by(self, delivery, "confirm_in")
        with self._failures(running):
            if not self._database.is_open():
                raise ConfigurationError(
                    f"confirm_in: no transaction on the database {self._database.using!r} is open: "
                    "call it in the block of transaction.atomic() that has the changes",
                    reason="autocommit",
                )
            opened = self._database.transaction()
            if limit := bound(self._database, running.remaining()):
                opened.execute(f"SELECT {limit}", {})
            running.to_check = True
            confirm(self._rules, running, opened)

    def _do(self, method: Callable[..., Result], *arguments: Any) -> Result:
        name = method.__name__
        if name in ("claim", "confirm"):  # The handler may have turned autocommit off.
            self._database.check_none_open(name)
        return super()._do(method, *arguments)

    def _run(self, work: Work[Result], kind: Kind = "write") -> Result:
        return self._database.run(work, kind)

    async def _ado(self, method: Callable[..., Result], *arguments: Any) -> Result:
        call: Callable[..., Result] = getattr(self, method.__name__)
        return await sync_to_async(call)(*arguments)

    @contextmanager
    def _steps(self, running: RunningHandler) -> Generator[None]:
        self._database.check_none_open("transaction")
        with transaction.atomic(self._database.using, durable=True):
            with self._failures(running):
                limit = bound(self._database, running.remaining())
                begin(self._database)
                opened = self._database.transaction()
                find(self._rules, running, opened, also=limit and f", {limit}")
            yield
            with self._failures(running):
                check_end(self._database)
                confirm(self._rules, running, opened)
            running.to_check = True  # A function given to on_commit may raise after the commit.
        running.confirmed = True

    @contextmanager
    def _failures(self, running: RunningHandler) -> Generator[None]:
        with self._database.failures():
            try:
                yield
            except Absent:
                running.is_lost = True
                raise ClaimLost(
                    f"handler {running.handler}: its claim is not there: the message was "
                    "forgotten, or the claim is in a test's transaction in another thread"
                ) from None
