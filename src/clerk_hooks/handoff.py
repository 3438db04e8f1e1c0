"""Handing verified deliveries over to a queue, instead of running their handlers.

The endpoint calls `process` and `aprocess`, as it does with a `Processor`. What the reply may be is
decided by the handoff alone: an inbox, or a function. A notification comes after it, and changes
nothing: the inbox has the delivery, and whoever looks for due rows finds it.
"""

# The two halves, sync and async, are deliberate, as in `dispatch`. Keep each pair side by side.

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from typing import Any, Literal, TypeAlias

from .backlog import Backlog
from .bounded import bounded
from .carrier import carried
from .delivery import Delivery
from .errors import ConfigurationError, PayloadError, QueueUnavailable, StoreUnavailable
from .inbox import AsyncInbox, Inbox
from .logs import Seldom, log
from .notification import Notification, Notify
from .observe import Handed, Observer, observed
from .patterns import Only
from .waiting import RunSync, ThreadCall, check_has_run, wait

Handoff: TypeAlias = Inbox | AsyncInbox | Callable[[Delivery], object]
"""An inbox; or a function, sync or async, that puts a delivery into a queue. The delivery counts as
queued unless the function raises or is late, and as a duplicate if it returns False."""

DEFAULT_TIMEOUT = timedelta(seconds=5)

_LARGE = 64 * 1024  # Bytes of a payload whose type is not read on an event loop.

_Outcome: TypeAlias = Literal["queued", "duplicate"]


class HandingOver:
    """Hands deliveries over; see `Endpoint` for the arguments. Raises `ConfigurationError`."""

    def __init__(
        self,
        handoff: Handoff,
        observers: tuple[Observer, ...],
        *,
        notify: Notify | None,
        only: Iterable[str],
        timeout: timedelta,
    ) -> None:
        if not isinstance(timeout, timedelta) or timeout <= timedelta(0):
            raise ConfigurationError("handoff_timeout must be a positive timedelta")
        self._observers = observers
        self._only = Only(only)
        self._queue: _Inbox | _Function
        if callable(getattr(handoff, "put", None)) or callable(getattr(handoff, "aput", None)):
            self._queue = _Inbox(handoff)
        else:
            self._queue = _Function(handoff, timeout.total_seconds())
        self._notification = None if notify is None else Notification(notify)

    def process(self, delivery: Delivery) -> Literal["queued", "duplicate", "unhandled"]:
        """Hand `delivery` over, and return how it ended.

        Raises `QueueUnavailable`, and `ConfigurationError` if the handoff can only be awaited, or
        if the delivery has a context, which cannot go with it.
        """
        _refuse_context(delivery)
        if self._only.patterns and _leaves_out(self._only, delivery):
            return "unhandled"
        if not self._observers:
            return self._handed_over(delivery, {})
        handed = Handed(delivery)
        with observed(self._observers, handed):
            handed.outcome = outcome = self._handed_over(delivery, carried(handed))
            return outcome

    async def aprocess(
        self, delivery: Delivery, *, run_sync: RunSync | None = None
    ) -> Literal["queued", "duplicate", "unhandled"]:
        """Like `process`, on the running event loop; an inbox without `aput` through `run_sync`."""
        _refuse_context(delivery)
        if self._only.patterns and await _aleaves_out(self._only, delivery, run_sync):
            return "unhandled"
        if not self._observers:
            return await self._ahanded_over(delivery, {}, run_sync)
        handed = Handed(delivery)
        with observed(self._observers, handed):
            carrier = carried(handed)
            handed.outcome = outcome = await self._ahanded_over(delivery, carrier, run_sync)
            return outcome

    def _handed_over(self, delivery: Delivery, carrier: dict[str, str]) -> _Outcome:
        if not self._queue.put(delivery, carrier):
            return "duplicate"
        if self._notification is not None:
            self._notification.send(delivery.message_id)
        return "queued"

    async def _ahanded_over(
        self, delivery: Delivery, carrier: dict[str, str], run_sync: RunSync | None
    ) -> _Outcome:
        if not await self._queue.aput(delivery, carrier, run_sync):
            return "duplicate"
        if self._notification is not None:
            await self._notification.asend(delivery.message_id)
        return "queued"


