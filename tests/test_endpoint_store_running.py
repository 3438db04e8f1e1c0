"""The claim in a handler's delivery: every kind of handler has its own, and nobody else has it."""

import asyncio
import copy
import pickle
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from clerk_hooks import ConfigurationError, Delivery, Endpoint, Observer, Processor, Router, sign
from clerk_hooks.delivery import claim_of, for_handler, with_context, without_claim
from clerk_hooks.observe import Running
from clerk_hooks.running_handler import RunningHandler, claimed_by

from .watched_store import SECRET, WAYS, WatchedStore, Way, event

Seen = list[tuple[str, RunningHandler | None]]


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    way: Way = request.param
    return way


def see(seen: Seen, name: str, event: object, delivery: Delivery) -> None:
    assert delivery.event is event
    seen.append((name, claim_of(delivery)))


def handlers_of_every_kind(seen: Seen) -> Router:
    router = Router()

    @router.on("user.created", name="sync")
    def sync(event: object, delivery: Delivery) -> None:
        see(seen, "sync", event, delivery)

    @router.on("user.created", name="async")
    async def asynchronous(event: object, delivery: Delivery) -> None:
        await asyncio.create_task(asyncio.sleep(0))
        see(seen, "async", event, delivery)

    @router.on("user.created", name="awaitable")
    def returns_an_awaitable(event: object, delivery: Delivery) -> Awaitable[None]:
        async def rest() -> None:
            await asyncio.sleep(0)
            see(seen, "awaitable", event, delivery)

        return rest()

    @router.on("user.created", name="in a thread")
    def thread(event: object, delivery: Delivery) -> None:
        bare = threading.Thread(target=see, args=(seen, "in a thread", event, delivery))
        bare.start()
        bare.join()

    router.on("user.created", name="partial")(partial(see, seen, "partial"))

    @router.on("user.created", name="fails")
    def fails(event: object, delivery: Delivery) -> None:
        see(seen, "fails", event, delivery)
        raise ValueError

    return router


KINDS = ["sync", "async", "awaitable", "in a thread", "partial", "fails"]


def test_every_kind_of_handler_has_its_own_claim(way: Way) -> None:
    seen: Seen = []
    endpoint, store = way.endpoint(handlers_of_every_kind(seen))
    assert way.receive(endpoint).status == 500
    assert [name for name, _ in seen] == KINDS
    (token,) = {record.token for record in store.memory.show("msg_1")}
    for name, running in seen:
        assert running is not None
        assert (running.message_id, running.handler, running.token) == ("msg_1", name, token)
        assert running.store is store
        assert running.mark is None
        assert running.is_async is (name == "async")
        assert 50 < running.remaining() <= 60


def test_a_run_sync_that_takes_no_context_along_makes_no_difference() -> None:
    seen: Seen = []
    endpoint, _ = WAYS["areceive"].endpoint(handlers_of_every_kind(seen))
    body = event()

    async def main() -> int:
        with ThreadPoolExecutor(1) as pool:

            def run_sync(call: Callable[[], object]) -> Awaitable[object]:
                return asyncio.get_running_loop().run_in_executor(pool, call)

            headers = sign(body, secret=SECRET, message_id="msg_1")
            return (await endpoint.areceive(body, headers, run_sync=run_sync)).status

    assert asyncio.run(main()) == 500
    assert [(name, running and running.handler) for name, running in seen] == [
        (k, k) for k in KINDS
    ]


def test_a_claim_knows_the_mark_of_handlers_that_drop_stale_events(way: Way) -> None:
    seen: Seen = []
    router = Router()
    router.on("user.created", name="drops", drop_stale=True)(partial(see, seen, "drops"))
    router.on("user.created", name="keeps")(partial(see, seen, "keeps"))
    endpoint, _ = way.endpoint(router)
    assert way.receive(endpoint, event(updated_at=5)).status == 200
    (_, drops), (_, keeps) = seen
    assert drops is not None
    assert drops.mark is not None
    assert (drops.mark.key, drops.mark.time) == (("user", "user_1"), 5_000)
    assert keeps is not None
    assert keeps.mark is None


