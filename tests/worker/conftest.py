"""What the tests of the worker share: a clock, an inbox, and deliveries."""

from __future__ import annotations

import pytest

from clerk_hooks import Delivery

from .memory_inbox import MemoryInbox


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def delivery(message_id: str = "msg_1", event_type: str = "user.created") -> Delivery:
    payload = b'{"type": "%s", "timestamp": 1, "data": {"id": "user_1"}}' % event_type.encode()
    return Delivery(message_id, 1_700_000_000, payload)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inbox(clock: Clock) -> MemoryInbox:
    return MemoryInbox(clock)
