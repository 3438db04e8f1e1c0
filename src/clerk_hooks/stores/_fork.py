"""Things that a forked process inherits and must leave alone: connections, and dead threads."""

import logging
import os
from typing import Protocol
from weakref import WeakSet


class Inherited(Protocol):
    """Something that the parent process has open."""

    def leave_to_parent(self) -> None:
        """Start again, and neither use nor close the inherited things."""
        ...


_inherited: "WeakSet[Inherited]" = WeakSet()
_kept: list[object] = []

_logger = logging.getLogger("clerk_hooks")


def leave_when_forked(inherited: Inherited) -> None:
    """Leave `inherited` to the parent in every process forked from this one."""
    _inherited.add(inherited)


def keep(*things: object) -> None:
    """Keep `things` forever: collecting them would close what the parent still uses."""
    _kept.extend(things)


def _leave_to_parent() -> None:
    for inherited in _inherited:
        try:
            inherited.leave_to_parent()
        except Exception:
            # An engine can have anybody's listeners. The other stores must not suffer from them.
            _logger.exception("a store failed to leave its connections to the parent process")


if hasattr(os, "register_at_fork"):  # Windows has no fork.
    os.register_at_fork(after_in_child=_leave_to_parent)
