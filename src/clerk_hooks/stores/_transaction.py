"""An open transaction, as the rules see it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias


class Rows(Protocol):
    """The result of a statement."""

    @property
    def rowcount(self) -> int:
        """The number of rows that it wrote."""
        ...

    def fetchall(self) -> Sequence[Any]:
        """The rows that it read."""
        ...


Execute: TypeAlias = Callable[[str, Mapping[str, object]], Rows]
"""Runs a statement with ``:name`` parameters in the open transaction."""


class Transaction(NamedTuple):
    """An open transaction, and the time that counts as now in it."""

    execute: Execute
    now: float
    """Unix seconds."""
