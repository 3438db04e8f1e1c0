"""The pytest plugin: fixtures for tests of handlers and endpoints.

pytest loads it automatically in every environment where clerk_hooks is installed. So importing it
loads only the core, not even the test kit, and it does nothing until a test asks for a fixture.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Protocol, overload

import pytest

from .secret import SECRET_VARIABLE

if TYPE_CHECKING:
    from .events import KnownEvent
    from .reply import Reply
    from .testing import Sendable, SignedRequest, Variant
    from .testing._sample import Changes, EventT


class ClerkSample(Protocol):
    """The type of the fixture `clerk_sample`, which is `clerk_hooks.testing.sample`."""

    @overload
    def __call__(
        self,
        event: type[EventT],
        changes: Changes | None = None,
        *,
        variant: Variant | None = None,
        seed: int | None = None,
    ) -> EventT: ...
    @overload
    def __call__(
        self,
        event: str,
        changes: Changes | None = None,
        *,
        variant: Variant | None = None,
        seed: int | None = None,
    ) -> KnownEvent: ...


class ClerkDeliver(Protocol):
    """The type of the fixture `clerk_deliver`, which is `deliver` with the secret for tests."""

    @abstractmethod
    def __call__(
        self, target: object, event: Sendable | SignedRequest, *, path: str = ...
    ) -> Reply:
        """Sign `event` and deliver it to `target`; returns the reply."""


class ClerkAdeliver(Protocol):
    """The type of the fixture `clerk_adeliver`, which is `adeliver` with the secret for tests."""

    @abstractmethod
    async def __call__(
        self, target: object, event: Sendable | SignedRequest, *, path: str = ...
    ) -> Reply:
        """Sign `event` and deliver it to `target`; returns the reply."""


@pytest.fixture
def clerk_secret(monkeypatch: pytest.MonkeyPatch) -> str:
    """A signing secret for tests, which the environment also holds during the test."""
    from .testing import SECRET

    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    return SECRET


@pytest.fixture
def clerk_sample() -> ClerkSample:
    """A function that makes sample events: `clerk_hooks.testing.sample`."""
    from .testing import sample

    return sample


@pytest.fixture
def clerk_deliver(clerk_secret: str) -> ClerkDeliver:
    """A function that signs an event and delivers it: ``clerk_deliver(app, event)``."""
    from .testing import deliver

    return partial(deliver, secret=clerk_secret)


@pytest.fixture
def clerk_adeliver(clerk_secret: str) -> ClerkAdeliver:
    """A coroutine function that signs and delivers an event, for async tests."""
    from .testing import adeliver

    return partial(adeliver, secret=clerk_secret)
