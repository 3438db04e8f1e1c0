"""When a worker takes what: the rules of its taker, without threads and without an inbox."""

from typing import Literal, NamedTuple

POLL = 1.0
"""Seconds between two looks into an inbox in which nothing was due."""
LONGEST = 30.0
"""The most seconds between two attempts while the inbox or the store is away."""
LOOK = 5.0
"""Seconds between two looks for rows that must run alone, while others run."""
PATIENCE = 30.0
"""Seconds for which such a row is due before the worker makes room for it."""
PROBE = 10.0
"""Seconds after which a delivery that still runs has shown that the store answers again."""


class Action(NamedTuple):
    """What the taker does next."""

    kind: Literal["take", "take_alone", "look", "wait"]
    rows: int = 0
    """Rows to take at most."""
    seconds: float = 0.0
    """To wait at most, unless a delivery ends before."""


class Schedule:
    """Decides what the taker of a process does next; times are those of a monotonic clock.

    In each turn the taker asks for the `action`, does it, and says what has come of it.
    """

    def __init__(self, slots: int, now: float) -> None:
        self._slots = slots
        self._pause = 0.0  # Seconds of the last pause, which the next one doubles.
        self._paused_until = now
        self._is_probing = False  # After a pause, one delivery shows whether it is over.
        self._probe_ends = now
        self._next_take = now
        self._next_look = now
        self._is_empty = False  # The last take found nothing while nothing ran.
        self._is_draining = False
        self.is_idle = False
        """Whether the last takes, of both kinds, found nothing, and nothing runs."""

    def action(  # noqa: PLR0911 - a list of rules, the first that fits
        self, now: float, running: int, *, is_alone: bool
    ) -> Action:
        """What to do at `now`, while `running` deliveries run, or one that runs alone."""
        if is_alone:
            return Action("wait", seconds=LONGEST)
        if now < self._paused_until:
            return Action("wait", seconds=self._paused_until - now)
        if self._is_draining:
            return Action("wait", seconds=LONGEST) if running else Action("take_alone", 1)
        if running and now >= self._next_look:
            return Action("look")
        if self._is_empty and not running:
            return Action("take_alone", 1)
        if now < self._next_take:
            return Action("wait", seconds=self._next_take - now)
        if self._is_probing and running and now >= self._probe_ends:
            self._is_probing = False
        free = (1 if self._is_probing else self._slots) - running
        return Action("take", free) if free > 0 else Action("wait", seconds=LOOK)

    def took(self, asked: int, count: int, now: float, running: int) -> None:
        """Note that a take of `asked` rows found `count`; `running` includes them."""
        self._answered()
        self.is_idle = False
        self._probe_ends = now + PROBE
        self._is_empty = not running
        if count < asked and running:
            self._next_take = now + POLL

    def took_alone(self, count: int, now: float) -> None:
        """Note that a take of a row that runs alone found `count`."""
        self._answered()
        self._is_draining = False
        self._next_look = now if count else now + LOOK  # But after a take of the others.
        self.is_idle = not count and self._is_empty
        self._next_take = now + POLL if self.is_idle else now
        self._is_empty = False

    def looked(self, lag: float | None, now: float) -> None:
        """Note for how long a row that must run alone has been due."""
        self._answered()
        self._next_look = now + LOOK
        self._is_draining = lag is not None and lag >= PATIENCE

    def failed(self, now: float) -> None:
        """Note that the inbox did not answer."""
        self._back_off(now)

    def ended(self, now: float, running: int, *, is_pause: bool) -> None:
        """Note the end of a delivery; `is_pause` if no other delivery would fare better."""
        if not running:
            self._next_take = now
        if not is_pause:
            self._is_probing = False
            self._pause = 0.0
        elif now >= self._paused_until:  # Those that ended alike count once.
            self._is_probing = True
            self._back_off(now)

    def _answered(self) -> None:
        if not self._is_probing:
            self._pause = 0.0

    def _back_off(self, now: float) -> None:
        self._pause = min(max(1.0, self._pause * 2), LONGEST)
        self._paused_until = now + self._pause