class _Inbox:
    """An inbox, which bounds each call by its own timeout."""

    def __init__(self, inbox: object) -> None:
        if isinstance(inbox, type):
            raise ConfigurationError(f"handoff: pass an object of {inbox.__name__}, not the class")
        self._inbox: Any = inbox
        self._is_sync = callable(getattr(inbox, "put", None))
        self._is_async = callable(getattr(inbox, "aput", None))
        self._backlog = Backlog(inbox)

    def put(self, delivery: Delivery, carrier: dict[str, str]) -> bool:
        if not self._is_sync:
            raise ConfigurationError(
                f"the handoff is a {type(self._inbox).__name__}, which can only be awaited: await "
                "areceive, or use an inbox that is not async",
                reason="async_inbox",
            )
        try:
            answer = self._inbox.put(delivery, carrier)
        except (ConfigurationError, QueueUnavailable):
            raise
        except Exception as error:
            raise _unavailable("inbox", error) from error
        is_queued = self._answer(answer)
        self._backlog.look()
        return is_queued

    async def aput(
        self, delivery: Delivery, carrier: dict[str, str], run_sync: RunSync | None
    ) -> bool:
        """Like `put`. A call is never abandoned: if the caller is cancelled, its end is awaited."""
        try:
            answer = await self._aanswer(delivery, carrier, run_sync)
        except (ConfigurationError, QueueUnavailable):
            raise
        except Exception as error:
            raise _unavailable("inbox", error) from error
        is_queued = self._answer(answer)
        await self._backlog.alook(run_sync)
        return is_queued

    async def _aanswer(
        self, delivery: Delivery, carrier: dict[str, str], run_sync: RunSync | None
    ) -> object:
        import asyncio

        if not self._is_async:
            call = ThreadCall(partial(self._inbox.put, delivery, carrier))
            cancellation = await call.run(run_sync or asyncio.to_thread)
            if cancellation is not None:
                raise cancellation
            return call.result()
        future = asyncio.ensure_future(self._inbox.aput(delivery, carrier))
        cancellation = await wait(future)
        if cancellation is not None:
            if not future.cancelled():
                future.exception()  # Else asyncio logs that nobody has asked for it.
            raise cancellation
        if future.cancelled():
            raise RuntimeError("the inbox was cancelled by what it awaits")
        return future.result()

    def _answer(self, answer: object) -> bool:
        if not isinstance(answer, bool):  # It may be another kind of queue.
            raise ConfigurationError(
                f"handoff: the inbox {type(self._inbox).__name__} must say whether it has queued a "
                f"delivery, by True or False, and returned an object of type "
                f"{type(answer).__name__}; to use another queue, pass a function"
            )
        return answer


class _Function:
    """A function, which is called within a time."""

    def __init__(self, function: object, seconds: float) -> None:
        self._calls = bounded("handoff", "a delivery", function, seconds)
        self._is_time_for_record = Seldom(60)

    def put(self, delivery: Delivery, _: dict[str, str]) -> bool:
        try:
            return _is_queued(self._calls.call(delivery))
        except (ConfigurationError, QueueUnavailable):
            raise
        except Exception as error:
            self._tell(error)
            raise _unavailable("handoff", error) from error

    async def aput(self, delivery: Delivery, _: dict[str, str], __: RunSync | None) -> bool:
        try:
            return _is_queued(await self._calls.acall(delivery))
        except (ConfigurationError, QueueUnavailable):
            raise
        except Exception as error:
            self._tell(error)
            raise _unavailable("handoff", error) from error

    def _tell(self, error: Exception) -> None:
        if self._is_time_for_record():
            text = "the handoff raised; its traceback is logged at most once a minute"
            log(logging.ERROR, text, {"reason": QueueUnavailable.reason}, error)


def _is_queued(result: object) -> bool:
    check_has_run(result, "handoff")
    return result is not False


def _unavailable(kind: str, error: Exception) -> QueueUnavailable:
    """The error for what a handoff has raised."""
    if isinstance(error, StoreUnavailable):
        return QueueUnavailable(str(error))
    # Not its text, which may have the payload in it.
    return QueueUnavailable(f"the {kind} failed with {type(error).__name__}")


def _refuse_context(delivery: Delivery) -> None:
    if delivery.context is not None:
        raise ConfigurationError(
            "a context cannot go with a delivery that is handed over: a worker has a context of "
            "its own"
        )


def _leaves_out(only: Only, delivery: Delivery) -> bool:
    try:
        return only.leaves_out(delivery.type)
    except PayloadError:  # Whoever handles it must see it.
        return False


async def _aleaves_out(only: Only, delivery: Delivery, run_sync: RunSync | None) -> bool:
    """Like `_leaves_out`; a large payload is read in a thread, so that it never blocks the loop."""
    if len(delivery.payload) <= _LARGE:
        return _leaves_out(only, delivery)
    import asyncio

    call = ThreadCall(partial(_leaves_out, only, delivery))
    cancellation = await call.run(run_sync or asyncio.to_thread)
    if cancellation is not None:
        raise cancellation
    return bool(call.result())
