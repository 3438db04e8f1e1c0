"""`Router.adispatch`: on the caller's event loop, with sync handlers away from it."""

import asyncio
import concurrent.futures
import json
import threading
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

import pytest

from clerk_hooks import (
    AbortDelivery,
    Delivery,
    HandlerError,
    InputTypeError,
    PayloadError,
    Router,
    parse_event,
)

EVENT = parse_event({"type": "user.created", "data": {"id": "user_1"}})
variable: ContextVar[str] = ContextVar("variable", default="unset")


@pytest.fixture
def router() -> Router:
    return Router()


def delivery_of(payload: object) -> Delivery:
    return Delivery("msg_1", 1_700_000_000, json.dumps(payload).encode())


async def on_the_loop(call: Callable[[], object]) -> object:
    """A `run_sync` that needs no thread."""
    return call()


def failures(router: Router) -> tuple[Exception, ...]:
    with pytest.raises(HandlerError) as caught:
        asyncio.run(router.adispatch(EVENT))
    return caught.value.errors


def test_the_handlers_run_in_the_order_of_registration(router: Router) -> None:
    ran: list[str] = []

    async def second(event: object) -> None:
        await asyncio.sleep(0)
        ran.append("second")

    router.on("user.created")(lambda event: ran.append("first"))
    router.on("user.*")(second)
    router.on("*")(lambda event: ran.append("third"))
    asyncio.run(router.adispatch(EVENT))
    assert ran == ["first", "second", "third"]


def test_a_delivery_is_passed_to_those_who_take_it(router: Router) -> None:
    seen: list[object] = []

    @router.on("user.created")
    async def welcome(event: object, delivery: object) -> None:
        seen.append((event, delivery))

    router.on("user.created")(lambda event, delivery: seen.append((event, delivery)))
    delivery = delivery_of({"type": "user.created", "data": {"id": "user_2"}})
    asyncio.run(router.adispatch(delivery))
    assert seen == [(delivery.event, delivery)] * 2


def test_an_event_alone_for_a_handler_that_takes_two_says_what_is_missing(router: Router) -> None:
    @router.on("user.created")
    async def welcome(event: object, delivery: object) -> None: ...

    with pytest.raises(InputTypeError, match="dispatch a Delivery, not an event alone"):
        asyncio.run(router.adispatch(EVENT))


def test_an_event_nobody_handles_is_not_parsed(router: Router) -> None:
    delivery = delivery_of({"type": "user.created", "data": "no user"})
    asyncio.run(router.adispatch(delivery))
    router.on("user.created")(lambda event: None)
    with pytest.raises(PayloadError):
        asyncio.run(router.adispatch(delivery))


def test_async_handlers_run_on_the_callers_loop_and_thread(router: Router) -> None:
    seen: list[object] = []

    @router.on("user.created")
    async def handler(event: object) -> None:
        seen.extend([asyncio.get_running_loop(), threading.current_thread()])

    async def main() -> None:
        await router.adispatch(EVENT)
        assert seen == [asyncio.get_running_loop(), threading.current_thread()]

    asyncio.run(main())


def test_sync_handlers_run_in_another_thread(router: Router) -> None:
    threads: list[threading.Thread] = []
    router.on("user.created")(lambda event: threads.append(threading.current_thread()))
    asyncio.run(router.adispatch(EVENT))
    assert threads
    assert threads != [threading.current_thread()]


def test_sync_handlers_run_through_run_sync_and_async_ones_do_not(router: Router) -> None:
    ran: list[str] = []

    def one(event: object) -> None:
        ran.append("one")

    async def other(event: object) -> None:
        ran.append("other")

    async def run_sync(call: Callable[[], object]) -> object:
        ran.append("run_sync")
        return call()

    router.on("user.created")(one)
    router.on("user.created")(other)
    asyncio.run(router.adispatch(EVENT, run_sync=run_sync))
    assert ran == ["run_sync", "one", "other"]


def test_run_sync_may_be_an_executor(router: Router) -> None:
    threads: list[str] = []
    router.on("user.created")(lambda event: threads.append(threading.current_thread().name))

    async def main() -> None:
        def run_sync(call: Callable[[], object]) -> Awaitable[object]:
            return asyncio.get_running_loop().run_in_executor(pool, call)

        await router.adispatch(EVENT, run_sync=run_sync)

    with concurrent.futures.ThreadPoolExecutor(thread_name_prefix="ours") as pool:
        asyncio.run(main())
    assert threads == ["ours_0"]


