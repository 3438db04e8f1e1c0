"""`Worker`: its settings, `run_one`, `run_due`, and `run` in a thread."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import pytest

from clerk_hooks import (
    ConfigurationError,
    Delivery,
    MemoryStore,
    Observer,
    Processor,
    RetryPolicy,
    Router,
    StoreUnavailable,
    Worker,
)
from clerk_hooks.events import UserCreated
from clerk_hooks.messages import Message, Step
from clerk_hooks.observe import Taken

from ..stores.backends import slowness
from .conftest import Clock, delivery
from .memory_inbox import AwaitedInbox, MemoryInbox

LEASE = timedelta(seconds=60)
WAIT = 30.0  # Seconds that nothing here takes.


@contextmanager
def running(
    worker: Worker, *, then: Callable[[], object] = lambda: None, **options: Any
) -> Iterator[list[int]]:
    """Runs the worker in a thread, stops it, and calls `then`; the list gets its exit status."""
    statuses: list[int] = []
    thread = Thread(target=lambda: statuses.append(worker.run(**options)))
    thread.start()
    try:
        yield statuses
    finally:
        worker.stop()
        then()
        thread.join(WAIT)
        assert not thread.is_alive()


def until(condition: Callable[[], object]) -> None:
    """Waits until the condition holds, which others bring about."""
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"processor": 3}, "processor must be a Processor, not int"),
        ({"inbox": 3}, "inbox must be an Inbox or an AsyncInbox, not int"),
        ({"inbox": MemoryInbox}, "inbox must be an Inbox or an AsyncInbox, not type"),
        ({"slots": 0}, "slots must be a positive whole number"),
        ({"slots": True}, "slots must be a positive whole number"),
        ({"policy": 8}, "policy must be a RetryPolicy"),
        ({"policy": RetryPolicy(attempts=0)}, "at least 1 attempt"),
        ({"lease": timedelta(0)}, "lease must be a positive timedelta"),
        ({"max_run": 900}, "max_run must be a positive timedelta"),
        ({"context": 3}, "context must be a function"),
    ],
)
def test_a_setting_that_cannot_work_is_refused(
    inbox: MemoryInbox, router: Router, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        Worker(**{"processor": Processor(router), "inbox": inbox, **options})


def test_a_worker_without_any_handler_would_lose_everything_so_it_does_not_begin(
    router: Router, inbox: MemoryInbox
) -> None:
    inbox.put(delivery())
    worker = Worker(Processor(router), inbox)
    for call in (worker.run, worker.run_due, lambda: worker.run_one("msg_1")):
        with pytest.raises(ConfigurationError, match="has no handlers"):
            call()
    assert inbox.rows["msg_1"].state == "waiting"


def test_run_one_runs_that_message_and_no_other(router: Router, inbox: MemoryInbox) -> None:
    ran: list[str] = []

    @router.on("user.created")
    def save(event: UserCreated, delivery: Delivery) -> None:
        ran.append(delivery.message_id)

    inbox.put(delivery("msg_1"))
    inbox.put(delivery("msg_2"))
    worker = Worker(Processor(router), inbox)
    assert worker.run_one("msg_2")
    assert not worker.run_one("msg_2")
    assert not worker.run_one("msg_3")
    assert ran == ["msg_2"]
    assert {key: row.state for key, row in inbox.rows.items()} == {
        "msg_1": "waiting",
        "msg_2": "done",
    }
    until(lambda: inbox.beats)
    assert worker._homes[os.getpid()].keeper.running == 0


def test_run_one_does_not_run_a_row_whose_runs_never_end(
    router: Router, inbox: MemoryInbox, clock: Clock
) -> None:
    router.on("user.created")(lambda event: pytest.fail("it ran"))
    inbox.put(delivery())
    inbox.rows["msg_1"].takes = 8
    assert Worker(Processor(router), inbox).run_one("msg_1")
    row = inbox.rows["msg_1"]
    assert (row.state, row.reason.partition(":")[0]) == ("dead", "never_settled")


def test_run_one_settles_what_a_handler_raises(router: Router, inbox: MemoryInbox) -> None:
    router.on("user.created")(refuse)
    inbox.put(delivery())
    assert Worker(Processor(router), inbox).run_one("msg_1")
    row = inbox.rows["msg_1"]
    assert (row.state, row.failures, row.takes) == ("waiting", 1, 0)
    assert 5 <= row.due_at - inbox.clock() <= 10


def refuse(event: UserCreated) -> None:
    raise ValueError("no such plan")


def test_run_one_raises_that_the_inbox_is_away(router: Router, inbox: MemoryInbox) -> None:
    router.on("user.created")(refuse)
    inbox.is_away = True
    with pytest.raises(StoreUnavailable):
        Worker(Processor(router), inbox).run_one("msg_1")


@pytest.mark.parametrize(
    ("interrupt", "counts"), [(KeyboardInterrupt, (0, 0, 1)), (SystemExit, (0, 1, 0))]
)
def test_what_interrupts_run_one_goes_on_and_only_what_the_handler_did_counts(
    router: Router,
    inbox: MemoryInbox,
    interrupt: type[BaseException],
    counts: tuple[int, int, int],
) -> None:
    @router.on("user.created")
    def save(event: UserCreated) -> None:
        raise interrupt

    inbox.put(delivery())
    with pytest.raises(interrupt):
        Worker(Processor(router), inbox).run_one("msg_1")
    row = inbox.rows["msg_1"]
    assert row.state == "waiting"
    assert (row.takes, row.failures, row.put_backs) == counts


def test_run_one_does_nothing_for_a_row_that_must_run_alone_while_another_one_runs(
    router: Router, inbox: MemoryInbox, clock: Clock
) -> None:
    begun, go_on = Event(), Event()

    @router.on("user.created")
    def save(event: UserCreated, delivery: Delivery) -> None:
        begun.set()
        assert go_on.wait(WAIT)

    inbox.put(delivery("msg_bad"))
    inbox.take(1, timedelta(seconds=1))  # By a worker that is gone.
    clock.now += 2
    inbox.put(delivery("msg_1"))
    worker = Worker(Processor(router), inbox)
    for first, second in (("msg_1", "msg_bad"), ("msg_bad", "msg_2")):
        thread = Thread(target=worker.run_one, args=[first])
        thread.start()
        assert begun.wait(WAIT)
        inbox.put(delivery("msg_2"))
        assert not worker.run_one(second)
        assert inbox.rows[second].state != "done"
        go_on.set()
        thread.join(WAIT)
        begun.clear()
        go_on.clear()
    assert inbox.rows["msg_bad"].state == "done"


def test_a_settle_is_tried_again_until_it_succeeds(
    router: Router, inbox: MemoryInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clerk_hooks.worker._work._FIRST_WAIT", 0.001)
    answers = [StoreUnavailable(), ValueError("a bug"), StoreUnavailable()]

    def settle(message: Message, step: Step) -> bool:
        if answers:
            raise answers.pop()
        return MemoryInbox.settle(inbox, message, step)

    inbox.settle = settle  # type: ignore[method-assign]
    router.on("user.created")(lambda event: None)
    inbox.put(delivery())
    assert Worker(Processor(router), inbox).run_one("msg_1")
    assert inbox.rows["msg_1"].state == "done"


def test_a_settle_ends_when_the_row_was_taken_over(
    router: Router, inbox: MemoryInbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "clerk_hooks")

    @router.on("user.created")
    def save(event: UserCreated) -> None:
        inbox.rows["msg_1"].token = "another"

    inbox.put(delivery())
    assert Worker(Processor(router), inbox).run_one("msg_1")
    assert inbox.rows["msg_1"].state == "running"
    assert [one.message for one in caplog.records] == [
        "msg_1 user.created: another worker has taken it over, or it was dropped"
    ]


def test_observers_see_what_a_slot_runs(router: Router, inbox: MemoryInbox) -> None:
    seen: list[object] = []

    class Watch(Observer):
        @contextmanager
        def run(self, taken: Taken) -> Iterator[None]:
            yield
            seen.append((taken.step, taken.error, inbox.rows["msg_1"].state))

    router.on("user.created")(lambda event: None)
    inbox.put(delivery())
    assert Worker(Processor(router, observers=[Watch()]), inbox).run_due() == 1
    assert seen == [("done", None, "done")]


def test_run_due_runs_what_is_due_and_ends(router: Router, inbox: MemoryInbox) -> None:
    together = threading.Barrier(4)

    @router.on("user.created")
    def save(event: UserCreated) -> None:
        together.wait(WAIT)

    router.on("user.deleted")(lambda event: 1 / 0)
    for number in range(8):
        inbox.put(delivery(f"msg_{number}"))
    inbox.put(delivery("msg_8", "user.deleted"))
    worker = Worker(Processor(router), inbox, slots=4)
    assert worker.run_due() == 9
    states = [row.state for row in inbox.rows.values()]
    assert states == ["done"] * 8 + ["waiting"]
    assert worker.run_due() == 0


def test_run_due_also_runs_alone_what_killed_its_worker(
    router: Router, inbox: MemoryInbox, clock: Clock
) -> None:
    alone = threading.Lock()

    @router.on("user.created")
    def save(event: UserCreated) -> None:
        assert alone.acquire(blocking=False)
        time.sleep(0.01)  # For the others, if there are any.
        alone.release()

    for number in range(4):
        inbox.put(delivery(f"msg_{number}"))
    inbox.take(4, timedelta(seconds=1))
    clock.now += 2
    assert Worker(Processor(router), inbox, slots=4).run_due() == 4
    assert {row.state for row in inbox.rows.values()} == {"done"}


def test_nothing_is_taken_while_a_row_runs_alone(
    router: Router, inbox: MemoryInbox, clock: Clock
) -> None:
    ran: list[str] = []
    other = Event()

    @router.on("user.created")
    def save(event: UserCreated, message: Delivery) -> None:
        if message.message_id == "msg_bad":
            inbox.put(delivery("msg_1"))
            assert not other.wait(0.2)  # The time in which it would be taken.
        else:
            other.set()
        ran.append(message.message_id)

    inbox.put(delivery("msg_bad"))
    inbox.take(1, timedelta(seconds=1))
    clock.now += 2
    assert Worker(Processor(router), inbox).run_due() == 2
    assert ran == ["msg_bad", "msg_1"]


def test_a_hundred_async_handlers_at_once_take_hardly_longer_than_one(
    router: Router, inbox: MemoryInbox
) -> None:
    @router.on("user.created")
    async def save(event: UserCreated) -> None:
        await asyncio.sleep(0.5)

    for number in range(100):
        inbox.put(delivery(f"msg_{number}"))
    worker = Worker(Processor(router, store=MemoryStore()), inbox, slots=100)
    started = time.perf_counter()
    assert worker.run_due() == 100
    assert time.perf_counter() - started < 1.0 * slowness()
    assert {row.state for row in inbox.rows.values()} == {"done"}


def test_async_handlers_run_on_the_loop_of_the_process(router: Router, inbox: MemoryInbox) -> None:
    loops: set[object] = set()

    @router.on("user.created")
    async def save(event: UserCreated) -> None:
        loops.add(asyncio.get_running_loop())

    awaited: Any = AwaitedInbox(inbox)
    inbox.put(delivery())
    assert Worker(Processor(router), awaited).run_due() == 1
    Processor(router).process(delivery())
    assert awaited.loops == loops
    assert len(loops) == 1


def test_run_takes_until_it_is_stopped_and_finishes_what_runs(
    router: Router, inbox: MemoryInbox
) -> None:
    begun, go_on = Event(), Event()

    @router.on("user.created")
    def save(event: UserCreated) -> None:
        begun.set()
        assert go_on.wait(WAIT)

    def then() -> None:
        inbox.put(delivery("msg_2"))
        go_on.set()

    with running(Worker(Processor(router), inbox), then=then) as statuses:
        inbox.put(delivery("msg_1"))
        assert begun.wait(WAIT)
        until(lambda: inbox.beats)
    assert statuses == [0]
    assert [row.state for row in inbox.rows.values()] == ["done", "waiting"]
    assert not inbox.beats  # The worker has taken leave.


def test_what_runs_after_the_grace_is_cut_off_and_keeps_its_lease(
    router: Router, inbox: MemoryInbox, caplog: pytest.LogCaptureFixture
) -> None:
    begun, go_on = Event(), Event()

    @router.on("user.created")
    def save(event: UserCreated) -> None:
        begun.set()
        assert go_on.wait(WAIT)

    inbox.put(delivery())
    worker = Worker(Processor(router), inbox)
    with running(worker, grace=timedelta(seconds=0.01)) as statuses:
        assert begun.wait(WAIT)
    assert statuses == [70]
    assert inbox.rows["msg_1"].state == "running"
    assert "msg_1 is cut off; it runs again when its lease is over" in caplog.text
    go_on.set()
    until(lambda: inbox.rows["msg_1"].state == "done")  # The thread did not end with the process.


def test_an_async_handler_that_the_end_of_the_process_cancels_has_not_failed(
    router: Router, inbox: MemoryInbox
) -> None:
    begun = Event()
    tasks: list[Any] = []

    @router.on("user.created")
    async def save(event: UserCreated) -> None:
        tasks.extend([asyncio.get_running_loop(), asyncio.current_task()])
        begun.set()
        await asyncio.Event().wait()

    inbox.put(delivery())
    worker = Worker(Processor(router), inbox)
    with running(worker, grace=timedelta(seconds=0.01)) as statuses:
        assert begun.wait(WAIT)
    assert statuses == [70]
    tasks[0].call_soon_threadsafe(tasks[1].cancel)  # As at the exit of the interpreter.
    row = inbox.rows["msg_1"]
    until(lambda: row.state == "waiting")
    assert (row.takes, row.failures, row.put_backs) == (0, 0, 1)
    assert row.reason == "interrupted: the worker has stopped"


def test_a_worker_runs_once_in_a_process(router: Router, inbox: MemoryInbox) -> None:
    router.on("user.created")(lambda event: None)
    worker = Worker(Processor(router), inbox)
    with running(worker):
        until(lambda: inbox.beats)
        with pytest.raises(ConfigurationError, match="runs already"):
            worker.run()


def test_an_inbox_that_is_set_up_wrongly_ends_the_worker_at_once(
    router: Router, inbox: MemoryInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def beat(*arguments: Any) -> None:
        raise ConfigurationError("no such table")

    monkeypatch.setattr(inbox, "beat", beat)
    router.on("user.created")(lambda event: None)
    worker = Worker(Processor(router), inbox)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="no such table"):
            worker.run()


def test_what_has_not_begun_is_put_back_as_it_was(
    router: Router, inbox: MemoryInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed: list[Callable[[], None]] = []

    def submit(self: object, call: Callable[[], None]) -> None:
        handed.append(call)
        worker.stop()
        worker.stop()

    monkeypatch.setattr("clerk_hooks.worker._threads.Threads.submit", submit)
    router.on("user.created")(lambda event: pytest.fail("it ran"))
    inbox.put(delivery())
    worker = Worker(Processor(router), inbox)
    assert worker.run() == 0
    row = inbox.rows["msg_1"]
    assert (row.state, row.takes, row.failures) == ("waiting", 0, 0)
    assert row.reason == "the worker has stopped"
    handed[0]()  # The thread comes too late.


def test_a_store_that_is_away_pauses_the_taking(router: Router, inbox: MemoryInbox) -> None:
    class Away(MemoryStore):
        def claim(self, *arguments: Any) -> Any:
            raise StoreUnavailable

    router.on("user.created", name="save")(lambda event: None)
    for number in range(20):
        inbox.put(delivery(f"msg_{number}"))
    worker = Worker(Processor(router, store=Away()), inbox, slots=2)
    with running(worker):
        until(lambda: inbox.calls.count("settle") == 2)
    assert sum(row.put_backs for row in inbox.rows.values()) in (2, 3)
    assert not any(row.failures or row.takes for row in inbox.rows.values())


def test_an_inbox_that_is_away_at_the_start_is_waited_for(
    router: Router, inbox: MemoryInbox, caplog: pytest.LogCaptureFixture
) -> None:
    router.on("user.created")(lambda event: None)
    inbox.put(delivery())
    inbox.is_away = True
    with running(Worker(Processor(router), inbox)):
        until(lambda: "take" in inbox.calls)
        inbox.is_away = False
        until(lambda: inbox.rows["msg_1"].state == "done")
    assert "the inbox does not answer (" in caplog.text


def test_a_handler_that_ends_the_program_has_failed(
    router: Router, inbox: MemoryInbox, caplog: pytest.LogCaptureFixture
) -> None:
    @router.on("user.created")
    def save(event: UserCreated) -> None:
        raise SystemExit(3)

    @router.on("user.updated")
    async def asave(event: object) -> None:
        raise KeyboardInterrupt

    inbox.put(delivery())
    inbox.put(delivery("msg_2", "user.updated"))
    assert Worker(Processor(router), inbox).run_due() == 2
    for key, name in (("msg_1", "SystemExit"), ("msg_2", "KeyboardInterrupt")):
        row = inbox.rows[key]
        assert (row.state, row.failures) == ("waiting", 1)
        assert row.reason == f"RuntimeError: a handler tried to end the program: {name}"


def test_a_slot_keeps_its_thread_and_so_the_connections_that_belong_to_it(
    router: Router, inbox: MemoryInbox
) -> None:
    threads: list[Thread] = []
    router.on("user.created")(lambda event: threads.append(threading.current_thread()))
    worker = Worker(Processor(router), inbox, slots=1)
    for number in range(5):
        inbox.put(delivery(f"msg_{number}"))
    worker.run_due()
    assert len(threads) == 5
    assert len(set(threads)) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_a_forked_process_has_threads_of_its_own(router: Router, inbox: MemoryInbox) -> None:
    router.on("user.created")(lambda event: None)
    worker = Worker(Processor(router), inbox)
    inbox.put(delivery("msg_1"))
    assert worker.run_due() == 1
    inbox.put(delivery("msg_2"))
    if (child := os.fork()) == 0:
        try:
            is_good = worker.run_due() == 1
        finally:
            os._exit(0 if is_good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
