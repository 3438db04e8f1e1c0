"""`running_handler`: every kind of handler sees which claim it runs under, and nobody else does."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from clerk_hooks import Endpoint, Router, sign
from clerk_hooks.idempotency import RunningHandler, running_handler

from .watched_store import SECRET, WAYS, WatchedStore, Way, event

Seen = list[tuple[str, RunningHandler | None]]


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    way: Way = request.param
    return way


def see(seen: Seen, name: str) -> None:
    seen.append((name, running_handler.get()))


def handlers_of_every_kind(seen: Seen) -> Router:
    router = Router()

    @router.on("user.created", name="sync")
    def sync(event: object) -> None:
        see(seen, "sync")

    @router.on("user.created", name="async")
    async def asynchronous(event: object) -> None:
        see(seen, "async")
        await asyncio.sleep(0)
        see(seen, "async")
        await asyncio.create_task(asyncio.sleep(0))
        see(seen, "async")

    @router.on("user.created", name="awaitable")
    def returns_an_awaitable(event: object) -> Awaitable[None]:
        see(seen, "awaitable")

        async def rest() -> None:
            await asyncio.sleep(0)
            see(seen, "awaitable")

        return rest()

    router.on("user.created", name="partial")(partial(lambda name, e: see(seen, name), "partial"))

    @router.on("user.created", name="fails")
    def fails(event: object) -> None:
        see(seen, "fails")
        raise ValueError

    return router


def as_claimed(store: WatchedStore, seen: Seen) -> None:
    """Each handler has seen itself, under one token that is that of the claim."""
    assert {name for name, _ in seen} == {"sync", "async", "awaitable", "partial", "fails"}
    assert len(seen) == 8
    tokens = {record.token for record in store.show("msg_1")}
    assert len(tokens) == 1
    assert [(name, running[:3]) for name, running in seen] == [
        (name, ("msg_1", name, *tokens)) for name, _ in seen
    ]


def test_every_kind_of_handler_sees_itself(way: Way) -> None:
    seen: Seen = []
    endpoint, store = way.endpoint(handlers_of_every_kind(seen))
    assert way.receive(endpoint).status == 500
    as_claimed(store, seen)
    assert running_handler.get() is None


def test_a_run_sync_that_takes_no_context_along_makes_no_difference() -> None:
    seen: Seen = []
    endpoint, store = WAYS["areceive"].endpoint(handlers_of_every_kind(seen))
    body = event()
    headers = sign(body, secret=SECRET, message_id="msg_1")

    async def main() -> int:
        with ThreadPoolExecutor(1) as pool:

            def run_sync(call: Callable[[], object]) -> Awaitable[object]:
                return asyncio.get_running_loop().run_in_executor(pool, call)

            status = (await endpoint.areceive(body, headers, run_sync=run_sync)).status
            assert await run_sync(running_handler.get) is None
            return status

    assert asyncio.run(main()) == 500
    as_claimed(store, seen)


def test_it_is_unset_when_the_request_is_over() -> None:
    endpoint, _ = WAYS["areceive"].endpoint(handlers_of_every_kind([]))
    body = event()

    async def main() -> None:
        await endpoint.areceive(body, sign(body, secret=SECRET))
        assert running_handler.get() is None

    asyncio.run(main())


@pytest.mark.parametrize("is_async", [False, True], ids=["dispatch", "adispatch"])
def test_handlers_that_a_handler_dispatches_itself_see_no_claim(is_async: bool) -> None:
    seen: list[object] = []
    inner, outer = Router(), Router()
    inner.on("user.created")(lambda event: seen.append(running_handler.get()))

    @outer.on("user.created", name="outer")
    async def handler(received: Any) -> None:
        if is_async:
            await inner.adispatch(received)
        else:
            inner.dispatch(received)
        assert running_handler.get() is not None

    endpoint, _ = WAYS["areceive"].endpoint(outer)
    body = event()
    reply = asyncio.run(endpoint.areceive(body, sign(body, secret=SECRET)))
    assert (reply.status, seen) == (200, [None])


def test_requests_at_the_same_time_see_their_own() -> None:
    seen: dict[str, Any] = {}
    router = Router()

    @router.on("user.created", name="a")
    async def handler(event: object, delivery: Any) -> None:
        barrier.append(delivery.message_id)
        while len(barrier) < 10:
            await asyncio.sleep(0)
        seen[delivery.message_id] = running_handler.get()

    barrier: list[str] = []
    endpoint, _ = WAYS["areceive, awaited"].endpoint(router)
    body = event()

    async def main() -> None:
        await asyncio.gather(
            *[
                endpoint.areceive(body, sign(body, secret=SECRET, message_id=f"msg_{number}"))
                for number in range(10)
            ]
        )

    asyncio.run(main())
    assert {name: running.message_id for name, running in seen.items()} == {
        f"msg_{number}": f"msg_{number}" for number in range(10)
    }


def test_without_a_store_nothing_is_claimed(way: Way) -> None:
    seen: Seen = []
    endpoint = Endpoint(handlers_of_every_kind(seen), secret=SECRET)
    assert way.receive(endpoint).status == 500
    assert [running for _, running in seen] == 8 * [None]


def test_a_dispatch_inside_a_handler_claims_nothing_of_its_own(way: Way) -> None:
    seen: Seen = []
    inner, outer = Router(), Router()
    inner.on("user.created", name="inner")(lambda event: see(seen, "inner"))

    @outer.on("user.created", name="outer")
    def handler(event: Any) -> None:
        inner.dispatch(event)
        see(seen, "outer")

    endpoint, _ = way.endpoint(outer)
    assert way.receive(endpoint).status == 200
    (_, of_inner), (_, of_outer) = seen
    assert of_inner is None
    assert of_outer is not None
    assert of_outer.handler == "outer"
