"""What a process inherits by a fork and must leave alone: connections, threads that are gone."""

import logging
import os
from typing import Protocol
from weakref import WeakSet


class Inherited(Protocol):
    """What another process has open."""

    def leave_to_parent(self) -> None:
        """Begin anew, and neither use nor close what there was."""
        ...


_inherited: "WeakSet[Inherited]" = WeakSet()
_kept: list[object] = []

_logger = logging.getLogger("clerk_hooks")


def leave_when_forked(inherited: Inherited) -> None:
    """Have `inherited` left to the parent in every process that is forked from this one."""
    _inherited.add(inherited)


def keep(*things: object) -> None:
    """Keep `things` for ever: as garbage they would end what the parent is still using."""
    _kept.extend(things)


def _leave_to_parent() -> None:
    for inherited in _inherited:
        try:
            inherited.leave_to_parent()
        except Exception:
            # An engine may have listeners of anybody's: no reason not to go on with the others.
            _logger.exception("a store has failed to leave its connections to the parent process")


if hasattr(os, "register_at_fork"):  # Not on Windows, which does not fork.
    os.register_at_fork(after_in_child=_leave_to_parent)
