"""The one thread of a store: calls come in turn and in time, and nobody waits for what hangs."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import threading
import weakref
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from clerk_hooks import StoreUnavailable, one_thread
from clerk_hooks.idempotency import Claim
from clerk_hooks.one_thread import OneThread, left
from clerk_hooks.store_calls import aask

from .stores.backends import slowness

LEASE = timedelta(seconds=60)


class Store:
    """A store that does one thing at a time, and notes the messages that it is asked to claim."""

    def __init__(self, seconds: float = 60) -> None:
        self.one_thread = OneThread(seconds)
        self.claimed: list[str] = []
        self.threads: list[threading.Thread] = []
        self.left: list[float] = []
        self.error: BaseException | None = None
        self.begun, self.gate = threading.Event(), threading.Event()

    def claim(self, message_id: str, *arguments: object) -> Claim:
        self.claimed.append(message_id)
        self.threads.append(threading.current_thread())
        self.left.append(left(5))
        if message_id == "slow":
            self.begun.set()
            assert self.gate.wait(60)
        if self.error is not None:
            raise self.error
        return Claim(message_id, ())

    def show(self, message_id: str) -> str:
        return message_id

    release = show


async def ask(store: Store, message_id: str = "msg_1", method: str = "claim") -> Any:
    return await aask([], store, method, message_id)


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store()
    yield store
    store.gate.set()


def test_calls_are_made_one_after_the_other_in_one_thread_that_is_not_the_loops(
    store: Store,
) -> None:
    async def main() -> list[Claim]:
        return await asyncio.gather(*[ask(store, f"msg_{number}") for number in range(9)])

    claims = asyncio.run(main())
    assert [claim.token for claim in claims] == store.claimed == [f"msg_{n}" for n in range(9)]
    (thread,) = set(store.threads)
    assert thread is not threading.current_thread()
    assert thread.daemon


@pytest.mark.parametrize("method", ["show", "release"])
def test_what_does_not_write_waits_for_nobody(store: Store, method: str) -> None:
    async def main() -> None:
        slow = asyncio.create_task(ask(store, "slow"))
        await asyncio.to_thread(store.begun.wait, 60)
        assert await ask(store, "msg_1", method) == "msg_1"
        assert not slow.done()
        store.gate.set()
        await slow

    asyncio.run(main())


def test_a_call_behind_one_that_hangs_is_called_off_in_time_and_never_made() -> None:
    store = Store(0.05)

    async def main() -> None:
        slow = asyncio.create_task(ask(store, "slow"))
        await asyncio.to_thread(store.begun.wait, 60)
        started = asyncio.get_running_loop().time()
        with pytest.raises(StoreUnavailable):
            await ask(store, "late")
        assert asyncio.get_running_loop().time() - started < 0.05 + 0.3 * slowness()
        store.gate.set()
        await slow
        await ask(store, "next")

    asyncio.run(main())
    assert store.claimed == ["slow", "next"]


def test_a_call_that_is_cancelled_before_it_begins_is_waited_for_all_the_same() -> None:
    """Nobody could tell otherwise whether it was still to begin."""
    store = Store()

    async def main() -> None:
        slow = asyncio.create_task(ask(store, "slow"))
        await asyncio.to_thread(store.begun.wait, 60)
        cancelled: list[asyncio.CancelledError] = []
        other = asyncio.create_task(aask(cancelled, store, "claim", "msg_1"))
        await asyncio.sleep(0)
        other.cancel()
        await asyncio.sleep(0)
        assert not other.done()
        store.gate.set()
        assert (await other).token == "msg_1"
        assert len(cancelled) == 1
        await slow

    asyncio.run(main())


@pytest.mark.parametrize(("waited", "remain"), [(50, 5), (58, 2), (61, 0)])
def test_the_time_that_a_call_has_waited_is_not_left_to_it(
    store: Store, monkeypatch: pytest.MonkeyPatch, waited: float, remain: float
) -> None:
    clock = [100.0]
    monkeypatch.setattr(one_thread, "monotonic", lambda: clock[0])

    async def main() -> None:
        slow = asyncio.create_task(ask(store, "slow"))
        await asyncio.to_thread(store.begun.wait, 60)
        waiting = asyncio.create_task(ask(store, "msg_1"))
        await asyncio.sleep(0)
        clock[0] += waited
        store.gate.set()
        await asyncio.gather(slow, waiting)
        await ask(store, "msg_2")

    asyncio.run(main())
    assert store.left == [5, remain, 5]
    assert left(5) == 5


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (StopIteration(), StoreUnavailable),
        (KeyError("x"), StoreUnavailable),
        (SystemExit(3), SystemExit),
    ],
)
def test_an_error_is_raised_to_the_caller_and_the_thread_goes_on(
    store: Store, error: BaseException, raised: type[BaseException]
) -> None:
    store.error = error
    with pytest.raises(raised):
        asyncio.run(ask(store))
    store.error = None
    asyncio.run(ask(store))
    assert len(set(store.threads)) == 1


def test_a_thread_ends_when_there_is_nothing_to_do_and_the_next_call_has_another(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_thread, "_IDLE", 0.01)
    asyncio.run(ask(store))
    store.threads[0].join(60)
    assert not store.threads[0].is_alive()
    asyncio.run(ask(store))
    assert store.threads[1] is not store.threads[0]


def test_a_system_without_threads_is_an_unavailable_store(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        with pytest.raises(StoreUnavailable):
            asyncio.run(ask(store))
    assert asyncio.run(ask(store)).token == "msg_1"
    assert store.claimed == ["msg_1"]


def test_a_call_sees_the_context_variables_of_its_caller(store: Store) -> None:
    variable = contextvars.ContextVar("variable", default="none")
    seen: list[str] = []
    store.claim = lambda *arguments: seen.append(variable.get())  # type: ignore[method-assign, assignment, return-value]

    async def main() -> None:
        variable.set("mine")
        await ask(store)

    asyncio.run(main())
    assert seen == ["mine"]


def test_loops_of_several_threads_share_it(store: Store) -> None:
    def run(number: int) -> None:
        assert asyncio.run(ask(store, f"msg_{number}")).token == f"msg_{number}"

    callers = [threading.Thread(target=run, args=[number]) for number in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    assert len(store.claimed) == 8
    assert len(set(store.threads)) == 1


def test_a_loop_that_is_closed_before_a_call_ends_is_no_trouble(store: Store) -> None:
    loop = asyncio.new_event_loop()
    task = loop.create_task(ask(store, "slow"))
    while not store.begun.is_set():
        loop.run_until_complete(asyncio.sleep(0.001))
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.close()
    store.gate.set()
    assert asyncio.run(ask(store)).token == "msg_1"
    assert len(set(store.threads)) == 1


def test_the_thread_keeps_nothing_of_a_call_that_is_over() -> None:
    store, is_gone = Store(), threading.Event()
    asyncio.run(ask(store))
    weakref.finalize(store, is_gone.set)
    del store
    gc.collect()
    assert is_gone.wait(0.9)  # The thread is still there.


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_a_thread_of_its_own(store: Store) -> None:
    asyncio.run(ask(store))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if asyncio.run(ask(store, "msg_2")).token == "msg_2" else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert asyncio.run(ask(store, "msg_3")).token == "msg_3"
