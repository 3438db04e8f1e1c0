"""The signals that end a worker."""

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import current_thread, main_thread


@contextmanager
def stopping(stop: Callable[[], None]) -> Generator[None, None, None]:
    """Call `stop` at each SIGTERM and SIGINT; in other threads than the main one, do nothing."""
    if current_thread() is not main_thread():  # Only the main thread gets signals.
        yield
        return

    def on_signal(_number: int, _frame: object) -> None:
        stop()

    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
