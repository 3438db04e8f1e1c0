"""The event loop of the process, on which `Router.dispatch` runs async handlers.

What forks, signals and the end of the process do to it is in `test_eventloop.py`.
"""

import asyncio
import gc
import threading
import warnings
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from functools import wraps

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


def test_all_handlers_share_one_loop_whichever_thread_dispatches(router: Router) -> None:
    loops: set[asyncio.AbstractEventLoop] = set()

    async def note_the_loop(event: object) -> None:
        loops.add(asyncio.get_running_loop())

    async def note_it_too(event: object) -> None:
        loops.add(asyncio.get_running_loop())

    router.on("user.created")(note_the_loop)
    router.on("user.created")(note_it_too)
    router.dispatch(EVENT)
    threads = [threading.Thread(target=router.dispatch, args=[EVENT]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    (loop,) = loops
    assert loop.is_running()


def test_what_belongs_to_a_loop_works_at_the_next_delivery(router: Router) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(1)
    got: list[int] = []

    @router.on("user.created")
    async def takes_turns(event: object) -> None:
        getter = asyncio.ensure_future(queue.get())
        await asyncio.sleep(0)  # The getter waits, which binds the queue to the loop.
        await queue.put(len(got))
        got.append(await getter)

    for _ in range(3):
        router.dispatch(EVENT)
    assert got == [0, 1, 2]


def test_sync_handlers_run_in_the_thread_of_the_caller(router: Router) -> None:
    threads: list[int] = []

    async def coroutine() -> None:
        threads.append(threading.get_ident())

    def plain(event: object) -> object:
        threads.append(threading.get_ident())
        return coroutine()

    router.on("user.created")(plain)
    router.dispatch(EVENT)
    assert threads[0] == threading.get_ident() != threads[1]


def test_sync_handlers_need_no_loop(router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clerk_hooks.dispatch.run_on_loop", lambda call: pytest.fail("a loop"))
    ran: list[object] = []
    router.on("user.created")(ran.append)
    router.dispatch(EVENT)
    assert ran == [EVENT]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_ends_the_program_reaches_the_caller_and_spares_the_loop(
    router: Router, kind: type[BaseException]
) -> None:
    loops: list[asyncio.AbstractEventLoop] = []
    error = kind()

    @router.on("user.created")
    async def ends(event: object) -> None:
        loops.append(asyncio.get_running_loop())
        raise error

    for _ in range(2):
        with pytest.raises(kind) as caught:
            router.dispatch(EVENT)
        assert caught.value is error
    assert loops[0] is loops[1]
    assert loops[0].is_running()


def test_a_stop_iteration_is_a_failure_like_any_other(router: Router) -> None:
    async def coroutine() -> None: ...

    def plain(event: object) -> object:
        raise StopIteration

    router.on("user.created")(plain)
    with pytest.raises(HandlerError) as caught:
        router.dispatch(EVENT)
    assert isinstance(caught.value.errors[0], StopIteration)


def test_a_missing_delivery_runs_nothing(router: Router) -> None:
    @router.on("user.created")
    async def welcome(event: object, delivery: object) -> None: ...

    with pytest.raises(TypeError, match="welcome"):
        router.dispatch(EVENT)


def test_tasks_in_the_background_live_on(router: Router) -> None:
    tasks: list[asyncio.Task[None]] = []
    go_on = asyncio.Event()
    ended = threading.Event()

    async def background() -> None:
        await go_on.wait()
        ended.set()

    @router.on("user.created")
    async def starts(event: object) -> None:
        if not tasks:
            tasks.append(asyncio.get_running_loop().create_task(background()))
            return
        assert not tasks[0].done()
        go_on.set()

    router.dispatch(EVENT)
    assert not ended.is_set()
    router.dispatch(EVENT)
    assert ended.wait(60)


def test_a_task_in_the_background_that_ends_the_program_does_not_end_the_loop(
    router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    tasks: list[asyncio.Task[None]] = []

    async def background() -> None:
        raise SystemExit(3)

    @router.on("user.created")
    async def starts(event: object) -> None:
        if not tasks:
            tasks.append(asyncio.get_running_loop().create_task(background()))

    router.dispatch(EVENT)
    router.dispatch(EVENT)
    assert isinstance(tasks[0].exception(), SystemExit)
    (record,) = caplog.records
    assert record.message == "a task that a handler left running tried to end the process"


def test_context_variables_are_copied_and_do_not_come_back(router: Router) -> None:
    variable: ContextVar[str] = ContextVar("variable")
    seen: list[str] = []

    @router.on("user.created")
    async def handler(event: object) -> None:
        seen.append(variable.get())
        variable.set("by the handler")

    variable.set("by the caller")
    router.dispatch(EVENT)
    assert (seen, variable.get()) == (["by the caller"], "by the caller")


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


def test_an_async_handler_that_dispatches_to_another_one_is_refused(router: Router) -> None:
    inner = Router()

    @inner.on("user.created")
    async def never(event: object) -> None:
        pytest.fail("was run")

    @router.on("user.created")
    async def outer(event: object) -> None:
        inner.dispatch(EVENT)

    with pytest.raises(HandlerError) as caught:
        router.dispatch(EVENT)
    (error,) = caught.value.errors
    assert isinstance(error, ConfigurationError)
    assert error.reason == "running_loop"


def test_an_async_handler_may_dispatch_in_a_thread(router: Router) -> None:
    inner = Router()
    ran: list[object] = []

    @inner.on("user.created")
    async def handler(event: object) -> None:
        ran.append(event)

    @router.on("user.created")
    async def outer(event: object) -> None:
        await asyncio.to_thread(inner.dispatch, EVENT)

    router.dispatch(EVENT)
    assert ran == [EVENT]


@pytest.mark.parametrize("result", [None, 5])
def test_inside_a_running_loop_sync_handlers_run(router: Router, result: object) -> None:
    ran: list[object] = []

    @router.on("user.created")
    def handler(event: object) -> object:
        ran.append(event)
        return result

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


def dispatch(router: Router, way: str) -> None:
    if way == "dispatch":
        router.dispatch(EVENT)
    else:
        asyncio.run(router.adispatch(EVENT))


async def notes(ran: list[object]) -> None:
    await asyncio.sleep(0)
    ran.append(asyncio.get_running_loop())


async def forgets(ran: list[object]) -> object:
    return notes(ran)


@pytest.mark.parametrize("is_async", [True, False], ids=["async", "sync"])
@pytest.mark.parametrize("way", ["dispatch", "adispatch"])
def test_an_await_that_a_handler_forgets_in_its_return_is_made_good(
    router: Router, is_async: bool, way: str
) -> None:
    ran: list[object] = []

    async def asynchronous(event: object) -> object:
        return forgets(ran)

    router.on("user.created")(asynchronous if is_async else lambda event: forgets(ran))
    dispatch(router, way)
    assert len(ran) == 1


def generates(event: object) -> Generator[None]:
    raise AssertionError("was run")
    yield


async def agenerates(event: object) -> AsyncGenerator[None]:
    raise AssertionError("was run")
    yield


async def returns_a_generator(event: object) -> object:
    return generates(event)


@pytest.mark.parametrize(
    "handler",
    [
        lambda event: generates(event or EVENT),
        lambda event: agenerates(event or EVENT),
        wraps(generates)(lambda event: generates(event or EVENT)),
        contextmanager(generates),
        asynccontextmanager(agenerates),
        returns_a_generator,
    ],
    ids=["sync", "async", "wrapped", "context manager", "async context manager", "awaited"],
)
@pytest.mark.parametrize("way", ["dispatch", "adispatch"])
def test_a_handler_that_returns_a_generator_has_failed(
    router: Router, handler: Callable[[object], object], way: str
) -> None:
    """Nothing of it has run, so the reply must not be a 200."""
    router.on("user.created")(handler)
    with pytest.raises(HandlerError) as caught:
        dispatch(router, way)
    (error,) = caught.value.errors
    assert isinstance(error, ConfigurationError)
    assert "returned a generator, of which nothing has run" in str(error)
