"""Noticing that nobody takes what an inbox keeps: the web process is often the only one that runs.

Nothing here changes the reply.
"""

import logging
from contextlib import suppress
from typing import Any

from .logs import Seldom, log
from .waiting import RunSync, ThreadCall

LONGEST_LAG = 300.0
"""Seconds for which a message may have been due before there is a warning."""


class Backlog:
    """Asks an inbox, at most once a minute, for how long its oldest message has been due."""

    def __init__(self, inbox: Any) -> None:
        self._inbox = inbox
        self._is_sync = callable(getattr(inbox, "lag", None))
        self._is_async = callable(getattr(inbox, "alag", None))
        self._is_time_to_look = Seldom(60)

    def look(self) -> None:
        """Warn if messages are not taken. An inbox that does not answer is left alone."""
        if not (self._is_sync and self._is_time_to_look()):
            return
        lag: object = None
        with suppress(Exception):  # It has just kept a delivery, and that is what counts.
            lag = self._inbox.lag()
        _warn(lag)

    async def alook(self, run_sync: RunSync | None) -> None:
        """Like `look`, on the running event loop; an inbox without `alag` through `run_sync`."""
        import asyncio

        if not ((self._is_sync or self._is_async) and self._is_time_to_look()):
            return
        cancellation = lag = None
        with suppress(Exception):  # It has just kept a delivery, and that is what counts.
            if self._is_async:
                lag = await self._inbox.alag()
            else:
                call = ThreadCall(self._inbox.lag)
                cancellation = await call.run(run_sync or asyncio.to_thread)
                lag = call.result()
        if cancellation is not None:
            raise cancellation
        _warn(lag)


def _warn(lag: object) -> None:
    if isinstance(lag, (int, float)) and lag > LONGEST_LAG:
        log(
            logging.WARNING,
            "the oldest message has been due for %(lag).0f s: do workers run, and are they enough? "
            "`clerk-hooks inbox status` tells",
            {"lag": float(lag)},
        )
