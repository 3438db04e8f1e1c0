"""Around each run of a worker, what Django does around each request: connections are closed.

Django closes those that are broken, or older than ``CONN_MAX_AGE``, only when a request begins or
ends. Without that, the threads of a worker would keep a connection that the database has ended, and
all later handlers there would fail.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from ...eventloop import start_on_loop
from ...observe import Observer, Taken
from ...router import registry_of

if TYPE_CHECKING:
    from ...worker import Worker


class Connections(Observer):
    """Closes old connections before and after each run, in the thread that runs it.

    If handlers are async (`has_async`), it does so too in the thread that `sync_to_async` and
    Django's own async methods use on the process's event loop.
    """

    def __init__(self, *, has_async: bool) -> None:
        self._has_async = has_async

    @contextmanager
    def run(self, taken: Taken) -> Generator[None]:  # noqa: ARG002 - as of every observer
        """Surround one run, and the settling of what follows."""
        self._close()
        try:
            yield
        finally:
            self._close()

    def _close(self) -> None:
        close_old_connections()
        if self._has_async:
            # That thread makes calls in their order: this one before those of the run that begins.
            start_on_loop(sync_to_async(close_old_connections), _nothing)


def tidy(worker: "Worker") -> None:
    """Have `worker` close old connections around each run; its own observers are inside of that."""
    processor = worker.processor
    registered = registry_of(processor.router).registrations()
    has_async = any(handler.is_async for _, handler in registered)
    processor.observers = (Connections(has_async=has_async), *processor.observers)


def _nothing() -> None:
    """Nobody waits for its end."""
