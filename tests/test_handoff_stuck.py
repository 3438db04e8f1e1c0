"""Handoffs that do not answer: the reply comes in time, at once while all are stuck, and normally
again afterwards."""

import asyncio
import gc
import json
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from clerk_hooks import ConfigurationError, Delivery, Endpoint, QueueUnavailable, Reply, sign
from clerk_hooks import crew as crew_module
from clerk_hooks.bounded import BoundedCalls, bounded
from clerk_hooks.crew import PROBE, SIZE, SPARE

from .stores.backends import slowness

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"type":"user.created","data":{"id":"user_1"}}'
SHORT = timedelta(milliseconds=20)
LATE = "did not end within"
STUCK = "is stuck: 8 calls of it have not ended"

Receive = Callable[..., Reply]


class Gate:
    """Holds up whoever calls it, until it is opened."""

    def __init__(self) -> None:
        self.calls = 0
        self._changed = threading.Condition()
        self._is_open = False

    def __call__(self, _: object) -> str:
        with self._changed:
            self.calls += 1
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._is_open, 60)
            return "through"

    async def apass(self, _: object) -> str:
        """Like a call; does not let itself be cancelled."""
        self.calls += 1
        while not self._is_open:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.001)
        return "through"

    def wait_for(self, calls: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.calls >= calls, 60)

    def open(self) -> None:
        with self._changed:
            self._is_open = True
            self._changed.notify_all()


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open()


class Clock:
    """The usual clock, which can be put forward."""

    def __init__(self) -> None:
        self.forward = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.forward


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("clerk_hooks.bounded._LOOK_UP", 0.001)  # They look at it more often.
    monkeypatch.setattr("clerk_hooks.bounded.monotonic", clock)
    monkeypatch.setattr("clerk_hooks.crew.monotonic", clock)
    return clock


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Callers."""
    with ThreadPoolExecutor(40) as pool:
        yield pool


def handing(handoff: Any, **settings: Any) -> Endpoint:
    return Endpoint(handoff=handoff, secret=SECRET, **settings)


def deliver(receive: Receive, endpoint: Endpoint) -> int:
    return receive(endpoint, BODY, sign(BODY, secret=SECRET, message_id="msg_1")).status


def details(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Why requests were refused; forgotten afterwards."""
    found = [str(one.__dict__["detail"]) for one in caplog.records if hasattr(one, "detail")]
    caplog.clear()
    return found


