"""What the parts of a worker share in one process."""

from collections.abc import Callable
from datetime import timedelta
from time import monotonic
from typing import Any, NamedTuple

from ..errors import ConfigurationError, StoreUnavailable
from ..inbox import RetryPolicy
from ._calls import ask
from ._logbook import Complaints


class Settings(NamedTuple):
    """The settings of a worker, as far as its parts need them."""

    inbox: object
    slots: int
    policy: RetryPolicy
    lease: timedelta
    max_run: timedelta
    complaints: Complaints
    clock: Callable[[], float] = monotonic

    def ask(self, name: str, *arguments: object, **options: object) -> Any:
        """The answer of the inbox's method. That it does not answer is logged, and raised.

        Raises `StoreUnavailable` and `ConfigurationError`.
        """
        try:
            answer = ask(self.inbox, name, *arguments, **options)
        except (ConfigurationError, StoreUnavailable) as error:
            self.complaints.failed(name, error)
            raise
        self.complaints.answered()
        return answer
