"""The event loop of the process, on which synchronous callers run async handlers."""

# Theory of operation
#
# A client, a pool or a lock of asyncio belongs to the event loop on which it was first used, and
# people keep them at module level. So all async handlers of synchronous callers (`receive`,
# `process`, `dispatch`) run on one loop per process, in a daemon thread of its own. Other ways were
# tried: with a loop per call, such a client works for the first delivery and then for few; a loop
# per thread helps neither servers with several threads nor those that start new ones.
#
# States of a process's loop:
#
#   none --> running --> stopped
#
# - The first async handler creates it. `_loops` has it under the id of the process. So a forked
#   process finds none and creates its own, even if the fork was not Python's (uWSGI forks in C). It
#   never touches its parent's loop, whose selector they share.
# - Nothing ends when a handler ends: a pool's own tasks live on, as they do under an ASGI server.
# - At exit, `stop` cancels all tasks, gives them `_GRACE` seconds to end, and closes the loop. A
#   thread that calls afterwards gets asyncio's RuntimeError, so its handler fails and is retried.
# - SIGKILL, SIGTERM where nobody handles it, and os._exit end the thread with the process.
#
# One call goes through these steps. C is the caller's thread, L the loop's.
#
# 1. C hands a `_Call` to L, with a copy of its context variables, and waits for a lock.
# 2. L makes the call in a task. Whatever it raises is kept in the `_Call`, so that a handler's
#    SystemExit reaches its caller and does not end the loop.
# 3. L releases the lock when the task is done, even if it was cancelled before its first step.
# 4. If something interrupts C meanwhile (Ctrl-C, a signal handler that raises), C has the task
#    cancelled, waits for its end once more, and raises the interrupt. A second interrupt ends that
#    wait too.
#
# A task that a handler left behind may raise SystemExit or KeyboardInterrupt. asyncio lets these
# out of `run_forever`; the thread logs them and goes on.
#
# A thread that runs an event loop must not wait for this one: all its tasks would stand still, and
# a handler on this loop would wait for itself. That is refused, and so are processes in which a
# second thread does not really run: uWSGI without threads, gevent, eventlet.
#
# asyncio is imported inside the functions, because most synchronous programs never need it.

import atexit
import logging
import os
import sys
from collections.abc import Callable
from threading import Lock, Thread
from typing import TYPE_CHECKING

from .errors import ConfigurationError
from .logs import log
from .waiting import failure, finished

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task

_LOOK_UP = 0.5  # Seconds after which a waiting thread looks for a signal that it has missed.
_GRACE = 5.0  # Seconds for cancelled tasks to end when the interpreter exits.


def check_can_wait(kind: str = "handler") -> None:
    """Check that this thread may wait for the process's event loop. Raises `ConfigurationError`.

    `kind` is what there is to run there, for the error.
    """
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:  # None is running, as it should be.
        pass
    else:
        instead = "adispatch (or aprocess, areceive)" if kind == "handler" else "areceive"
        raise ConfigurationError(
            f"an async {kind} cannot be run by a synchronous call inside a running event loop: "
            f"await {instead} there",
            reason="running_loop",
        )
    if (obstacle := _obstacle()) is not None:
        raise ConfigurationError(
            f"async {kind}s need a thread for their event loop, and {obstacle}: use sync {kind}s "
            "here, or an ASGI server",
            reason="no_threads",
        )


def run_on_loop(call: Callable[[], object]) -> None:
    """Call `call` on the process's event loop, await what it returns, and wait for the end.

    Raises what that raises, and what interrupts this thread meanwhile.
    """
    handed = _Call(call)
    loop = _process_loop().running()
    try:
        loop.call_soon_threadsafe(handed.start, loop)  # This copies the context variables.
        handed.wait()
    except BaseException:
        loop.call_soon_threadsafe(handed.cancel)
        handed.wait()
        raise
    if handed.error is not None:
        try:
            raise failure(handed.error)
        finally:
            del handed  # It and the traceback would keep each other alive.


def start_on_loop(call: Callable[[], object], ended: Callable[[], object]) -> Callable[[], object]:
    """Begin to await `call` on the process's event loop, and return a function that cancels it.

    `ended` is called on the loop at the end, however it comes about. What `call` returns or raises
    is dropped.
    """
    handed = _Call(call, ended)
    loop = _process_loop().running()
    loop.call_soon_threadsafe(handed.start, loop)  # This copies the context variables.
    return lambda: loop.call_soon_threadsafe(handed.cancel)