def test_a_function_that_is_late_is_answered_503_until_it_is_back(
    receive: Receive, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = handing(gate, handoff_timeout=SHORT)
    while gate.calls < SIZE:  # On a busy machine, a call may be late before it has begun.
        started = time.monotonic()
        assert deliver(receive, endpoint) == 503
        assert time.monotonic() - started >= SHORT.total_seconds()
    assert set(details(caplog)) == {f"the handoff {LATE} 0.02 s"}
    for _ in range(3):
        assert deliver(receive, endpoint) == 503
    assert details(caplog) == [f"the handoff {STUCK}"] * 3
    assert gate.calls == SIZE
    gate.open()
    wait_until(lambda: deliver(receive, endpoint) == 202)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_while_all_of_the_pool_is_stuck_the_answer_comes_at_once_also_to_those_that_wait(
    gate: Gate, clock: Clock, pool: ThreadPoolExecutor
) -> None:
    calls = BoundedCalls("handoff", gate, 60, is_async=False)
    first = [pool.submit(calls.call, "a") for _ in range(SIZE)]
    gate.wait_for(SIZE)
    clock.forward = 30
    waiting = [pool.submit(calls.call, "b") for _ in range(10)]
    crew = only_crew(calls)
    wait_until(lambda: len(crew._waiting) == 10)
    started = time.monotonic()
    clock.forward = 61  # The time of those that wait is not up.
    assert all(LATE in str(one.exception(60)) for one in first)
    assert all(STUCK in str(one.exception(60)) for one in waiting)
    with pytest.raises(QueueUnavailable, match=STUCK):
        calls.call("c")
    with pytest.raises(QueueUnavailable, match=STUCK):
        asyncio.run(calls.acall("c"))
    assert time.monotonic() - started < 5 * slowness()
    assert gate.calls == SIZE
    gate.open()
    wait_until(lambda: not crew._running)
    assert calls.call("d") == asyncio.run(calls.acall("d")) == "through"


def only_crew(calls: BoundedCalls) -> Any:
    (crew,) = calls._crews.values()
    return crew


def test_one_call_that_returns_is_enough(
    clock: Clock, pool: ThreadPoolExecutor, gate: Gate
) -> None:
    other = Gate()
    calls = BoundedCalls("handoff", lambda name: {"a": gate, "b": other}[name](name), 60,
                         is_async=False)  # fmt: skip
    stuck = [pool.submit(calls.call, "a") for _ in range(SIZE - 1)]
    gate.wait_for(SIZE - 1)
    last = pool.submit(calls.call, "b")
    other.wait_for(1)
    clock.forward = 61
    assert all(one.exception(60) for one in [*stuck, last])
    with pytest.raises(QueueUnavailable, match=STUCK):
        calls.call("b")
    other.open()
    wait_until(lambda: len(only_crew(calls)._running) < SIZE)
    together = [pool.submit(calls.call, "b") for _ in range(10)]  # One thread is left for them.
    assert [one.result(60) for one in together] == ["through"] * 10


def test_a_call_that_waits_until_its_time_is_up_is_never_made(
    gate: Gate, clock: Clock, pool: ThreadPoolExecutor
) -> None:
    made: list[str] = []

    def function(name: str) -> object:
        made.append(name)
        return gate(name)

    calls = BoundedCalls("handoff", function, 60, is_async=False)
    crew: Any = None
    first: list[Future[object]] = []
    for number in range(SIZE):  # They began at different times, so not all are late.
        first.append(pool.submit(calls.call, "a"))
        gate.wait_for(number + 1)
        crew = only_crew(calls)
    waiting = pool.submit(calls.call, "b")
    wait_until(lambda: len(crew._waiting) == 1)
    for call in crew._running:
        call.ends += 1000
    clock.forward = 61
    assert LATE in str(waiting.exception(60))
    gate.open()
    assert [one.result(60) for one in first] == ["through"] * SIZE
    assert calls.call("c") == "through"
    assert made == ["a"] * SIZE + ["c"]


def test_a_pool_that_stays_stuck_tries_again_with_one_more_thread_now_and_then(
    gate: Gate, clock: Clock, pool: ThreadPoolExecutor
) -> None:
    """The connections of the others may be dead, and nobody will tell them."""
    calls = BoundedCalls("handoff", gate, 20, is_async=False)
    first = [pool.submit(calls.call, "a") for _ in range(SIZE)]
    gate.wait_for(SIZE)
    clock.forward += 21
    assert all(one.exception(60) for one in first)
    for number in range(SPARE):
        with pytest.raises(QueueUnavailable, match=STUCK):
            calls.call("b")
        clock.forward += PROBE + 1
        probe = pool.submit(calls.call, "b")
        gate.wait_for(SIZE + number + 1)
        with pytest.raises(QueueUnavailable, match=STUCK):
            calls.call("b")  # There is no second one at the same time.
        clock.forward += 21
        assert LATE in str(probe.exception(60))
    clock.forward += 1000 * PROBE
    with pytest.raises(QueueUnavailable, match=STUCK):
        calls.call("b")
    assert gate.calls == SIZE + SPARE
    gate.open()
    crew = only_crew(calls)
    wait_until(lambda: not crew._running)
    assert calls.call("c") == "through"
    assert crew._places == SIZE


def test_a_probe_that_gets_through_serves_all(clock: Clock, pool: ThreadPoolExecutor) -> None:
    gate, is_dead = Gate(), True

    def function(argument: Any) -> object:
        if isinstance(argument, threading.Barrier):
            return argument.wait()
        return gate(argument) if is_dead else "through"

    calls = BoundedCalls("handoff", function, 60, is_async=False)
    first = [pool.submit(calls.call, "a") for _ in range(SIZE)]
    gate.wait_for(SIZE)
    clock.forward += 61
    assert all(one.exception(60) for one in first)
    is_dead = False
    with pytest.raises(QueueUnavailable, match=STUCK):
        calls.call("b")
    clock.forward += PROBE + 1
    assert calls.call("b") == "through"
    barrier = threading.Barrier(SIZE, timeout=60)  # There are as many threads as before.
    together = [pool.submit(calls.call, barrier) for _ in range(SIZE)]
    assert sorted(str(one.result(60)) for one in together) == [*map(str, range(SIZE))]
    assert gate.calls == SIZE
    gate.open()
    wait_until(lambda: not only_crew(calls)._running)
    assert calls.call("b") == "through"
    assert only_crew(calls)._places == SIZE


def test_threads_end_when_there_is_nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew_module, "_IDLE", 0.001)
    threads: list[threading.Thread] = []
    calls = BoundedCalls(
        "handoff", lambda _: threads.append(threading.current_thread()), 60, is_async=False
    )
    for _ in range(3):
        calls.call("a")
        threads[-1].join(60)
        assert not threads[-1].is_alive()
        assert only_crew(calls)._threads == 0


