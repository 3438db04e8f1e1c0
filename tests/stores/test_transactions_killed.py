"""Processes that are killed or stopped: a handler with its own transaction takes effect once."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from .apps import DATABASES
from .backends import Backend, backend
from .worker import Receiver, build, writing_router

EFFECTS = "CREATE TABLE effects (message_id VARCHAR(255) NOT NULL)"
WAYS = ["transaction", "confirm_in"]


@pytest.fixture(params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    with backend(request.param, tmp_path, has_tables=False) as place:
        place.sql(EFFECTS)
        yield place


def receive(place: Backend, message_id: str, seconds_later: float = 0) -> int:
    """Deliver to an endpoint of another process, as its clock says so much later."""
    store = build(
        place.kind,
        place.url,
        clock=lambda: time.time() + seconds_later,
        timeout=timedelta(seconds=30),
    )
    receiver = Receiver(store, writing_router(store))
    try:
        return receiver.receive(message_id)
    finally:
        receiver.close()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("die_at", "status_before", "effects_before"),
    [
        ("commit 1", 200, 0),  # With the claim not yet committed.
        ("begin", 409, 0),
        ("written", 409, 0),
        ("confirmed", 409, 0),
        ("commit 2", 409, 0),  # With the effect and the confirmation sent, but not committed.
        ("reply", 200, 1),
    ],
)
def test_after_a_kill_at_any_point_the_effect_is_there_exactly_once(
    place: Backend, way: str, die_at: str, status_before: int, effects_before: int
) -> None:
    if way == "transaction" and die_at == "confirmed":
        pytest.skip("a point that only confirm_in has")
    worker = place.start("transact", way=way, die_at=die_at)
    assert worker.hear() == {"ended": -signal.SIGKILL}

    def effects() -> int:
        ((count,),) = place.sql("SELECT COUNT(*) FROM effects WHERE message_id = 'msg_1'")
        return int(count)

    assert effects() == effects_before
    assert receive(place, "msg_1") == status_before  # As Svix does after 5 s: within the lease.
    assert receive(place, "msg_1", seconds_later=61) == 200
    assert receive(place, "msg_1", seconds_later=62) == 200
    assert effects() == 1