class _Call:
    """One call that a thread has handed to the loop."""

    __slots__ = ("_call", "_ended", "_is_called_off", "_on_end", "_task", "error")

    def __init__(
        self, call: Callable[[], object], on_end: Callable[[], object] | None = None
    ) -> None:
        self._call = call
        self._on_end = on_end
        self._task: Task[None] | None = None
        self._is_called_off = False
        self.error: BaseException | None = None
        self._ended = Lock()
        self._ended.acquire()

    def wait(self) -> None:
        """Wait for the end of the call; in the thread of the caller."""
        # A signal that comes just before Python waits for a lock does not end the wait.
        while not self._ended.acquire(timeout=_LOOK_UP):
            pass

    def start(self, loop: "AbstractEventLoop") -> None:
        """Make the call as a task of `loop`, unless it was cancelled before."""
        if self._is_called_off:
            return
        self._task = loop.create_task(self._run())
        self._task.add_done_callback(self._end)

    def cancel(self) -> None:
        """Cancel the task; on the loop."""
        if self._task is None:  # The caller was interrupted before it could hand the call over.
            self._is_called_off = True
            self._ended.release()
        else:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            await finished(self._call())
        except BaseException as error:  # noqa: BLE001 - the caller's thread raises it
            self.error = error

    def _end(self, task: "Task[None]") -> None:
        if task.cancelled():  # Before its first step.
            from asyncio import CancelledError

            self.error = CancelledError()
        self._ended.release()
        if self._on_end is not None:
            self._on_end()


class _ProcessLoop:
    """A loop in a daemon thread, started at first use."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._thread: Thread | None = None
        self._loop: AbstractEventLoop | None = None

    def running(self) -> "AbstractEventLoop":
        """The loop, once its thread has been started."""
        if self._loop is None:
            import asyncio

            with self._lock:
                if self._loop is None:
                    loop = asyncio.new_event_loop()
                    self._thread = Thread(
                        target=self._run, args=[loop], name="clerk_hooks", daemon=True
                    )
                    self._thread.start()
                    self._loop = loop
        return self._loop

    def stop(self) -> None:
        """Cancel the tasks, give them `_GRACE` seconds to end, and close the loop."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_GRACE + 1)  # Closing the loop takes a moment as well.

    def _run(self, loop: "AbstractEventLoop") -> None:
        while True:
            try:
                loop.run_forever()
                break  # Stopped, by `stop`.
            except (SystemExit, KeyboardInterrupt) as error:
                text = "a task that a handler left running tried to end the process"
                log(logging.ERROR, text, {}, error)
        try:
            loop.run_until_complete(_end_tasks())
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()


async def _end_tasks() -> None:
    import asyncio

    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_GRACE)


_loops: dict[int, _ProcessLoop] = {}


def _process_loop() -> _ProcessLoop:
    """The loop of this process; a new one after a fork."""
    # One atomic step, and no lock that a fork could find locked.
    return _loops.get(os.getpid()) or _loops.setdefault(os.getpid(), _ProcessLoop())


if hasattr(os, "register_at_fork"):
    # A child may get the id of a process that had a loop before it.
    os.register_at_fork(after_in_child=_loops.clear)


@atexit.register
def _stop() -> None:
    if (loop := _loops.get(os.getpid())) is not None:
        loop.stop()


def _obstacle() -> str | None:
    """Why a second thread would not really run in this process, if so."""
    uwsgi = sys.modules.get("uwsgi")  # A module only inside uWSGI.
    if uwsgi is not None and not {"enable-threads", "threads"} & {*map(_text, uwsgi.opt)}:
        return "uWSGI runs without threads (enable-threads = true)"
    gevent = sys.modules.get("gevent.monkey")
    if gevent is not None and gevent.is_module_patched("threading"):
        return "gevent has replaced threads"
    eventlet = sys.modules.get("eventlet.patcher")
    if eventlet is not None and eventlet.is_monkey_patched("thread"):
        return "eventlet has replaced threads"
    return None


def _text(option: str | bytes) -> str:
    return option.decode() if isinstance(option, bytes) else option
