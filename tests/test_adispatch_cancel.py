"""Cancelling `Router.adispatch`: a sync handler cannot be interrupted, so its end is awaited."""

import asyncio
import gc
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from clerk_hooks import HandlerError, Router, parse_event

EVENT = parse_event({"type": "user.created", "data": {"id": "user_1"}})


class Blocking:
    """A sync handler that tells when it has begun, and runs until it is released."""

    def __init__(self, error: BaseException | None = None, result: object = None) -> None:
        self.begun, self.released, self.ended = (threading.Event() for _ in range(3))
        self.error = error
        self.result = result

    def __call__(self, event: object) -> object:
        self.begun.set()
        assert self.released.wait(60)
        self.ended.set()
        if self.error is not None:
            raise self.error
        return self.result


@pytest.fixture
def router() -> Router:
    return Router()


async def turns_of_the_loop() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def cancelled_while_running(router: Router, handler: Blocking, times: int = 1) -> None:
    """Dispatch, cancel while `handler` runs, and see that its end is waited for."""
    task = asyncio.ensure_future(router.adispatch(EVENT))
    assert await asyncio.to_thread(handler.begun.wait, 60)
    for _ in range(times):
        task.cancel()
        await turns_of_the_loop()
        assert not task.done()
    assert not handler.ended.is_set()
    handler.released.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert handler.ended.is_set()
    assert task.cancelled()


@pytest.mark.parametrize("times", [1, 3])
def test_a_running_sync_handler_is_waited_for_and_later_ones_do_not_run(
    router: Router, times: int, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[object] = []
    handler = Blocking()
    router.on("user.created")(handler)
    router.on("user.created")(ran.append)
    asyncio.run(cancelled_while_running(router, handler, times))
    assert ran == []
    assert caplog.records == []


def test_its_failure_is_in_the_log(router: Router, caplog: pytest.LogCaptureFixture) -> None:
    error = LookupError()
    handler = Blocking(error)
    router.on("user.created", name="blocking")(handler)
    asyncio.run(cancelled_while_running(router, handler))
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("clerk_hooks", "ERROR")
    assert record.exc_info
    assert record.exc_info[1] is error
    assert record.handler == "blocking"  # type: ignore[attr-defined]


def test_what_it_gives_back_is_not_awaited_any_more(
    router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    async def coroutine() -> None:
        pytest.fail("was run")

    result: Coroutine[Any, Any, None] = coroutine()
    handler = Blocking(result=result)
    router.on("user.created")(handler)
    asyncio.run(cancelled_while_running(router, handler))
    assert result.cr_frame is None  # type: ignore[attr-defined] # It is closed, not left.
    assert caplog.records == []  # That is no failure.
    del result, handler
    gc.collect()


def test_an_async_handler_is_cancelled_itself(
    router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[object] = []

    @router.on("user.created")
    async def handler(event: object) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ran.append("cleaned up")

    router.on("user.created")(ran.append)

    async def main() -> None:
        task = asyncio.ensure_future(router.adispatch(EVENT))
        await turns_of_the_loop()
        assert begun.is_set()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    begun = threading.Event()
    asyncio.run(main())
    assert ran == ["cleaned up"]
    assert caplog.records == []


def test_a_timeout_of_the_caller_is_one_still(router: Router) -> None:
    @router.on("user.created")
    async def handler(event: object) -> None:
        await asyncio.Event().wait()

    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(asyncio.wait_for(router.adispatch(EVENT), 0.001))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="a task cannot tell who cancelled it")
def test_an_async_handler_cancelled_by_what_it_awaits_has_failed(router: Router) -> None:
    ran: list[object] = []

    @router.on("user.created")
    async def handler(event: object) -> None:
        task = asyncio.ensure_future(asyncio.sleep(60))
        task.cancel()
        await task

    router.on("user.created")(ran.append)
    with pytest.raises(HandlerError) as caught:
        asyncio.run(router.adispatch(EVENT))
    (error,) = caught.value.errors
    assert isinstance(error.__cause__, asyncio.CancelledError)
    assert ran == [EVENT]


@pytest.mark.parametrize(
    "dispatch",
    [Router.dispatch, lambda router, event: asyncio.run(router.adispatch(event))],
    ids=["dispatch", "adispatch"],
)
def test_a_cancellation_out_of_a_sync_handler_is_a_failure(
    router: Router, dispatch: Callable[[Router, Any], None]
) -> None:
    ran: list[object] = []

    @router.on("user.created")
    def handler(event: object) -> None:
        raise asyncio.CancelledError

    router.on("user.created")(ran.append)
    with pytest.raises(HandlerError) as caught:
        dispatch(router, EVENT)
    (error,) = caught.value.errors
    assert isinstance(error.__cause__, asyncio.CancelledError)
    assert ran == [EVENT]


def test_the_end_of_a_loop_waits_for_a_running_sync_handler(
    router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    """When a loop ends, all its tasks are cancelled, that of the thread included."""
    error = LookupError()
    handler = Blocking(error)
    router.on("user.created")(handler)
    waiting: list[asyncio.Task[None]] = []

    async def release_when_cancelled() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            handler.released.set()

    async def main() -> None:
        waiting.append(asyncio.ensure_future(router.adispatch(EVENT)))
        assert await asyncio.to_thread(handler.begun.wait, 60)
        waiting.append(asyncio.ensure_future(release_when_cancelled()))
        await turns_of_the_loop()

    asyncio.run(main())
    assert handler.ended.is_set()
    assert waiting[0].cancelled()
    (record,) = caplog.records
    assert record.exc_info
    assert record.exc_info[1] is error


def test_a_call_that_is_still_queued_is_called_off(router: Router) -> None:
    ran: list[object] = []
    router.on("user.created")(ran.append)
    calls: list[Any] = []

    async def queue(call: Any) -> None:
        calls.append(call)
        await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.ensure_future(router.adispatch(EVENT, run_sync=queue))
        await turns_of_the_loop()
        others = asyncio.all_tasks() - {task, asyncio.current_task()}
        for each in (task, *others):
            each.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        calls[0]()

    asyncio.run(main())
    assert ran == []


def test_a_run_sync_that_does_not_make_the_call_is_a_failure(router: Router) -> None:
    ran: list[object] = []
    router.on("user.created")(ran.append)
    with pytest.raises(HandlerError, match="RuntimeError"):
        asyncio.run(router.adispatch(EVENT, run_sync=lambda call: asyncio.sleep(0)))
    assert ran == []