def test_without_a_store_nothing_is_claimed(way: Way) -> None:
    seen: Seen = []
    assert way.receive(Endpoint(handlers_of_every_kind(seen), secret=SECRET)).status == 500
    assert seen == [(name, None) for name in KINDS]


def test_observers_and_the_caller_have_no_claim(way: Way) -> None:
    class Sees(Observer):
        @contextmanager
        def handler(self, running: Running) -> Iterator[None]:
            observed.append(running.delivery)
            yield

    seen: Seen = []
    observed: list[Delivery | None] = []
    router = Router()
    router.on("user.created", name="one")(partial(see, seen, "one"))
    endpoint, _ = way.endpoint(router, observers=[Sees()])
    assert way.receive(endpoint).status == 200
    [delivery] = observed
    assert delivery is not None
    assert claim_of(delivery) is None
    assert seen[0][1] is not None


@pytest.mark.parametrize("how", ["dispatch", "adispatch", "process", "aprocess"])
def test_what_handles_a_delivery_once_more_drops_its_claim(way: Way, how: str) -> None:
    seen: Seen = []
    inner, outer = Router(), Router()
    inner.on("user.created")(partial(see, seen, "inner"))
    processor = Processor(inner)

    @outer.on("user.created", name="outer")
    async def outer_async(event: object, delivery: Delivery) -> None:
        if how == "adispatch":
            await inner.adispatch(delivery)
        elif how == "aprocess":
            await processor.aprocess(delivery)
        elif how == "dispatch":
            inner.dispatch(delivery)
        else:
            processor.process(delivery)
        see(seen, "outer", event, delivery)

    endpoint, _ = way.endpoint(outer)
    assert way.receive(endpoint).status == 200
    (_, of_inner), (_, of_outer) = seen
    assert of_inner is None
    assert of_outer is not None
    assert of_outer.handler == "outer"


def test_a_store_inside_a_handler_claims_on_its_own(way: Way) -> None:
    seen: Seen = []
    inner, outer = Router(), Router()
    inner.on("user.created", name="inner")(partial(see, seen, "inner"))
    other = WatchedStore()
    processor = Processor(inner, store=other)

    @outer.on("user.created", name="outer")
    def handler(event: object, delivery: Delivery) -> None:
        processor.process(delivery)
        see(seen, "outer", event, delivery)

    endpoint, store = way.endpoint(outer)
    assert way.receive(endpoint).status == 200
    assert [(running and running.handler, running and running.store) for _, running in seen] == [
        ("inner", other),
        ("outer", store),
    ]


def test_requests_at_the_same_time_have_their_own() -> None:
    seen: dict[str, Any] = {}
    router = Router()

    @router.on("user.created", name="a")
    async def handler(event: object, delivery: Delivery) -> None:
        waiting.append(delivery.message_id)
        if len(waiting) == 10:
            together.set()
        await together.wait()
        seen[delivery.message_id] = claim_of(delivery)

    waiting: list[str] = []
    endpoint, _ = WAYS["areceive, awaited"].endpoint(router)
    body = event()

    async def main() -> None:
        nonlocal together
        together = asyncio.Event()
        await asyncio.gather(
            *[
                endpoint.areceive(body, sign(body, secret=SECRET, message_id=f"msg_{number}"))
                for number in range(10)
            ]
        )

    together: asyncio.Event
    asyncio.run(main())
    assert {name: running.message_id for name, running in seen.items()} == {
        f"msg_{number}": f"msg_{number}" for number in range(10)
    }


DELIVERY = Delivery("msg_1", 1, event())


def running(store: object = None) -> RunningHandler:
    return RunningHandler(store, "msg_1", "h", "token", expires=0)


def test_a_handlers_copy_equals_the_delivery_and_shares_what_was_read() -> None:
    one = Delivery("msg_1", 1, event(), context="context")
    before, claim = for_handler(one, running()), running()
    twin = for_handler(one, claim)
    assert twin is not one
    assert twin == one == before
    assert hash(twin) == hash(one)
    assert repr(twin) == repr(one)
    assert twin.context == "context"
    assert before.event is twin.event is one.event
    assert claim_of(twin) is claim
    assert claim_of(one) is None