def test_no_more_threads_than_calls_at_a_time(pool: ThreadPoolExecutor) -> None:
    threads: set[str] = set()
    calls = BoundedCalls(
        "handoff", lambda _: threads.add(str(threading.get_ident())), 60, is_async=False
    )
    for _ in range(50):
        calls.call("a")
    assert len(threads) == 1
    for one in [pool.submit(calls.call, "a") for _ in range(200)]:
        one.result(60)
    assert len(threads) <= SIZE


def test_calls_that_come_together_run_together(pool: ThreadPoolExecutor) -> None:
    barrier = threading.Barrier(SIZE, timeout=60)
    calls = BoundedCalls("handoff", lambda _: barrier.wait(), 60, is_async=False)
    for _ in range(20):
        together = [pool.submit(calls.call, "a") for _ in range(SIZE)]
        assert sorted(one.result(60) for one in together) == [*range(SIZE)]  # type: ignore[type-var]


def test_a_system_without_threads_is_answered_503(
    receive: Receive, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = handing(lambda delivery: None)

    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr("clerk_hooks.crew.Thread.start", start)
        endpoint_call = endpoint._processes
        with pytest.raises(QueueUnavailable, match="failed with RuntimeError"):
            endpoint_call.process(Delivery("msg_1", 1, BODY))
    assert deliver(receive, endpoint) == 202


def test_what_a_call_held_is_free_when_it_is_over() -> None:
    class Big:
        pass

    calls = BoundedCalls("handoff", lambda big: None, 60, is_async=False)
    big = Big()
    kept = weakref.ref(big)
    calls.call(big)
    del big
    gc.collect()
    wait_until(lambda: kept() is None)


class OwnError(Exception):
    """Python's own cannot be referred to weakly."""


def failing(_: object) -> None:
    raise OwnError


def test_an_error_holds_nothing_when_it_is_dropped() -> None:
    calls = BoundedCalls("handoff", failing, 60, is_async=False)
    gc.disable()
    try:
        with pytest.raises(OwnError) as caught:
            calls.call("a")
        kept = weakref.ref(caught.value)
        del caught
        wait_until(lambda: kept() is None)
    finally:
        gc.enable()


async def sleep(_: object) -> None:
    await asyncio.sleep(3600)


def test_an_async_function_that_is_late_is_cancelled_and_answered_503(
    receive: Receive, caplog: pytest.LogCaptureFixture
) -> None:
    ended: list[str] = []

    async def handoff(delivery: Delivery) -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    endpoint = handing(handoff, handoff_timeout=SHORT)
    for _ in range(2 * SIZE):  # They end when they are told to, so they never get stuck.
        assert deliver(receive, endpoint) == 503
    assert details(caplog) == [f"the handoff {LATE} 0.02 s"] * 2 * SIZE
    assert set(ended) == {"cancelled"}


def test_async_functions_that_do_not_end_are_stuck_like_threads_in_receive(
    gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = handing(gate.apass, handoff_timeout=SHORT)
    body, headers = BODY, sign(BODY, secret=SECRET)
    while STUCK not in "".join(details(caplog)):
        assert endpoint.receive(body, headers).status == 503
    assert gate.calls <= SIZE
    gate.open()
    wait_until(lambda: endpoint.receive(body, headers).status == 202)


def test_async_functions_that_do_not_end_are_stuck_like_threads_in_areceive(
    gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = handing(gate.apass, handoff_timeout=SHORT)
    request = (BODY, sign(BODY, secret=SECRET))

    async def main() -> None:
        replies = await asyncio.gather(*[endpoint.areceive(*request) for _ in range(30)])
        assert [reply.status for reply in replies] == [503] * 30
        assert all(LATE in detail for detail in details(caplog))
        gc.collect()  # Tasks that nobody holds would be destroyed.
        assert (await endpoint.areceive(*request)).status == 503
        assert STUCK in details(caplog)[0]
        gate.open()
        while (await endpoint.areceive(*request)).status != 202:
            await asyncio.sleep(0)

    asyncio.run(main())


def test_an_async_function_that_blocks_the_loop_of_the_process_is_late(
    gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    async def handoff(delivery: Delivery) -> None:
        gate(delivery)

    endpoint = handing(handoff, handoff_timeout=SHORT)
    request = (BODY, sign(BODY, secret=SECRET))
    while STUCK not in "".join(details(caplog)):
        assert endpoint.receive(*request).status == 503
    assert gate.calls == 1
    gate.open()
    wait_until(lambda: endpoint.receive(*request).status == 202)


class Returning:
    """A sync function that returns what is to be awaited."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function

    def __call__(self, delivery: object) -> Any:
        return self._function(delivery)


def test_what_a_sync_function_returns_to_be_awaited_has_the_rest_of_its_time(
    receive: Receive, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = handing(Returning(sleep), handoff_timeout=SHORT)
    assert deliver(receive, endpoint) == 503
    assert details(caplog) == [f"the handoff {LATE} 0.02 s"]


def test_what_is_returned_to_be_awaited_while_all_is_stuck_is_closed(gate: Gate) -> None:
    """Else Python warns that it was never awaited."""
    calls = BoundedCalls("handoff", Returning(gate.apass), 0.02, is_async=False)
    with pytest.raises(QueueUnavailable, match=LATE):
        calls.call("a")
    crew = only_crew(calls)
    crew.enter = lambda call: call.refuse()
    with pytest.raises(QueueUnavailable, match=f"{STUCK}|{LATE}"):
        calls.call("a")
    gc.collect()


def test_what_is_returned_to_be_awaited_too_late_is_closed() -> None:
    def function(_: object) -> object:
        time.sleep(0.002)
        return sleep(None)

    calls = BoundedCalls("handoff", function, 0.001, is_async=False)
    for _ in range(5):
        with pytest.raises(QueueUnavailable, match=LATE):
            calls.call("a")
    wait_until(lambda: not only_crew(calls)._running)
    gc.collect()


def test_a_caller_that_is_cancelled_leaves_its_call_behind(gate: Gate) -> None:
    async def main() -> None:
        for function, is_async in ((gate, False), (sleep, True)):
            calls = BoundedCalls("handoff", function, 60, is_async=is_async)
            task = asyncio.ensure_future(calls.acall("a"))
            while not calls._crews or not (is_async or only_crew(calls)._running):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            gate.open()
            while only_crew(calls)._running:
                await asyncio.sleep(0)

    asyncio.run(main())


def test_a_call_that_was_cancelled_before_its_first_step_has_not_been_made() -> None:
    calls = BoundedCalls("handoff", sleep, 60, is_async=True)

    async def main() -> None:
        task = asyncio.ensure_future(calls.acall("a"))
        await asyncio.sleep(0)
        (inner,) = asyncio.all_tasks() - {task, asyncio.current_task()}
        inner.cancel()
        with pytest.raises(RuntimeError, match="was not made"):
            await task

    asyncio.run(main())


def test_a_task_that_is_cancelled_by_somebody_else_has_failed(receive: Receive) -> None:
    async def handoff(delivery: Delivery) -> None:
        raise asyncio.CancelledError

    assert deliver(receive, handing(handoff)) == 503


def test_a_loop_that_is_closed_before_a_call_ends_is_no_trouble(gate: Gate) -> None:
    calls = BoundedCalls("handoff", gate, 60, is_async=False)

    async def main() -> None:
        task = asyncio.ensure_future(calls.acall("a"))
        while gate.calls == 0:
            await asyncio.sleep(0)
        task.cancel()

    asyncio.run(main())
    gate.open()
    wait_until(lambda: not only_crew(calls)._running)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_notification_that_is_late_holds_the_reply_up_for_a_second_at_most(
    receive: Receive,
    gate: Gate,
    kind: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("clerk_hooks.notification.NOTIFY_SECONDS", 0.02)
    notify = gate if kind == "sync" else sleep
    endpoint = handing(lambda delivery: None, notify=notify)
    assert [deliver(receive, endpoint) for _ in range(SIZE + 3)] == [202] * (SIZE + 3)
    assert details(caplog) == [f"the notify {LATE} 0.02 s"]  # Logged at most once a minute.


def test_a_notification_has_one_second(gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    endpoint = handing(lambda delivery: None, notify=gate)
    started = time.monotonic()
    assert endpoint.receive(BODY, sign(BODY, secret=SECRET)).status == 202
    assert 1.0 <= time.monotonic() - started < 1.0 + slowness()
    assert details(caplog) == [f"the notify {LATE} 1 s"]


def test_a_function_without_end_is_a_mistake_of_nobody(clock: Clock) -> None:
    """The longest bound that can be written is one."""
    seconds = timedelta.max.total_seconds()
    assert BoundedCalls("handoff", lambda _: "a", seconds, is_async=False).call(1) == "a"
    calls = BoundedCalls("handoff", lambda _: "a", seconds, is_async=False)
    assert asyncio.run(calls.acall(1)) == "a"


def test_what_is_called_is_checked_where_it_is_passed() -> None:
    with pytest.raises(ConfigurationError, match="notify must be a function that takes a mess"):
        bounded("notify", "a message id", lambda: None, 1)


def test_replies_do_not_tell_what_is_stuck(receive: Receive, gate: Gate) -> None:
    endpoint = handing(gate, handoff_timeout=SHORT)
    reply = receive(endpoint, BODY, sign(BODY, secret=SECRET))
    assert json.loads(reply.body) == {"error": "queue_unavailable"}
