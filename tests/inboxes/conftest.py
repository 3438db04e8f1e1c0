"""One suite for all inboxes: each test that asks for an `inbox` runs on every one of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .places import KINDS, Clock, Place, place_of


@pytest.fixture(scope="session", params=KINDS)
def _place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with place_of(request.param, tmp_path_factory.mktemp("inbox")) as place:
        yield place


@pytest.fixture
def place(_place: Place) -> Iterator[Place]:
    """A place without messages."""
    _place.clear()
    yield _place
    _place.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inbox(place: Place, clock: Clock) -> Any:
    """An inbox of each kind, whose clock stands still."""
    return place.open(clock=clock)
