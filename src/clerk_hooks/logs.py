"""The log: each record is one line, even if text in it came from outside."""

import logging
from collections.abc import Mapping
from threading import Lock
from time import monotonic

_logger = logging.getLogger("clerk_hooks")


def is_logged(level: int) -> bool:
    """Whether a record of this level is wanted by anybody."""
    return _logger.isEnabledFor(level)


def log(
    level: int, text: str, fields: Mapping[str, object], error: BaseException | None = None
) -> None:
    """Log `text`, in which ``%(name)s`` stands for a field. The record has the fields as well.

    `error` adds its traceback. Text in the fields may come from anywhere, so its control characters
    are escaped: an event type must not be able to begin a new line.
    """
    if is_logged(level):
        safe = {name: one_line(value) for name, value in fields.items()}
        arguments = (safe,) if safe else ()  # An empty dict would count as a value for the text.
        _logger.log(level, text, *arguments, exc_info=error, extra=safe, stacklevel=2)


def one_line(value: object) -> object:
    """`value`; text with everything that cannot be printed in it escaped, as `repr` does."""
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in value)


class Seldom:
    """Says yes at most once in `seconds`: for records of what may happen at every delivery."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = Lock()
        self._next = float("-inf")

    def __call__(self) -> bool:
        """Whether it is time for another record."""
        now = monotonic()
        with self._lock:
            if now < self._next:
                return False
            self._next = now + self._seconds
            return True
