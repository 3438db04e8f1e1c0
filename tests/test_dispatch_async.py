"""`Router.dispatch` with async handlers, for a synchronous caller."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextvars import ContextVar
from typing import Any

import pytest

from clerk_hooks import HandlerError, Router, parse_event

EVENT = parse_event({"type": "user.created", "data": {"id": "user_1"}})
variable: ContextVar[str] = ContextVar("variable", default="unset")


class Custom:
    """Awaitable, and neither coroutine nor future."""

    def __init__(self, coroutine: Awaitable[None]) -> None:
        self.coroutine = coroutine

    def __await__(self) -> Generator[Any, None, None]:
        return self.coroutine.__await__()


@pytest.fixture
def router() -> Router:
    return Router()


def test_an_async_handler_has_ended_when_dispatch_returns(router: Router) -> None:
    ran: list[object] = []

    @router.on("user.created")
    async def handler(event: object) -> None:
        await asyncio.sleep(0)
        ran.append(event)

    router.dispatch(EVENT)
    assert ran == [EVENT]


@pytest.mark.parametrize("wrap", [lambda coroutine: coroutine, Custom])
def test_what_comes_back_from_a_plain_function_is_awaited(
    router: Router, wrap: Callable[[Awaitable[None]], Awaitable[None]]
) -> None:
    ran: list[object] = []

    async def handler(event: object) -> None:
        await asyncio.sleep(0)
        ran.append(event)

    router.on("user.created")(lambda event: wrap(handler(event)))
    router.dispatch(EVENT)
    assert ran == [EVENT]


def test_an_async_callable_object_is_awaited(router: Router) -> None:
    class Service:
        def __init__(self) -> None:
            self.ran: list[object] = []

        async def __call__(self, event: object) -> None:
            await asyncio.sleep(0)
            self.ran.append(event)

    service = Service()
    router.on("user.created")(service)
    router.dispatch(EVENT)
    assert service.ran == [EVENT]


def test_handlers_run_one_after_the_other(router: Router) -> None:
    ran: list[str] = []

    @router.on("user.created")
    async def first(event: object) -> None:
        ran.append("first begins")
        await asyncio.sleep(0)
        ran.append("first ends")

    @router.on("user.created")
    async def second(event: object) -> None:
        ran.append("second")

    router.dispatch(EVENT)
    assert ran == ["first begins", "first ends", "second"]


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
