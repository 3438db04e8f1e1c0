"""The rest of a router, as type checkers see it. This file is checked, never run."""

import asyncio
from collections.abc import Awaitable, Callable

from typing_extensions import assert_type

from clerk_hooks import Delivery, Router, parse_event
from clerk_hooks._on import EventType
from clerk_hooks.events import AnyEvent, Event, UnknownEvent, UserCreated

router = Router()


@router.on_unknown("user.promoted")
def named(event: UnknownEvent) -> None: ...


@router.on_unknown("user.promoted", "invoice.paid", name="newer")
async def named_of_two(event: UnknownEvent, delivery: Delivery) -> int:
    return 1


@router.on_unknown()
def every(event: UnknownEvent, delivery: Delivery | None = None) -> str:
    return "anything"


@router.on_unknown()
def wider(event: AnyEvent) -> None: ...


@router.on_unknown()
def widest(event: object) -> None: ...


async def called(event: UnknownEvent, delivery: Delivery) -> None:
    assert_type(named(event=event), None)
    assert_type(await named_of_two(event, delivery), int)
    assert_type(every(event), str)


async def on_the_loop(call: Callable[[], object]) -> object:
    return call()


def in_an_executor(call: Callable[[], object]) -> Awaitable[object]:
    return asyncio.get_running_loop().run_in_executor(None, call)


def dispatched(created: UserCreated, unknown: UnknownEvent, delivery: Delivery) -> None:
    assert_type(router.dispatch(delivery), None)
    router.dispatch(delivery.event)
    router.dispatch(created)
    router.dispatch(unknown)
    router.dispatch(parse_event(b"{}"))
    router.dispatch(delivery.payload)  # type: ignore[arg-type]
    router.dispatch(delivery.json())  # type: ignore[arg-type]
    router.dispatch(created.data)  # type: ignore[arg-type]
    router.dispatch(None)  # type: ignore[arg-type]
    router.dispatch(UserCreated)  # type: ignore[arg-type]


async def awaited(created: UserCreated, delivery: Delivery) -> None:
    assert_type(await router.adispatch(delivery), None)
    await router.adispatch(created)
    await router.adispatch(delivery, run_sync=None)
    await router.adispatch(delivery, run_sync=on_the_loop)
    await router.adispatch(delivery, run_sync=in_an_executor)
    await router.adispatch(delivery, run_sync=asyncio.to_thread)
    await router.adispatch(delivery, on_the_loop)  # type: ignore[call-arg]
    await router.adispatch(delivery, run_sync=lambda call: call())  # type: ignore[arg-type,return-value]
    await router.adispatch(delivery.payload)  # type: ignore[arg-type]


def read(event: Event[object]) -> None:
    assert_type(router.handlers_for("user.created"), tuple[Callable[..., object], ...])
    router.handlers_for(event.type)
    assert_type(router.event_types, tuple[EventType, ...])
    assert_type(router.unknown_event_types, tuple[str, ...])
    assert_type(router.include(Router()), None)
    router.handlers_for(UserCreated)  # type: ignore[arg-type]
    router.event_types = ()  # type: ignore[misc]
    router.include([router])  # type: ignore[arg-type]
    router.include()  # type: ignore[call-arg]
    Router("user.created")  # type: ignore[call-arg]
