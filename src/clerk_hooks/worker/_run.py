"""One run of a delivery, inside the context that the worker was given."""

import inspect
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from ..delivery import Delivery, with_context
from ..errors import ConfigurationError
from ..processing import Outcome, Processor
from ..protocols import is_store
from ..waiting import RunSync
from ._calls import on_loop

Context: TypeAlias = Callable[
    [Delivery], AbstractContextManager[object] | AbstractAsyncContextManager[object]
]
"""Makes the context manager that surrounds one run; its value is `Delivery.context`."""


class Ended(NamedTuple):
    """How a run ended."""

    outcome: Outcome | None = None
    """None if it did not succeed."""
    error: Exception | None = None
    """Why it did not succeed."""


class Runner:
    """Runs deliveries through a processor; in this thread, or on an event loop.

    A run in a thread has everything in that thread: context, store and sync handlers. So they share
    a connection that belongs to the thread. Async handlers are awaited on the process's loop.
    """

    def __init__(
        self, processor: Processor, context: Context | None, run_sync: RunSync | None
    ) -> None:
        self._processor = processor
        self.observers = processor.observers
        """Those that surround a run, and its handlers."""
        self._context = context
        self._run_sync = run_sync
        self.is_for_loops = (
            processor.store is not None and not is_store(processor.store)
        ) or inspect.isasyncgenfunction(inspect.unwrap(context) if context else None)
        """Whether all of a run has to be on an event loop: the store or the context asks for it."""

    def run(self, delivery: Delivery, done: Collection[str]) -> Ended:
        """Run `delivery` in this thread, or on the process's loop while this thread waits.

        `done` are the names of the handlers that need not run again. What is no `Exception` is
        raised.
        """
        if self.is_for_loops:
            return self._on_loop(partial(self.arun, delivery, done, self._run_sync))
        outcome: Outcome | None = None
        failure: Exception | None = None
        try:
            if self._context is None:
                return Ended(self._processor.process(delivery, done=done))
            manager: Any = self._context(delivery)
            if not hasattr(manager, "__enter__"):
                run = partial(self._arun_within, manager, delivery, done, self._run_sync)
                return self._on_loop(run)
            with manager as value:
                try:
                    outcome = self._processor.process(with_context(delivery, value), done=done)
                except Exception as error:
                    failure = error  # A context that swallows it must not turn it into a success.
                    raise
        except Exception as error:  # noqa: BLE001 - `next_step` sorts them
            return Ended(error=failure or error)
        return Ended(outcome, failure)

    async def arun(
        self, delivery: Delivery, done: Collection[str], run_sync: RunSync | None
    ) -> Ended:
        """Like `run`, on the running event loop; sync handlers run through `run_sync`."""
        try:
            if self._context is None:
                outcome = await self._processor.aprocess(delivery, done=done, run_sync=run_sync)
                return Ended(outcome)
            manager = self._context(delivery)
        except Exception as error:  # noqa: BLE001 - `next_step` sorts them
            return Ended(error=error)
        return await self._arun_within(manager, delivery, done, run_sync)

    async def _arun_within(
        self, manager: Any, delivery: Delivery, done: Collection[str], run_sync: RunSync | None
    ) -> Ended:
        outcome: Outcome | None = None
        failure: Exception | None = None
        try:
            async with _Entered(manager) as value:
                try:
                    outcome = await self._processor.aprocess(
                        with_context(delivery, value), done=done, run_sync=run_sync
                    )
                except Exception as error:
                    failure = error
                    raise
        except Exception as error:  # noqa: BLE001 - `next_step` sorts them
            return Ended(error=failure or error)
        return Ended(outcome, failure)

    def _on_loop(self, run: Callable[[], Any]) -> Ended:
        try:
            ended: Ended = on_loop(run)
        except Exception as error:  # noqa: BLE001 - there is no loop to run it on
            return Ended(error=error)
        return ended


class _Entered:
    """A context manager of either kind, for ``async with``."""

    def __init__(self, manager: Any) -> None:
        self._manager = manager
        self._is_async = hasattr(manager, "__aenter__")
        if not self._is_async and not hasattr(manager, "__enter__"):
            kind = type(manager).__name__
            raise ConfigurationError(f"context must return a context manager, not {kind}")

    async def __aenter__(self) -> object:
        entered: object = (
            await self._manager.__aenter__() if self._is_async else self._manager.__enter__()
        )
        return entered

    async def __aexit__(self, *raised: object) -> object:
        swallowed: object = (
            await self._manager.__aexit__(*raised)
            if self._is_async
            else self._manager.__exit__(*raised)
        )
        return swallowed
