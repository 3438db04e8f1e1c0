"""What counts as a store: the methods that a `Processor` calls, or awaits."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from clerk_hooks import ConfigurationError, Endpoint, MemoryStore, Processor, Router, sign
from clerk_hooks.protocols import is_async_store, is_store

from .watched_store import SECRET, AwaitedStore, event

CALLED = {"claim", "confirm", "release"}


def store_with(methods: set[str]) -> object:
    return type("Store", (), dict.fromkeys(methods, print))()


@pytest.mark.parametrize("missing", sorted(CALLED))
def test_a_store_has_all_three_methods_that_a_processor_calls(missing: str) -> None:
    assert is_store(store_with(CALLED))
    assert not is_store(store_with(CALLED - {missing}))
    awaited = {"a" + name for name in CALLED}
    assert is_async_store(store_with(awaited))
    assert not is_async_store(store_with(awaited - {"a" + missing}))
    assert not is_async_store(store_with(CALLED))
    assert not is_store(store_with(awaited))


@pytest.mark.parametrize(
    ("value", "expected"),
    [(MemoryStore(), True), (MemoryStore, False), ("redis://", False), (object(), False)],
    ids=["store", "class", "url", "object"],
)
def test_a_store_is_known_by_its_methods(value: object, expected: bool) -> None:
    assert is_store(value) is expected
    assert is_async_store(value) is expected


class OnlyAwaited:
    """A store for event loops only."""

    def __init__(self) -> None:
        self._store = AwaitedStore()

    def __getattr__(self, name: str) -> Any:
        if name in {"aclaim", "aconfirm", "arelease", "ashow", "aforget", "apurge"}:
            return getattr(self._store, name)
        raise AttributeError(name)


def test_a_store_for_event_loops_only_is_refused_by_synchronous_calls() -> None:
    ran: list[object] = []
    router = Router()
    router.on("user.created", name="one")(ran.append)
    store: Any = OnlyAwaited()
    endpoint = Endpoint(router, secret=SECRET, store=store)
    body = event()
    with pytest.raises(ConfigurationError, match="await aprocess") as caught:
        endpoint.receive(body, sign(body, secret=SECRET))
    assert caught.value.reason == "async_store"
    assert not ran


def test_it_is_awaited_by_asynchronous_ones() -> None:
    ran: list[object] = []
    router = Router()
    router.on("user.created", name="one")(ran.append)
    store: Any = OnlyAwaited()
    endpoint = Endpoint(router, secret=SECRET, store=store)
    body = event()
    headers = sign(body, secret=SECRET, message_id="msg_1")
    replies = [asyncio.run(endpoint.areceive(body, headers)).body for _ in range(2)]
    assert replies == [b'{"outcome":"handled"}', b'{"outcome":"duplicate"}']
    assert len(ran) == 1


@pytest.mark.parametrize("store", ["redis://", MemoryStore, store_with({"claim", "aconfirm"})])
def test_anything_else_is_refused_at_start(store: Any) -> None:
    with pytest.raises(ConfigurationError, match="store must be an IdempotencyStore or an Async"):
        Processor(Router(), store=store, lease=timedelta(seconds=1))