def test_the_loop_serves_others_while_a_sync_handler_blocks(router: Router) -> None:
    released = threading.Event()
    ran: list[bool] = []
    router.on("user.created")(lambda event: ran.append(released.wait(60)))

    async def main() -> None:
        dispatching = asyncio.ensure_future(router.adispatch(EVENT))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not dispatching.done()
        released.set()
        await dispatching

    asyncio.run(main())
    assert ran == [True]


@pytest.mark.parametrize("kind", ["coroutine", "task"])
def test_what_comes_back_from_a_plain_function_is_awaited_on_the_loop(
    router: Router, kind: str
) -> None:
    loops: list[object] = []

    async def coroutine() -> None:
        await asyncio.sleep(0)
        loops.append(asyncio.get_running_loop())

    def handler(event: object) -> Awaitable[None]:
        return coroutine() if kind == "coroutine" else asyncio.ensure_future(coroutine())

    router.on("user.created")(handler)

    async def main() -> None:
        run_sync = on_the_loop if kind == "task" else None
        await router.adispatch(EVENT, run_sync=run_sync)
        assert loops == [asyncio.get_running_loop()]

    asyncio.run(main())


@pytest.mark.parametrize("value", [5, None, "text", object()], ids=["int", "None", "str", "object"])
def test_a_handler_may_return_anything(router: Router, value: object) -> None:
    ran: list[str] = []

    async def coroutine(event: object) -> object:
        ran.append("async")
        return value

    router.on("user.created")(lambda event: value)
    router.on("user.created")(coroutine)
    asyncio.run(router.adispatch(EVENT))
    asyncio.run(router.adispatch(EVENT, run_sync=on_the_loop))
    assert ran == ["async", "async"]


def test_failures_of_async_and_sync_handlers_come_together(router: Router) -> None:
    ran: list[object] = []
    first, second = ValueError("1"), AbortDelivery("2")

    @router.on("user.created")
    async def fails(event: object) -> None:
        await asyncio.sleep(0)
        raise first

    @router.on("user.created")
    def fails_too(event: object) -> None:
        raise second

    router.on("user.created")(ran.append)
    assert failures(router) == (first, second)
    assert ran == [EVENT]


@pytest.mark.parametrize("kind", [StopIteration, concurrent.futures.CancelledError, TimeoutError])
def test_what_no_future_can_carry_is_a_failure_like_any_other(
    router: Router, kind: type[Exception]
) -> None:
    """A future would stay pending forever after the first, and turn the second into another."""
    ran: list[object] = []
    error = kind()

    @router.on("user.created")
    def fails(event: object) -> None:
        raise error

    router.on("user.created")(ran.append)
    assert failures(router) == (error,)
    assert ran == [EVENT]


def test_what_run_sync_raises_is_a_failure_of_the_handler(router: Router) -> None:
    async def broken(call: Callable[[], object]) -> object:
        raise LookupError

    router.on("user.created")(lambda event: pytest.fail("was run"))
    with pytest.raises(HandlerError, match="LookupError"):
        asyncio.run(router.adispatch(EVENT, run_sync=broken))


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("is_async", [True, False])
def test_what_ends_the_program_is_not_held_back(
    router: Router, kind: type[BaseException], is_async: bool
) -> None:
    ran: list[object] = []

    def ends(event: object) -> None:
        raise kind

    async def ends_too(event: object) -> None:
        raise kind

    router.on("user.created")(ends_too if is_async else ends)
    router.on("user.created")(ran.append)
    with pytest.raises(kind):
        asyncio.run(router.adispatch(EVENT))
    assert ran == []


def test_context_variables_reach_the_handlers(router: Router) -> None:
    seen: list[str] = []

    @router.on("user.created")
    async def handler(event: object) -> None:
        seen.append(variable.get())

    router.on("user.created")(lambda event: seen.append(variable.get()))

    async def main() -> None:
        variable.set("set by the caller")
        await router.adispatch(EVENT)

    asyncio.run(main())
    assert seen == ["set by the caller"] * 2


def test_deliveries_are_handled_side_by_side(router: Router) -> None:
    here: list[object] = []

    @router.on("user.created")
    async def waits_for_the_other(event: object) -> None:
        here.append(event)
        while len(here) < 2:
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(router.adispatch(EVENT), router.adispatch(EVENT))

    asyncio.run(main())
