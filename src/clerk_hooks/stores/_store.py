"""A store in SQL: its methods are pieces of work, which a subclass runs in its transactions."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Literal, TypeAlias, TypeVar

from ..errors import StoreUnavailable
from ..store_methods import StoreMethods
from ._sql import Rules
from ._transaction import Transaction

Result = TypeVar("Result")
Work: TypeAlias = Callable[[Transaction], Result]
"""What to do in a transaction. If it raises, nothing of it must remain."""

Kind: TypeAlias = Literal["claim", "write", "read", "release"]
"""What kind of work it is.

A ``claim`` may be forgotten in a crash of the server: it is then claimed again. A ``read`` must not
wait for anybody's open transaction, nor must a ``release``: the lease releases too.
"""

_KINDS: dict[str, Kind] = {"claim": "claim", "show": "read", "release": "release"}


class Busy(StoreUnavailable):
    """Others have an SQLite file locked."""


class SQLStore(StoreMethods):
    """An `IdempotencyStore` that follows `rules`."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    @abstractmethod
    def _run(self, work: Work[Result], kind: Kind = "write") -> Result:
        """Do `work` in a transaction of its own."""

    def _do(self, method: Callable[..., Result], *arguments: Any) -> Result:
        name = method.__name__
        rule: Callable[..., Result] = getattr(self._rules, name)
        kind = _KINDS.get(name, "write")
        result = self._run(lambda transaction: rule(transaction, *arguments), kind)
        if self._rules.is_sweep_due():
            with suppress(StoreUnavailable):  # The result stands; a later call will sweep.
                self._run(self._rules.sweep)
        return result

    def release(self, message_id: str, handlers: Sequence[str], token: str) -> None:
        """Give up claims, as `IdempotencyStore.release` says, unless somebody has locked them."""
        with suppress(Busy):
            super().release(message_id, handlers, token)

    def purge(self) -> int:
        """Forget everything older than the retention; returns how many handlers that were."""
        total, is_all = 0, False
        while not is_all:
            count, is_all = self._run(self._rules.purge_some)
            total += count
        return total
