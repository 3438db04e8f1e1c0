"""`run_until_idle` and its async twin: what users' own tests call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest

from clerk_hooks import (
    AbortDelivery,
    ConfigurationError,
    Delivery,
    HandlerError,
    InProgress,
    MemoryStore,
    Observer,
    PayloadError,
    Processor,
    RetryPolicy,
    Router,
    StoreUnavailable,
    Worker,
)
from clerk_hooks.events import UserCreated
from clerk_hooks.messages import Selection
from clerk_hooks.observe import Running, Taken

from .conftest import Clock, delivery
from .memory_inbox import AwaitedInbox, MemoryInbox

Drain = Callable[..., int]


@pytest.fixture(params=["run_until_idle", "arun_until_idle"])
def drain(request: pytest.FixtureRequest) -> Drain:
    def call(worker: Worker, **options: Any) -> int:
        if request.param == "run_until_idle":
            return worker.run_until_idle(**options)
        return asyncio.run(worker.arun_until_idle(**options))

    return call


def refuse(event: UserCreated) -> None:
    raise IndexError("no such plan")


def test_everything_that_waits_runs_and_is_done(
    router: Router, inbox: MemoryInbox, drain: Drain
) -> None:
    seen: list[str] = []

    @router.on("user.created")
    def first(event: UserCreated, delivery: Delivery) -> None:
        seen.append(delivery.message_id)

    @router.on("user.created")
    async def second(event: UserCreated, delivery: Delivery) -> None:
        seen.append(delivery.message_id)

    inbox.put(delivery("msg_1"))
    inbox.put(delivery("msg_2"))
    inbox.put(delivery("msg_3", "user.deleted"))  # Nobody handles it.
    assert drain(Worker(Processor(router), inbox)) == 3
    assert seen == ["msg_1", "msg_1", "msg_2", "msg_2"]
    assert {row.state for row in inbox.rows.values()} == {"done"}


def test_an_error_of_a_handler_is_raised_and_the_message_runs_again_the_next_time(
    router: Router, inbox: MemoryInbox, drain: Drain
) -> None:
    problems: list[Exception] = [ValueError("no such user")]
    runs: list[str] = []

    @router.on("user.created", name="save")
    def save(event: UserCreated) -> None:
        if problems:
            raise problems.pop()

    @router.on("user.created", name="mail")
    def mail(event: UserCreated) -> None:
        runs.append("mail")

    inbox.put(delivery())
    worker = Worker(Processor(router), inbox)
    with pytest.raises(HandlerError, match="1 of 2 handlers failed: save") as raised:
        drain(worker)
    assert isinstance(raised.value.__cause__, ValueError)
    row = inbox.rows["msg_1"]
    assert (row.state, row.failures, row.done) == ("waiting", 1, ("mail",))
    assert row.reason == "handler_failed: 1 of 2 handlers failed: save (ValueError)"
    assert drain(worker) == 1
    assert row.state == "done"
    assert runs == ["mail"]


def test_without_raise_errors_a_delivery_runs_until_it_is_dead(
    router: Router, inbox: MemoryInbox, drain: Drain, caplog: pytest.LogCaptureFixture
) -> None:
    router.on("user.created", name="save")(refuse)
    inbox.put(delivery())
    worker = Worker(Processor(router), inbox, policy=RetryPolicy(attempts=3))
    assert drain(worker, raise_errors=False) == 3
    row = inbox.rows["msg_1"]
    assert (row.state, row.failures) == ("dead", 3)
    (death,) = [one for one in caplog.records if "is dead" in one.message]
    assert death.levelno == logging.ERROR
    assert death.message == (
        "msg_1 user.created is dead after 3 failed runs: handler_failed: 1 of 1 handlers failed: "
        'save (IndexError); "clerk-hooks inbox retry" runs it again'
    )
    assert vars(death)["outcome"] == "dead"
    assert inbox.put(row.delivery)
    assert drain(worker, raise_errors=False) == 3  # A dead message that comes again.


def test_what_a_handler_gives_up_and_what_cannot_be_read_is_dead_at_once(
    router: Router, inbox: MemoryInbox, drain: Drain
) -> None:
    @router.on("user.created")
    def save(event: UserCreated) -> None:
        raise AbortDelivery("no such plan")

    inbox.put(delivery("msg_1"))
    inbox.put(Delivery("msg_2", 1, b"not JSON"))
    worker = Worker(Processor(router), inbox)
    assert drain(worker, raise_errors=False) == 2
    assert {row.state for row in inbox.rows.values()} == {"dead"}
    assert inbox.rows["msg_2"].reason.startswith("not_json: ")
    inbox.rows["msg_2"].state = "waiting"
    with pytest.raises(PayloadError):
        drain(worker)


def test_what_is_put_back_stays_and_keeps_its_counts(
    router: Router, inbox: MemoryInbox, drain: Drain
) -> None:
    store = MemoryStore()
    router.on("user.created", name="save")(lambda event: None)
    store.claim("msg_1", ["save"], timedelta(seconds=60))
    inbox.put(delivery())
    worker = Worker(Processor(router, store=store), inbox)
    assert drain(worker, raise_errors=False) == 1
    row = inbox.rows["msg_1"]
    assert (row.state, row.takes, row.failures, row.put_backs) == ("waiting", 0, 0, 1)
    assert row.due_at == inbox.clock() + 1
    with pytest.raises(InProgress):
        drain(worker)


def test_a_row_whose_runs_never_end_is_dead_without_a_run(
    router: Router, inbox: MemoryInbox, clock: Clock, drain: Drain
) -> None:
    router.on("user.created")(lambda event: pytest.fail("it ran"))
    inbox.put(delivery())
    for taken_before in range(8):
        assert inbox.take(1, timedelta(seconds=1), unsettled=taken_before > 0)
        clock.now += 2
    assert drain(Worker(Processor(router), inbox)) == 0
    row = inbox.rows["msg_1"]
    assert (row.state, row.reason.partition(":")[0]) == ("dead", "never_settled")
    assert inbox.retry(Selection(state="dead")) == 1
    assert (row.state, row.takes) == ("waiting", 0)


def test_an_inbox_that_is_away_is_an_error(
    router: Router, inbox: MemoryInbox, drain: Drain
) -> None:
    inbox.is_away = True
    with pytest.raises(StoreUnavailable):
        drain(Worker(Processor(router), inbox))


def test_what_the_context_gives_is_the_delivery_s_context(
    router: Router, inbox: MemoryInbox, drain: Drain
) -> None:
    seen: list[object] = []

    @contextmanager
    def session(delivery: Delivery) -> Iterator[str]:
        seen.append(f"open {delivery.message_id}")
        try:
            yield "session"
        except HandlerError:
            seen.append("rolled back")
            raise
        finally:
            seen.append("closed")

    @router.on("user.created")
    def save(event: UserCreated, delivery: Delivery) -> None:
        seen.append(delivery.context_as(str))
        if len(seen) == 2:
            raise ValueError("no")

    inbox.put(delivery())
    worker = Worker(Processor(router), inbox, context=session)
    assert drain(worker, raise_errors=False) == 2
    run = ["open msg_1", "session"]
    assert seen == [*run, "rolled back", "closed", *run, "closed"]


def test_an_async_context_is_entered_where_async_handlers_run(
    router: Router, inbox: MemoryInbox, drain: Drain
) -> None:
    seen: list[object] = []

    @asynccontextmanager
    async def session(delivery: Delivery) -> AsyncIterator[object]:
        yield asyncio.get_running_loop()
        seen.append(asyncio.get_running_loop())

    @router.on("user.created")
    async def save(event: UserCreated, delivery: Delivery) -> None:
        seen.extend([delivery.context, asyncio.get_running_loop()])

    inbox.put(delivery())
    assert drain(Worker(Processor(router), inbox, context=session)) == 1
    assert len(seen) == 3
    assert len(set(seen)) == 1


def test_a_context_that_swallows_an_error_does_not_make_it_a_success(
    router: Router, inbox: MemoryInbox, drain: Drain
) -> None:
    @contextmanager
    def swallow(delivery: Delivery) -> Iterator[None]:
        with suppress(HandlerError):
            yield

    @asynccontextmanager
    async def aswallow(delivery: Delivery) -> AsyncIterator[None]:
        with swallow(delivery):
            yield

    router.on("user.created")(refuse)
    for context in (swallow, aswallow):
        inbox.put(delivery())
        with pytest.raises(HandlerError):
            drain(Worker(Processor(router), inbox, context=context))
        assert inbox.rows["msg_1"].state == "waiting"


def test_a_context_that_fails_at_its_end_fails_the_run(
    router: Router, inbox: MemoryInbox, drain: Drain
) -> None:
    @contextmanager
    def session(delivery: Delivery) -> Iterator[None]:
        yield
        raise OSError("the connection is gone")

    router.on("user.created")(lambda event: None)
    inbox.put(delivery())
    with pytest.raises(OSError, match="is gone"):
        drain(Worker(Processor(router), inbox, context=session))
    assert inbox.rows["msg_1"].failures == 1


def test_a_context_that_is_none_is_a_mistake_of_the_program(
    router: Router, inbox: MemoryInbox, drain: Drain
) -> None:
    router.on("user.created")(lambda event: None)
    inbox.put(delivery())
    wrong: Any = lambda delivery: 3  # noqa: E731
    with pytest.raises(ConfigurationError, match="must return a context manager, not int"):
        drain(Worker(Processor(router), inbox, context=wrong))
    assert inbox.rows["msg_1"].failures == 0


def test_an_inbox_that_can_only_be_awaited_is_awaited_where_the_handlers_run(
    router: Router, inbox: MemoryInbox, drain: Drain
) -> None:
    loops: set[object] = set()

    @router.on("user.created")
    async def save(event: UserCreated) -> None:
        loops.add(asyncio.get_running_loop())

    inbox.put(delivery())
    awaited: Any = AwaitedInbox(inbox)
    assert drain(Worker(Processor(router), awaited)) == 1
    assert awaited.loops == loops


def test_a_store_that_can_only_be_awaited_is_awaited_where_the_handlers_run(
    router: Router, inbox: MemoryInbox, drain: Drain
) -> None:
    loops: set[object] = set()

    class Awaited:
        def __init__(self) -> None:
            self.store = MemoryStore()

        async def aclaim(self, *arguments: Any) -> Any:
            loops.add(asyncio.get_running_loop())
            return self.store.claim(*arguments)

        async def aconfirm(self, *arguments: Any) -> Any:
            return self.store.confirm(*arguments)

        async def arelease(self, *arguments: Any) -> None:
            self.store.release(*arguments)

    @router.on("user.created")
    async def save(event: UserCreated) -> None:
        loops.add(asyncio.get_running_loop())

    router.on("user.created", name="sync")(lambda event: None)
    store: Any = Awaited()
    inbox.put(delivery())
    assert drain(Worker(Processor(router, store=store), inbox)) == 1
    assert len(loops) == 1


def test_observers_see_each_run_from_its_take_to_its_settling(
    router: Router, inbox: MemoryInbox, drain: Drain
) -> None:
    seen: list[object] = []

    class Watch(Observer):
        @contextmanager
        def run(self, taken: Taken) -> Iterator[None]:
            seen.append((taken.event_type, taken.carrier, taken.accepted_at, taken.takes))
            yield
            seen.append((taken.step, type(taken.error), inbox.rows["msg_1"].state))

        @contextmanager
        def handler(self, running: Running) -> Iterator[None]:
            seen.append("handler")
            yield

    router.on("user.created")(refuse)
    inbox.put(delivery(), {"traceparent": "00-1"})
    worker = Worker(Processor(router, observers=[Watch()]), inbox, policy=RetryPolicy(attempts=2))
    assert drain(worker, raise_errors=False) == 2
    begun = ("user.created", {"traceparent": "00-1"}, inbox.clock(), 1)
    assert seen == [
        *(begun, "handler", ("retry", HandlerError, "waiting")),
        *(begun, "handler", ("dead", HandlerError, "dead")),
    ]


def test_inside_a_running_loop_only_the_async_form_runs_async_handlers(
    router: Router, inbox: MemoryInbox
) -> None:
    @router.on("user.created")
    async def save(event: UserCreated) -> None: ...

    inbox.put(delivery())
    worker = Worker(Processor(router), inbox)

    async def main() -> int:
        with pytest.raises(ConfigurationError, match="inside a running event loop"):
            worker.run_until_idle()
        return await worker.arun_until_idle()

    assert asyncio.run(main()) == 1
