"""Threads that stay: a handler finds the connections that its thread has opened before."""

from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Lock, Thread


class Threads:
    """Makes calls in threads; starts another one when all of them are busy.

    Those of `concurrent.futures` do not fit: the interpreter would wait for them at its end, even
    if a handler never ends.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._idle = 0
        self._count = 0
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()

    def submit(self, call: Callable[[], None]) -> None:
        """Have a thread make `call`, which must not raise."""
        with self._lock:
            if self._idle:
                self._idle -= 1
            else:
                self._count += 1
                name = f"clerk_hooks worker {self._count}"
                Thread(target=self._run, name=name, daemon=True).start()
        self._calls.put(call)

    async def run_sync(self, call: Callable[[], object]) -> None:
        """Have a thread make `call`, and wait for it on the running event loop."""
        import asyncio

        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def run() -> None:
            try:
                call()
            finally:
                with suppress(RuntimeError):  # The loop is closed, so nobody is waiting.
                    loop.call_soon_threadsafe(ended.set)

        self.submit(run)
        await ended.wait()

    def close(self) -> None:
        """End the threads that are idle; the others end after their call."""
        with self._lock:
            count, self._count, self._idle = self._count, 0, 0
        for _ in range(count):
            self._calls.put(None)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
            del call  # It would keep a delivery until the next one comes.
            with self._lock:
                self._idle += 1
