"""One suite for all stores: each test that asks for a `store` runs on every one of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .backends import ALL, NURSERY, SHARED, Backend, Clock, backend
from .network import RedisServer
from .redis_kinds import RedisKind
from .schemas import SCHEMAS


@pytest.fixture(params=ALL)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """Where stores of one kind keep what they remember."""
    with backend(request.param, tmp_path) as place:
        yield place


@pytest.fixture(params=SHARED)
def shared_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """The same, for stores that several processes share, which make the tables."""
    with backend(request.param, tmp_path, has_tables=False) as place:
        yield place


@pytest.fixture(scope="session", autouse=True)
def _shared() -> Iterator[None]:
    """What tests have in turn ends with the process."""
    SCHEMAS.open()
    yield
    NURSERY.stop()
    SCHEMAS.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(place: Backend, clock: Clock) -> Any:
    """A store of each kind, whose clock stands still."""
    return place.open(clock=clock)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of the test's own, which it may stop, freeze and kill."""
    server = RedisServer(tmp_path)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> Iterator[RedisKind]:
    """Both stores for Redis, and the clients for them."""
    kind = RedisKind(request.param)
    yield kind
    kind.close()
