"""`Router.dispatch` with async handlers: a synchronous caller, and one event loop per call."""

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextvars import ContextVar
from typing import Any

import pytest

from clerk_hooks import ConfigurationError, HandlerError, Router, parse_event

EVENT = parse_event({"type": "user.created", "data": {"id": "user_1"}})
variable: ContextVar[str] = ContextVar("variable", default="unset")


@pytest.fixture
def router() -> Router:
    return Router()


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Generator[None, None, None]:
    """Whatever a test leaves unclosed or not awaited becomes an error of that very test."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert [str(warning.message) for warning in caught] == []


class Custom:
    """Awaitable, and neither coroutine nor future."""

    def __init__(self, ran: list[object]) -> None:
        self.ran = ran

    def __await__(self) -> Generator[Any, None, None]:
        yield from asyncio.sleep(0).__await__()
        self.ran.append(EVENT)


def test_an_async_handler_has_ended_when_dispatch_returns(router: Router) -> None:
    ran: list[object] = []

    @router.on("user.created")
    async def handler(event: object) -> None:
        await asyncio.sleep(0)
        ran.append(event)

    router.dispatch(EVENT)
    assert ran == [EVENT]


@pytest.mark.parametrize("kind", ["coroutine", "custom", "future"])
def test_what_comes_back_from_a_plain_function_is_awaited(router: Router, kind: str) -> None:
    ran: list[object] = []

    async def coroutine() -> None:
        await asyncio.sleep(0)
        ran.append(EVENT)

    async def opens_the_loop(event: object) -> None: ...

    made: dict[str, Callable[[], Awaitable[None]]] = {
        "coroutine": coroutine,
        "custom": lambda: Custom(ran),
        "future": lambda: asyncio.get_event_loop().create_task(coroutine()),
    }
    if kind == "future":  # Only inside a loop can there be one.
        router.on("user.created")(opens_the_loop)
        asyncio.run(awaited(router, lambda event: made[kind]()))
    else:
        router.on("user.created")(lambda event: made[kind]())
        router.dispatch(EVENT)
    assert ran == [EVENT]


async def awaited(router: Router, handler: Callable[[object], object]) -> None:
    router.on("user.created")(handler)
    await router.adispatch(EVENT, run_sync=on_the_loop)


async def on_the_loop(call: Callable[[], object]) -> object:
    return call()


def test_the_handlers_of_one_dispatch_share_one_loop(router: Router) -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    async def first(event: object) -> None:
        loops.append(asyncio.get_running_loop())

    async def second(event: object) -> None:
        loops.append(asyncio.get_running_loop())

    router.on("user.created")(first)
    router.on("user.created")(lambda event: second(event))
    router.dispatch(EVENT)
    router.dispatch(EVENT)
    assert loops[0] is loops[1]
    assert loops[2] is loops[3]
    assert loops[0] is not loops[2]
    assert all(loop.is_closed() for loop in loops)


def test_only_sync_handlers_need_no_loop(router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "new_event_loop", lambda: pytest.fail("a loop was made"))
    ran: list[object] = []
    router.on("user.created")(ran.append)
    router.dispatch(EVENT)
    assert ran == [EVENT]


def test_failures_of_async_and_sync_handlers_come_together(router: Router) -> None:
    ran: list[object] = []
    first, second = ValueError("1"), ValueError("2")

    @router.on("user.created")
    async def fails(event: object) -> None:
        await asyncio.sleep(0)
        raise first

    @router.on("user.created")
    def fails_too(event: object) -> None:
        raise second

    router.on("user.created")(ran.append)
    with pytest.raises(HandlerError) as caught:
        router.dispatch(EVENT)
    assert caught.value.errors == (first, second)
    assert ran == [EVENT]


def test_a_handler_that_is_cancelled_by_what_it_awaits_has_failed(router: Router) -> None:
    ran: list[object] = []

    @router.on("user.created")
    async def cancelled(event: object) -> None:
        task = asyncio.ensure_future(asyncio.sleep(60))
        task.cancel()
        await task

    router.on("user.created")(ran.append)
    with pytest.raises(HandlerError) as caught:
        router.dispatch(EVENT)
    (error,) = caught.value.errors
    assert isinstance(error.__cause__, asyncio.CancelledError)
    assert ran == [EVENT]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_closes_the_loop_and_goes_on(
    router: Router, kind: type[BaseException]
) -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    @router.on("user.created")
    async def ends(event: object) -> None:
        loops.append(asyncio.get_running_loop())
        raise kind

    with pytest.raises(kind):
        router.dispatch(EVENT)
    assert loops[0].is_closed()


def test_tasks_in_the_background_are_cancelled_at_the_end(router: Router) -> None:
    ended: list[str] = []

    async def background() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            ended.append("background")
            raise

    tasks: list[asyncio.Task[None]] = []

    @router.on("user.created")
    async def starts(event: object) -> None:
        tasks.append(asyncio.get_running_loop().create_task(background()))
        await asyncio.sleep(0)

    @router.on("user.created")
    async def sees_it_run(event: object) -> None:
        assert not tasks[0].done()

    router.dispatch(EVENT)
    assert tasks[0].cancelled()
    assert ended == ["background"]


def test_what_a_task_raises_when_it_is_cancelled_is_not_lost(
    router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    async def background() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise LookupError("while cleaning up")

    @router.on("user.created")
    async def starts(event: object) -> None:
        tasks.append(asyncio.get_running_loop().create_task(background()))
        await asyncio.sleep(0)

    tasks: list[asyncio.Task[None]] = []
    router.dispatch(EVENT)
    (record,) = caplog.records
    assert record.name == "asyncio"
    assert record.exc_info
    assert isinstance(record.exc_info[1], LookupError)


def test_async_generators_are_closed_at_the_end(router: Router) -> None:
    ended: list[str] = []

    async def generate() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            ended.append("generator")

    generators: list[AsyncIterator[int]] = []

    @router.on("user.created")
    async def begins(event: object) -> None:
        generators.append(generate())
        await anext(generators[0])
        assert ended == []

    router.dispatch(EVENT)
    assert ended == ["generator"]


def test_threads_of_the_loop_are_waited_for(router: Router) -> None:
    ended: list[str] = []

    @router.on("user.created")
    async def starts(event: object) -> None:
        asyncio.get_running_loop().run_in_executor(None, ended.append, "thread")

    router.dispatch(EVENT)
    assert ended == ["thread"]


def test_context_variables_reach_the_handlers(router: Router) -> None:
    seen: list[str] = []

    @router.on("user.created")
    async def handler(event: object) -> None:
        seen.append(variable.get())

    router.on("user.created")(lambda event: seen.append(variable.get()))
    token = variable.set("set by the caller")
    router.dispatch(EVENT)
    variable.reset(token)
    assert seen == ["set by the caller"] * 2


def test_inside_a_running_loop_async_handlers_are_refused_before_any_has_run(
    router: Router,
) -> None:
    ran: list[object] = []

    async def handler(event: object) -> None:
        ran.append(event)

    router.on("user.created")(ran.append)
    router.on("user.created")(handler)

    async def main() -> None:
        with pytest.raises(ConfigurationError, match="await adispatch") as caught:
            router.dispatch(EVENT)
        assert caught.value.reason == "running_loop"

    asyncio.run(main())
    assert ran == []


def test_inside_a_running_loop_sync_handlers_run(router: Router) -> None:
    ran: list[object] = []
    router.on("user.created")(ran.append)

    async def main() -> None:
        router.dispatch(EVENT)

    asyncio.run(main())
    assert ran == [EVENT]


@pytest.mark.parametrize("kind", ["coroutine", "custom"])
def test_inside_a_running_loop_an_awaitable_is_a_failure(router: Router, kind: str) -> None:
    ran: list[object] = []

    async def coroutine() -> None:
        pytest.fail("this must not run")

    custom = Custom([])
    router.on("user.created")(lambda event: coroutine() if kind == "coroutine" else custom)
    router.on("user.created")(ran.append)

    async def main() -> None:
        with pytest.raises(HandlerError) as caught:
            router.dispatch(EVENT)
        (error,) = caught.value.errors
        assert isinstance(error, ConfigurationError)
        assert "await adispatch" in str(error)

    asyncio.run(main())
    assert ran == [EVENT]
    assert custom.ran == []
