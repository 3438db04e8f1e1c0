"""Calls of other people's code that a request waits for, but never longer than a given time.

`crew` tells the theory. asyncio is imported inside the functions, because most synchronous programs
never need it.
"""

import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from threading import Lock
from time import monotonic
from typing import Any, TypeAlias, cast

from .crew import SIZE, Call, Crew
from .errors import ConfigurationError, QueueUnavailable
from .eventloop import check_can_wait, start_on_loop
from .handler import is_async_function
from .waiting import discard, failure

_LOOK_UP = 0.5  # Seconds after which a waiting thread looks for a signal that it has missed.

_Start: TypeAlias = Callable[[Crew, Call], Callable[[], object]]
"""Starts a call, and returns what cancels it."""


class BoundedCalls:
    """Calls `function` with one argument, and waits for its result for at most `seconds`.

    `kind` names it in errors. `is_async` says whether it is an ``async`` function.
    """

    def __init__(
        self, kind: str, function: Callable[[Any], object], seconds: float, *, is_async: bool
    ) -> None:
        self._kind = kind
        self._function = function
        self._seconds = seconds
        self._is_async = is_async
        self._crews: dict[tuple[int, int], Crew] = {}

    def call(self, argument: object) -> object:
        """The result, for a synchronous caller; async functions run on the process's event loop.

        Raises what the function raises; `QueueUnavailable` if it is late, or if too many calls are
        stuck; and `ConfigurationError` if there is something to await, and an event loop is running
        in this thread.
        """
        call = self._new_call(argument)
        if self._is_async:
            check_can_wait(self._kind)
            return self._waited(call, _start_on_process_loop)
        result = self._waited(call, _start_in_thread)
        if not isinstance(result, Awaitable):
            return result
        try:
            check_can_wait(self._kind)
        except BaseException:
            discard(cast("object", result))
            raise
        awaiting = self._awaiting(cast("object", result), call.ends)
        return self._waited(awaiting, _start_on_process_loop)

    async def acall(self, argument: object) -> object:
        """Like `call`; async functions run on the running event loop.

        If the caller is cancelled, the call is left behind.
        """
        call = self._new_call(argument)
        if self._is_async:
            return await self._awaited(call, _start_task)
        result = await self._awaited(call, _start_in_thread)
        if not isinstance(result, Awaitable):
            return result
        awaiting = self._awaiting(cast("object", result), call.ends)
        return await self._awaited(awaiting, _start_task)

    def _new_call(self, argument: object) -> Call:
        return Call(self._kind, partial(self._function, argument), monotonic() + self._seconds)

    def _awaiting(self, result: object, ends: float) -> Call:
        return Call(self._kind, lambda: result, ends, result)

    def _waited(self, call: Call, start: _Start) -> object:
        ended = Lock()
        ended.acquire()
        call.wake = ended.release
        crew = self._crew()
        cancel = start(crew, call)
        is_over = is_late = False
        try:
            # A signal that comes just before Python waits for a lock does not end the wait.
            while not is_over and (left := call.ends - monotonic()) > 0:
                is_over = ended.acquire(timeout=min(left, _LOOK_UP))
        finally:
            if not is_over and (is_late := crew.leave(call)):
                cancel()
        return self._result(call, is_late=is_late)

    async def _awaited(self, call: Call, start: _Start) -> object:
        import asyncio

        loop = asyncio.get_running_loop()
        ended = loop.create_future()

        def wake() -> None:
            with suppress(RuntimeError):  # The loop is closed, so nobody is waiting.
                loop.call_soon_threadsafe(ended.set_result, None)

        call.wake = wake
        crew = self._crew()
        cancel = start(crew, call)
        is_late = False
        try:
            await asyncio.wait([ended], timeout=max(0.0, call.ends - monotonic()))
        finally:
            if not ended.done() and (is_late := crew.leave(call)):
                cancel()
        return self._result(call, is_late=is_late)

    def _result(self, call: Call, *, is_late: bool) -> object:
        if is_late:
            raise QueueUnavailable(f"the {self._kind} did not end within {self._seconds:g} s")
        if call.is_refused:
            raise QueueUnavailable(f"the {self._kind} is stuck: {SIZE} calls of it have not ended")
        error, call.error = call.error, None
        if error is not None:
            try:
                raise failure(error)
            finally:
                del error  # It, or the call, and the traceback would keep each other alive.
        return call.result

    def _crew(self) -> Crew:
        """The crew of this process; a new one after a fork."""
        # One atomic step, and no lock that a fork could find locked.
        process = os.getpid(), _forks[0]
        return self._crews.get(process) or self._crews.setdefault(process, Crew(self._kind))


def bounded(kind: str, argument: str, function: object, seconds: float) -> BoundedCalls:
    """Calls of `function`, which takes `argument`, within a time.

    Raises `ConfigurationError` if it cannot be called with one argument.
    """
    if isinstance(function, type) or not callable(function):
        found = "a class" if isinstance(function, type) else type(function).__name__
        instead = "an inbox, or " if kind == "handoff" else ""
        raise ConfigurationError(
            f"{kind} must be {instead}a function that takes {argument}, not {found}"
        )
    from inspect import signature

    try:
        signature(function).bind(object())
    except TypeError as error:
        problem = f"{kind} must be a function that takes {argument}: {error}"
        raise ConfigurationError(problem) from None
    except ValueError:  # Some functions of extensions do not tell what they take.
        pass
    name = getattr(function, "__qualname__", type(function).__name__)
    is_async = is_async_function(function, f"{kind} {name}")
    return BoundedCalls(kind, function, seconds, is_async=is_async)


_forks = [0]


def _count_fork() -> None:
    # A child may get the id of a process that had a crew before it.
    _forks[0] += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_count_fork)


def _start_in_thread(crew: Crew, call: Call) -> Callable[[], object]:
    crew.submit(call)
    return _nothing


def _start_on_process_loop(crew: Crew, call: Call) -> Callable[[], object]:
    if not crew.enter(call):
        return _nothing
    return start_on_loop(call.run_async, partial(crew.end, call))


def _start_task(crew: Crew, call: Call) -> Callable[[], object]:
    import asyncio

    if not crew.enter(call):
        return _nothing
    call.task = task = asyncio.get_running_loop().create_task(call.run_async())
    task.add_done_callback(lambda _: crew.end(call))
    return task.cancel


def _nothing() -> None:
    """Cancels what cannot be cancelled."""