def test_copies_of_copies_keep_what_they_do_not_change() -> None:
    claim = running()
    claimed = with_context(for_handler(DELIVERY, claim), "context")
    assert (claim_of(claimed), claimed.context) == (claim, "context")
    other = running()
    assert claim_of(for_handler(claimed, other)) is other
    free = without_claim(claimed)
    assert (claim_of(free), free.context) == (None, "context")
    assert without_claim(free) is free
    assert claimed == free == DELIVERY
    assert free.event is DELIVERY.event


@pytest.mark.parametrize(
    "duplicate",
    [lambda one: pickle.loads(pickle.dumps(one)), copy.copy, copy.deepcopy],
    ids=["pickle", "copy", "deepcopy"],
)
def test_a_claim_and_a_context_are_not_pickled_or_copied(
    duplicate: Callable[[Delivery], Delivery],
) -> None:
    claimed = with_context(for_handler(DELIVERY, running()), threading.Lock())
    twin = duplicate(claimed)
    assert (claim_of(twin), twin.context) == (None, None)
    assert twin == claimed
    assert twin.event == claimed.event


def test_a_store_gets_the_claim_of_its_own_handlers_only() -> None:
    store = WatchedStore()
    claim = running(store)
    claimed = for_handler(DELIVERY, claim)
    assert claimed_by(store, claimed, "transaction") is claim
    claim.has_ended = True
    wrong: Any = "msg_1"
    for delivery, owner, problem in (
        (DELIVERY, store, "transaction: it needs the delivery that a handler is given"),
        (wrong, store, "transaction: it needs the delivery that a handler is given"),
        (claimed, WatchedStore(), "transaction: the handler h was claimed in another store"),
        (claimed, store, "transaction: the handler h has ended, and its claim with it"),
    ):
        with pytest.raises(ConfigurationError, match=problem) as caught:
            claimed_by(owner, delivery, "transaction")
        assert caught.value.reason == "not_claimed"


def test_the_claim_of_a_handler_that_has_ended_is_over(way: Way) -> None:
    kept: list[Delivery] = []
    router = Router()

    @router.on("user.created", name="keeps")
    def keeps(event: object, delivery: Delivery) -> None:
        assert claimed_by(store, delivery, "transaction").handler == "keeps"
        kept.append(delivery)

    @router.on("user.created", name="fails")
    def fails(event: object, delivery: Delivery) -> None:
        kept.append(delivery)
        raise ValueError

    endpoint, store = way.endpoint(router)
    assert way.receive(endpoint).status == 500
    for delivery in kept:
        with pytest.raises(ConfigurationError, match="has ended"):
            claimed_by(store, delivery, "transaction")


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_the_claim_of_a_handler_that_was_interrupted_is_over(way: Way, is_async: bool) -> None:
    kept: list[Delivery] = []
    router = Router()
    if is_async:

        @router.on("user.created", name="one")
        async def asynchronous(event: object, delivery: Delivery) -> None:
            kept.append(delivery)
            raise Interrupt

    else:

        @router.on("user.created", name="one")
        def sync(event: object, delivery: Delivery) -> None:
            kept.append(delivery)
            raise Interrupt

    endpoint, store = way.endpoint(router)
    with pytest.raises(Interrupt):
        way.receive(endpoint)
    with pytest.raises(ConfigurationError, match="has ended"):
        claimed_by(store, kept[0], "transaction")


class Interrupt(BaseException):
    """Ends the whole run, as a KeyboardInterrupt does."""


def test_no_time_is_left_after_the_lease() -> None:
    assert running().remaining() == 0
    seen: Seen = []
    router = Router()
    router.on("user.created", name="one")(partial(see, seen, "one"))
    store = WatchedStore()
    Processor(router, store=store, lease=timedelta(hours=2)).process(DELIVERY)
    claim = seen[0][1]
    assert claim is not None
    assert 7100 < claim.remaining() <= 7200
