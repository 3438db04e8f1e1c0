"""What a process inherits by a fork and must leave alone: connections, threads that are gone."""

import os
from typing import Protocol
from weakref import WeakSet


class Inherited(Protocol):
    """What another process has open."""

    def leave_to_parent(self) -> None:
        """Begin anew, and neither use nor close what there was."""
        ...


_all: "WeakSet[Inherited]" = WeakSet()


def leave_when_forked(inherited: Inherited) -> None:
    """Have `inherited` left to the parent in every process that is forked from this one."""
    _all.add(inherited)


def _leave_to_parent() -> None:
    for inherited in _all:
        inherited.leave_to_parent()


if hasattr(os, "register_at_fork"):  # Not on Windows, which does not fork.
    os.register_at_fork(after_in_child=_leave_to_parent)
