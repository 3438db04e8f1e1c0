"""What an inbox hands out: messages to workers, records and its status to people."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from .delivery import Delivery


class Message(NamedTuple):
    """A delivery that a worker has taken from an inbox."""

    delivery: Delivery
    """The delivery, with the bytes that were verified."""
    token: str
    """Fencing token: it renews and settles the row until somebody else takes it."""
    carrier: Mapping[str, str]
    """What observers of the handoff sent along, such as a trace context."""
    accepted_at: float
    """Unix seconds, by the inbox's clock: when the inbox accepted it."""
    takes: int = 1
    """How often it was taken, this time included, since a run of it was last settled."""
    failures: int = 0
    """In how many runs a handler has failed so far."""
    put_backs: int = 0
    """How often in a row it was put back without a result."""
    done: tuple[str, ...] = ()
    """The names of the handlers that need not run again."""


class Step(NamedTuple):
    """What follows a run."""

    kind: Literal["done", "retry", "dead"]
    """The state that the row gets: ``retry`` is to wait until it is due again."""
    delay: float = 0.0
    """Seconds until a row that waits is due again."""
    reason: str = ""
    """Why it did not succeed: the `reason` of an error, and its text."""
    done: tuple[str, ...] = ()
    """The names of the handlers that need not run again."""
    is_counted: bool = True
    """Whether the run counts as a failure. If not, the row is put back as it was."""
    is_pause: bool = False
    """Whether no other row would fare better: the worker pauses."""


State: TypeAlias = Literal["waiting", "running", "done", "dead"]
"""The state of a row, as `inbox` tells."""


class Record(NamedTuple):
    """A row of an inbox, for people to look at."""

    message_id: str
    state: State
    event_type: str | None
    """The event type; None if it cannot be read."""
    attempted_at: float
    """Unix seconds: when the attempt was signed."""
    accepted_at: float
    """Unix seconds: when the inbox accepted it."""
    due_at: float
    """Unix seconds: when a worker may take it; of a running one, the end of the lease; of a done or
    dead one, when it ended."""
    takes: int
    failures: int
    done: tuple[str, ...]
    """The names of the handlers that need not run again."""
    reason: str
    """Why it last did not succeed."""
    payload: bytes | None
    """The bytes that were verified; None for a done one."""


class Selection(NamedTuple):
    """Which rows of an inbox: those that everything given here is true of."""

    state: State | None = None
    event_type: str | None = None
    since: float | None = None
    """Unix seconds: accepted at this time or later."""


class LivingWorker(NamedTuple):
    """A worker that has written its row within the last 30 s."""

    name: str
    slots: int
    """How many deliveries it can run at a time."""
    running: int
    """How many it runs."""
    seen_at: float
    """Unix seconds: when it wrote its row."""


class Status(NamedTuple):
    """How an inbox fares."""

    counts: Mapping[State, int]
    """The number of rows in each state."""
    lag: float | None
    """Seconds for which the oldest due row has been due; None if nothing is due."""
    workers: Sequence[LivingWorker]
