"""Waking a worker for a message that an inbox has: of use, and not needed.

Nothing here changes the reply. If a notification is lost, a worker that looks for due rows finds
the message.
"""

import logging
from collections.abc import Callable
from typing import TypeAlias

from .bounded import bounded
from .errors import ConfigurationError, QueueUnavailable
from .logs import Seldom, log
from .waiting import check_has_run

Notify: TypeAlias = Callable[[str], object]
"""A function, sync or async, that wakes a worker for the message with this id."""

NOTIFY_SECONDS = 1.0
"""How long a reply waits for a notification."""


class Notification:
    """Wakes a worker, within `NOTIFY_SECONDS`. Raises `ConfigurationError`."""

    def __init__(self, notify: Notify) -> None:
        self._calls = bounded("notify", "a message id", notify, NOTIFY_SECONDS)
        self._notify = notify
        self._is_time_for_record = Seldom(60)

    def send(self, message_id: str) -> None:
        """Call `notify`. What goes wrong is logged."""
        try:
            if _runs_in_caller(self._notify):
                self._notify(message_id)
            else:
                check_has_run(self._calls.call(message_id), "notify")
        except Exception as error:  # noqa: BLE001 - it is logged
            self._tell(message_id, error)

    async def asend(self, message_id: str) -> None:
        """Like `send`, on the running event loop."""
        try:
            if _runs_in_caller(self._notify):
                self._notify(message_id)
            else:
                check_has_run(await self._calls.acall(message_id), "notify")
        except Exception as error:  # noqa: BLE001 - it is logged
            self._tell(message_id, error)

    def _tell(self, message_id: str, error: Exception) -> None:
        if self._is_time_for_record():
            text = (
                "%(message_id)s: no worker was notified: %(detail)s; this is logged at most once a "
                "minute, and the delivery is queued"
            )
            is_ours = isinstance(error, (QueueUnavailable, ConfigurationError))
            detail = str(error) if is_ours else f"notify failed with {type(error).__name__}"
            fields = {"message_id": message_id, "detail": detail}
            log(logging.WARNING, text, fields, None if is_ours else error)


def _runs_in_caller(notify: Notify) -> bool:
    """Whether this notification handles the message itself, as an eager Celery does in tests.

    A function says so by an attribute of this name, a function without arguments.
    """
    asked = getattr(notify, "runs_in_caller", None)
    return callable(asked) and asked() is True
