"""The event loop that `Router.dispatch` makes for async handlers: one per call, and nothing left.

Inside a loop that is running already there can be no other.
"""

import asyncio
import gc
import threading
import warnings
from collections.abc import AsyncIterator, Generator

import pytest

from clerk_hooks import ConfigurationError, HandlerError, Router, parse_event

EVENT = parse_event({"type": "user.created", "data": {"id": "user_1"}})


@pytest.fixture(autouse=True)
def _nothing_is_left_unclosed_or_not_awaited() -> Generator[None, None, None]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert [str(warning.message) for warning in caught] == []


@pytest.fixture
def router() -> Router:
    return Router()


def test_the_handlers_of_one_dispatch_share_one_loop(router: Router) -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    async def note_the_loop(event: object) -> None:
        loops.append(asyncio.get_running_loop())

    async def note_it_too(event: object) -> None:
        loops.append(asyncio.get_running_loop())

    router.on("user.created")(note_the_loop)
    router.on("user.created")(note_it_too)
    router.dispatch(EVENT)
    router.dispatch(EVENT)
    assert loops[0] is loops[1]
    assert loops[2] is loops[3]
    assert loops[0] is not loops[2]
    assert all(loop.is_closed() for loop in loops)


def test_sync_handlers_need_no_loop(router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "new_event_loop", lambda: pytest.fail("a loop was made"))
    ran: list[object] = []
    router.on("user.created")(ran.append)
    router.dispatch(EVENT)
    assert ran == [EVENT]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_closes_the_loop(router: Router, kind: type[BaseException]) -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    @router.on("user.created")
    async def ends(event: object) -> None:
        loops.append(asyncio.get_running_loop())
        raise kind

    with pytest.raises(kind):
        router.dispatch(EVENT)
    assert loops[0].is_closed()


def test_a_missing_delivery_leaves_no_loop(router: Router) -> None:
    @router.on("user.created")
    async def welcome(event: object, delivery: object) -> None: ...

    with pytest.raises(TypeError, match="welcome"):
        router.dispatch(EVENT)


def test_tasks_in_the_background_run_until_the_end_and_are_cancelled(router: Router) -> None:
    tasks: list[asyncio.Task[None]] = []
    ended: list[str] = []

    async def background() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            ended.append("background")
            raise

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
    tasks: list[asyncio.Task[None]] = []

    async def background() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise LookupError("while cleaning up")

    @router.on("user.created")
    async def starts(event: object) -> None:
        tasks.append(asyncio.get_running_loop().create_task(background()))
        await asyncio.sleep(0)

    router.dispatch(EVENT)
    (record,) = caplog.records
    assert record.name == "asyncio"
    assert record.exc_info
    assert isinstance(record.exc_info[1], LookupError)


def test_async_generators_are_closed_at_the_end(router: Router) -> None:
    generators: list[AsyncIterator[int]] = []
    ended: list[str] = []

    async def generate() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            ended.append("generator")

    @router.on("user.created")
    async def begins(event: object) -> None:
        generators.append(generate())
        await anext(generators[0])
        assert ended == []

    router.dispatch(EVENT)
    assert ended == ["generator"]


def test_threads_of_the_loop_are_waited_for(router: Router) -> None:
    begun, ended = threading.Event(), threading.Event()

    def in_a_thread() -> None:
        begun.wait(60)
        ended.set()

    @router.on("user.created")
    async def starts(event: object) -> None:
        asyncio.get_running_loop().run_in_executor(None, in_a_thread)
        asyncio.get_running_loop().call_soon(begun.set)

    router.dispatch(EVENT)
    assert ended.is_set()


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


def test_inside_a_running_loop_a_coroutine_from_a_plain_function_is_a_failure(
    router: Router,
) -> None:
    ran: list[object] = []

    async def coroutine() -> None:
        pytest.fail("this must not run")

    router.on("user.created")(lambda event: coroutine())
    router.on("user.created")(ran.append)

    async def main() -> None:
        with pytest.raises(HandlerError) as caught:
            router.dispatch(EVENT)
        (error,) = caught.value.errors
        assert isinstance(error, ConfigurationError)
        assert "await adispatch" in str(error)

    asyncio.run(main())
    assert ran == [EVENT]
