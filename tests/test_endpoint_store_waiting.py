"""What a 409 waits for: the reply says it, and the log does."""

import asyncio
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from clerk_hooks import (
    ClaimLost,
    Delivery,
    Endpoint,
    InProgress,
    MemoryStore,
    Processor,
    Reply,
    Router,
    sign,
)
from clerk_hooks.idempotency import Claim, ObjectVersion

from .watched_store import SECRET, WAYS, WatchedStore, Way, event

LEASE = timedelta(seconds=60)
NOON = 1_700_000_000_000


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    way: Way = request.param
    return way


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the clock of leases on, by seconds."""
    seconds = [0.0]
    monkeypatch.setattr("clerk_hooks.claims.perf_counter", lambda: seconds[0])

    def move(by: float) -> None:
        seconds[0] += by

    return move


def message(reply: Reply) -> str:
    assert reply.status == 409
    text: str = json.loads(reply.body)["message"]
    return text


def mirror(router: Router) -> list[str]:
    """Register a handler that drops stale events; returns the names that it was given."""
    names: list[str] = []

    @router.on("user.updated", name="mirror", drop_stale=True)
    def handler(event: object) -> None:
        names.append(event.data.first_name)  # type: ignore[attr-defined]

    return names


def version(time: int) -> ObjectVersion:
    return ObjectVersion("user", "user_1", time, False, frozenset({"mirror"}))


def test_a_409_says_that_this_message_is_handled_elsewhere_and_until_when(way: Way) -> None:
    router = Router()
    router.on("user.created", name="a")(lambda event: None)
    endpoint, store = way.endpoint(router)
    store.memory.claim("msg_1", ["a"], LEASE)
    assert message(way.receive(endpoint)).startswith("this message is being handled elsewhere, un")


def test_a_409_names_the_other_message_of_the_object(
    way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    router = Router()
    mirror(router)
    endpoint, store = way.endpoint(router)
    store.memory._clock = lambda: 1_700_000_000.5
    store.memory.claim("msg_that_died", ["mirror"], LEASE, version(NOON))
    text = message(way.receive(endpoint, event("user.updated", updated_at=NOON + 1), "msg_2"))
    assert text == (
        "another message of the same object, msg_that_died, is being handled, "
        "until 2023-11-14T22:14:20+00:00 at the latest"
    )
    assert caplog.messages[-1].endswith(text)


def test_a_store_that_cannot_tell_gets_the_usual_words(way: Way) -> None:
    class Silent(way.store):  # type: ignore[name-defined, misc]
        def claim(self, *arguments: object) -> Claim:
            return Claim("token", (), busy=("a",))

    router = Router()
    router.on("user.created", name="a")(lambda event: None)
    endpoint = Endpoint(router, secret=SECRET, store=Silent())
    assert message(way.receive(endpoint)) == InProgress.default_message


def test_a_handler_does_not_begin_after_its_lease(way: Way, clock: Callable[[float], None]) -> None:
    router = Router()
    ran: list[str] = []

    @router.on("user.created", name="a")
    def first(event: object) -> None:
        ran.append("a")
        clock(61)

    @router.on("user.created", name="b")
    async def second(event: object) -> None:
        ran.append("b")

    endpoint, store = way.endpoint(router)
    text = message(way.receive(endpoint))
    assert text == "the lease was over before every handler could begin"
    assert (ran, store.states()) == (["a"], {"a": "done"})
    assert way.receive(endpoint).status == 200
    assert ran == ["a", "b"]


def test_a_handler_that_waited_too_long_for_a_thread_does_not_begin(
    clock: Callable[[float], None],
) -> None:
    router, store = Router(), MemoryStore()
    began, release = threading.Event(), threading.Event()
    begun: list[str] = []

    @router.on("user.created", name="a")
    def handler(event: object, delivery: Delivery) -> None:
        begun.append(delivery.message_id)
        began.set()
        assert release.wait(60)

    endpoint = Endpoint(router, secret=SECRET, store=store)

    async def receive(message_id: str, pool: ThreadPoolExecutor) -> int:
        async def run_sync(call: Callable[[], object]) -> object:
            return await asyncio.get_running_loop().run_in_executor(pool, call)

        headers = sign(event(), secret=SECRET, message_id=message_id)
        return (await endpoint.areceive(event(), headers, run_sync=run_sync)).status

    async def main() -> list[int]:
        with ThreadPoolExecutor(1) as pool:
            first = asyncio.create_task(receive("first", pool))
            await asyncio.to_thread(began.wait, 60)
            second = asyncio.create_task(receive("second", pool))
            while not store.show("second"):
                await asyncio.sleep(0.001)
            clock(61)
            release.set()
            return [await first, await second, await receive("second", pool)]

    assert asyncio.run(main()) == [200, 409, 200]
    assert begun == ["first", "second"]


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_a_late_handler_is_released_whether_or_not_its_request_is_cancelled(
    clock: Callable[[float], None], is_cancelled: bool
) -> None:
    router, store = Router(), WatchedStore()
    router.on("user.created", name="a")(lambda event: pytest.fail("was run"))
    delivery = Delivery("msg_1", 1, event())

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None

        async def run_sync(call: Callable[[], object]) -> None:
            clock(61)
            if is_cancelled:
                task.cancel()
                await asyncio.sleep(0)
            call()

        await Processor(router, store=store).aprocess(delivery, run_sync=run_sync)

    with pytest.raises(asyncio.CancelledError if is_cancelled else InProgress):
        asyncio.run(main())
    assert store.calls == ["claim a", "release a"]


def lose(way: Way, then: Callable[[WatchedStore], object]) -> tuple[int, list[str]]:
    """The status and the log of a delivery whose handler loses its claim while it runs."""
    router = Router()
    endpoint, store = way.endpoint(router)

    @router.on("user.updated", name="mirror", drop_stale=True)
    def handler(event: object) -> None:
        then(store)

    return way.receive(endpoint, event("user.updated", updated_at=NOON)).status, store.calls


def handle_newer(store: WatchedStore) -> None:
    store.memory.forget("msg_1")  # As if the lease were over: another message may claim.
    claim = store.memory.claim("msg_2", ["mirror"], LEASE, version(NOON + 1))
    assert store.memory.confirm("msg_2", "mirror", claim.token, version(NOON + 1))


def test_the_warning_of_a_lost_claim_says_that_a_newer_event_was_handled(
    way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    status, calls = lose(way, handle_newer)
    assert status == 409
    assert calls == ["claim mirror", "confirm mirror", "claim mirror"]
    assert caplog.messages[0] == (
        "msg_1: handler mirror ended after its claim was lost: a newer event of the same object "
        "was handled meanwhile: check that it has not overwritten newer data"
    )


def test_the_warning_of_a_claim_that_was_taken_over_does_not(
    way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    status, _ = lose(way, lambda store: store.taken_over("mirror"))
    assert (status, "newer" in caplog.text) == (409, False)
    assert "another attempt took it over" in caplog.messages[0]


def test_asking_what_became_of_a_lost_claim_holds_up_nobody(way: Way) -> None:
    status, calls = lose(way, lambda store: store.memory.forget("msg_1"))
    assert status == 409
    assert calls == ["claim mirror", "confirm mirror", "claim mirror", "release mirror"]


def test_a_store_that_fails_when_asked_what_became_of_a_lost_claim_changes_nothing(
    way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    def then(store: WatchedStore) -> None:
        handle_newer(store)
        store.fails("claim", OSError())

    assert lose(way, then)[0] == 409
    assert "ended after its claim was lost" in caplog.messages[0]


def test_a_lost_claim_is_an_error_of_its_own() -> None:
    router, store = Router(), WatchedStore()

    @router.on("user.created", name="a")
    def handler(event: object) -> None:
        store.taken_over("a")

    with pytest.raises(ClaimLost, match="handler a ended, but its claim was lost"):
        Processor(router, store=store).process(Delivery("msg_1", 1, event()))


def test_a_lease_may_last_for_ever(way: Way) -> None:
    router = Router()
    mirror(router)
    endpoint, store = way.endpoint(router, lease=timedelta.max)
    store.memory.claim("msg_1", ["mirror"], timedelta.max)
    text = message(way.receive(endpoint, event("user.updated", updated_at=NOON), "msg_1"))
    assert "until 9999-12-31" in text
