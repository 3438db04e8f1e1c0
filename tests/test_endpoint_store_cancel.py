"""Cancelling `Endpoint.areceive`: nothing stays claimed, and what has succeeded is remembered."""

import asyncio
import threading

import pytest

from clerk_hooks import Reply, Router, sign

from .watched_store import SECRET, WAYS, WatchedStore, Way, event

ASYNC_WAYS = {name: way for name, way in WAYS.items() if way.is_async}
THREADS = ["areceive", "areceive, one thread"]


@pytest.fixture(params=ASYNC_WAYS.values(), ids=ASYNC_WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    way: Way = request.param
    return way


@pytest.fixture
def router() -> Router:
    return Router()


class Step:
    """A point in time at which the request is cancelled, reached in the loop or in a thread."""

    def __init__(self) -> None:
        self.reached, self.passed = threading.Event(), threading.Event()

    def block(self) -> None:
        """For threads: be reached, and wait for the cancellation."""
        self.reached.set()
        assert self.passed.wait(60)


async def turns_of_the_loop() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def request(way: Way, router: Router) -> "tuple[asyncio.Task[Reply], WatchedStore]":
    endpoint, store = way.endpoint(router)
    body = event()
    headers = sign(body, secret=SECRET, message_id="msg_1")
    return asyncio.ensure_future(endpoint.areceive(body, headers)), store


async def cancelled_at(step: Step, task: "asyncio.Task[Reply]", times: int = 1) -> None:
    """Cancel `task` once `step` is reached, and see that it waits until that is passed."""
    assert await asyncio.to_thread(step.reached.wait, 60)
    for _ in range(times):
        task.cancel()
        await turns_of_the_loop()
        assert not task.done()
    step.passed.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("thread", THREADS)
def test_while_a_thread_claims(router: Router, thread: str, times: int) -> None:
    ran: list[object] = []
    router.on("user.created", name="a")(ran.append)

    async def main() -> None:
        step = Step()
        task, store = request(WAYS[thread], router)
        store.before["claim"] = step.block
        await cancelled_at(step, task, times)
        assert (ran, store.states()) == ([], {})
        assert store.calls == ["claim a", "release a"]

    asyncio.run(main())


@pytest.mark.parametrize("thread", THREADS)
def test_while_a_thread_claims_in_vain(router: Router, thread: str) -> None:
    router.on("user.created", name="a")(pytest.fail)

    async def main() -> None:
        step = Step()

        def fail() -> None:
            step.block()
            raise ConnectionError

        task, store = request(WAYS[thread], router)
        store.before["claim"] = fail
        await cancelled_at(step, task)
        assert store.calls == ["claim a"]

    asyncio.run(main())


def test_while_it_awaits_the_claim(router: Router) -> None:
    ran: list[object] = []
    router.on("user.created", name="a")(ran.append)

    async def main() -> None:
        task, store = request(WAYS["areceive, awaited"], router)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (ran, store.states()) == ([], {})
        assert store.calls in ([], ["claim a", "release a"])

    asyncio.run(main())


@pytest.mark.parametrize("error", [None, ValueError()])
def test_while_a_sync_handler_runs_in_a_thread(
    way: Way, router: Router, error: Exception | None
) -> None:
    step = Step()

    def blocking(event: object) -> None:
        step.block()
        if error is not None:
            raise error

    router.on("user.created", name="a")(blocking)
    router.on("user.created", name="b")(pytest.fail)

    async def main() -> None:
        task, store = request(way, router)
        await cancelled_at(step, task)
        assert store.states() == ({"a": "done"} if error is None else {})

    asyncio.run(main())


def test_while_an_async_handler_awaits(way: Way, router: Router) -> None:
    step = Step()

    @router.on("user.created", name="a")
    async def waiting(event: object) -> None:
        step.reached.set()
        await asyncio.Event().wait()

    router.on("user.created", name="b")(pytest.fail)

    async def main() -> None:
        task, store = request(way, router)
        await asyncio.to_thread(step.reached.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert store.states() == {}
        assert store.calls[-1] == "release a b"

    asyncio.run(main())


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("thread", THREADS)
def test_while_a_thread_confirms(router: Router, thread: str, times: int) -> None:
    ran: list[str] = []
    router.on("user.created", name="a")(lambda event: ran.append("a"))
    router.on("user.created", name="b")(lambda event: ran.append("b"))

    async def main() -> None:
        step = Step()
        task, store = request(WAYS[thread], router)
        store.before["confirm"] = step.block
        await cancelled_at(step, task, times)
        assert (ran, store.states()) == (["a"], {"a": "done"})
        assert store.calls[-1] == "release b"

    asyncio.run(main())


def test_while_a_thread_releases(router: Router) -> None:
    @router.on("user.created", name="a")
    def failing(event: object) -> None:
        raise ValueError

    router.on("user.created", name="b")(pytest.fail)

    async def main() -> None:
        step = Step()
        task, store = request(WAYS["areceive"], router)
        store.before["release"] = step.block
        await cancelled_at(step, task)
        assert store.states() == {}
        assert store.calls[1:] == ["release a", "release b"]

    asyncio.run(main())


def test_while_a_thread_releases_what_came_too_late_to_begin(
    router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter([0.0])
    monkeypatch.setattr("clerk_hooks.claims.perf_counter", lambda: next(seconds, 61.0))
    router.on("user.created", name="a")(pytest.fail)

    async def main() -> None:
        step = Step()
        task, store = request(WAYS["areceive"], router)
        store.before["release"] = step.block
        await cancelled_at(step, task)
        assert (store.states(), store.calls) == ({}, ["claim a", "release a"])

    asyncio.run(main())


def test_a_retry_after_a_cancellation_runs_what_is_left(way: Way, router: Router) -> None:
    ran: list[str] = []
    step = Step()

    @router.on("user.created", name="a")
    def first(event: object) -> None:
        ran.append("a")

    @router.on("user.created", name="b")
    async def second(event: object) -> None:
        ran.append("b")
        if ran == ["a", "b"]:
            step.reached.set()
            await asyncio.Event().wait()

    endpoint, _ = way.endpoint(router)

    async def main() -> None:
        body = event()
        headers = sign(body, secret=SECRET, message_id="msg_1")
        task = asyncio.ensure_future(endpoint.areceive(body, headers))
        await asyncio.to_thread(step.reached.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert way.receive(endpoint).body == b'{"outcome":"handled"}'
    assert ran == ["a", "b", "b"]


def test_the_end_of_the_loop_does_not_hang(way: Way, router: Router) -> None:
    """`asyncio.run` cancels every task, those inside a request too."""
    begun = threading.Event()

    @router.on("user.created", name="a")
    async def waiting(event: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def main() -> WatchedStore:
        task, store = request(way, router)
        tasks.append(task)
        await asyncio.to_thread(begun.wait, 60)
        return store

    tasks: list[object] = []
    store = asyncio.run(main())
    assert store.calls[0] == "claim a"
