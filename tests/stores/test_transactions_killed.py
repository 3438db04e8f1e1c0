"""Processes that are killed or stopped: a handler with its own transaction takes effect once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from .apps import DATABASES, Clock
from .backends import Backend, backend
from .worker import Receiver, build, payload_about, writing_router

EFFECTS = "CREATE TABLE effects (message_id VARCHAR(255) NOT NULL)"
# With the status of another attempt within the lease, and how often the effect is there by then.
POINTS = [
    ("commit 1", 200, 0),  # With the claim not yet committed.
    ("begin", 409, 0),
    ("written", 409, 0),
    ("confirmed", 409, 0),  # A point that only confirm_in has.
    ("commit 2", 409, 0),  # With the effect and the confirmation sent, but not committed.
    ("reply", 200, 1),
]


@pytest.fixture(params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    with backend(request.param, tmp_path, has_tables=False) as place:
        place.sql(EFFECTS)
        yield place


class OtherProcess:
    """An endpoint of another process, to which messages are delivered again."""

    def __init__(self, place: Backend) -> None:
        self._clock = Clock()
        store = build(place.kind, place.url, clock=self._clock, timeout=timedelta(seconds=60))
        self._receiver = Receiver(store, writing_router(store))
        self.close = self._receiver.close

    def receive(self, message_id: str, seconds_later: float = 0) -> int:
        """Deliver, as its clock says so much later."""
        self._clock.added = seconds_later
        return self._receiver.receive(message_id, payload_about(message_id))


@pytest.mark.parametrize("way", ["transaction", "confirm_in"])
def test_after_a_kill_at_any_point_the_effect_is_there_exactly_once(
    place: Backend, way: str, subtests: pytest.Subtests
) -> None:
    """At each point in a message of its own; the processes do not wait for one another."""
    place.open().purge()  # The tables are made.
    points = [point for point in POINTS if (way, point[0]) != ("transaction", "confirmed")]
    workers = [
        place.start("transact", way=way, die_at=die_at, message=f"msg_{number}")
        for number, (die_at, _, _) in enumerate(points)
    ]
    with closing(OtherProcess(place)) as other:
        for number, (die_at, status_before, effects_before) in enumerate(points):
            with subtests.test(die_at):
                assert workers[number].hear() == {"ended": -signal.SIGKILL}
                message = f"msg_{number}"
                assert effects(place, message) == effects_before
                # As Svix does after 5 s: within the lease.
                assert other.receive(message) == status_before
                assert other.receive(message, seconds_later=61) == 200
                assert other.receive(message, seconds_later=62) == 200
                assert effects(place, message) == 1


def effects(place: Backend, message: str) -> int:
    ((count,),) = place.sql(f"SELECT COUNT(*) FROM effects WHERE message_id = '{message}'")
    return int(count)
