"""What a worker logs."""

import logging
from collections.abc import Callable
from time import perf_counter

from ..errors import ConfigurationError, HandlerError, InProgress
from ..logs import log
from ..messages import Message, Step
from ..observe import Taken, elapsed
from ._run import Ended

_SELDOM = 60.0  # Seconds between two records of the same kind, where a database is away.


def taken_from(message: Message) -> Taken:
    """What observers see of `message`."""
    return Taken(message.delivery, message.carrier, message.accepted_at, message.takes)


def note(taken: Taken, message: Message, ended: Ended, step: Step | None) -> None:
    """Note for observers, and log, how a run ended and the `step` that was settled, if it was.

    A message that is dead is an ERROR.
    """
    taken.error = ended.error
    if step is None:
        return
    taken.step = step.kind
    fields: dict[str, object] = {
        "message_id": message.delivery.message_id,
        "event_type": taken.event_type,
        "outcome": ended.outcome or ("put back" if not step.is_counted else step.kind),
        "duration": elapsed(taken),
        "takes": message.takes,
    }
    text = "%(message_id)s %(event_type)s: %(outcome)s after %(duration).3f s"
    if step.kind == "done":
        log(logging.INFO, text, fields)
        return
    level = logging.INFO
    fields |= {"failures": message.failures + step.is_counted, "reason": step.reason}
    if step.kind == "dead":
        level = logging.ERROR
        text = (
            "%(message_id)s %(event_type)s is dead after %(failures)d failed runs: %(reason)s; "
            '"clerk-hooks inbox retry" runs it again'
        )
    else:
        fields["delay"] = step.delay
        text += ", again in %(delay).0f s: %(reason)s"
        if not step.is_counted and not isinstance(ended.error, InProgress):
            level = logging.WARNING
    # Each handler's failure has been logged, with its traceback; other errors have not.
    is_new = ended.error is not None and not isinstance(ended.error, (HandlerError, InProgress))
    is_bug = is_new and (step.is_counted or isinstance(ended.error, ConfigurationError))
    log(level, text, fields, ended.error if is_bug else None)


def log_lost(message: Message) -> None:
    """Log that a row was taken over, or dropped, while its delivery ran."""
    log(
        logging.WARNING,
        "%(message_id)s %(event_type)s: another worker has taken it over, or it was dropped",
        {
            "message_id": message.delivery.message_id,
            "event_type": taken_from(message).event_type,
            "outcome": "lost",
        },
    )


def log_overdue(message: Message, seconds: float) -> None:
    """Log that a delivery has run for so long that its row is not renewed any more."""
    log(
        logging.WARNING,
        "%(message_id)s %(event_type)s has run for %(duration).0f s (max_run): from now on another "
        "worker may take it",
        {
            "message_id": message.delivery.message_id,
            "event_type": taken_from(message).event_type,
            "outcome": "overdue",
            "duration": seconds,
        },
    )


class Complaints:
    """Logs that the inbox does not answer, at most once a minute, and when it does again."""

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self._silent_until = 0.0
        self._is_away = False

    def failed(self, call: str, error: Exception) -> None:
        """Note that a call of the inbox has failed."""
        self._is_away = True
        now = self._clock()
        if now >= self._silent_until:
            self._silent_until = now + _SELDOM
            fields = {"call": call, "detail": str(error)}
            text = "the inbox does not answer (%(call)s): %(detail)s"
            log(logging.WARNING, text, fields, error.__cause__)

    def answered(self) -> None:
        """Note that a call of the inbox has succeeded."""
        if self._is_away:
            self._is_away = False
            self._silent_until = 0.0
            log(logging.INFO, "the inbox answers again", {})
