"""Handlers registered by class that a type checker must let pass. Checked, never run."""

from collections.abc import Callable
from functools import partial
from typing import Any

from typing_extensions import assert_type

from clerk_hooks import Delivery, Router
from clerk_hooks.events import (
    AnyEvent,
    EmailEvent,
    Event,
    OrganizationCreated,
    OrganizationUpdated,
    SessionCreated,
    SessionEnded,
    User,
    UserCreated,
    UserDeleted,
    UserEvent,
    UserUpdated,
)

router = Router()


# One class: the decorated function keeps its exact type.


@router.on(UserCreated)
def one(event: UserCreated) -> int:
    return 1


@router.on(UserCreated, name="a name", drop_stale=True)
async def two(event: UserCreated, delivery: Delivery) -> str:
    return ""


@router.on(UserCreated)
def optional(event: UserCreated, delivery: Delivery | None = None) -> None: ...


@router.on(UserDeleted)
def wider(event: UserEvent) -> None: ...


@router.on(EmailEvent)  # A family of one type: not a union.
def family_of_one(event: EmailEvent) -> None: ...


# Of several classes, the decorator comes last: it narrows what type checkers know of the function.
@router.on(SessionCreated, SessionEnded)
@router.on(UserCreated)
@router.on("user.updated")
def stacked(event: UserCreated | UserUpdated | SessionCreated | SessionEnded) -> None: ...


class Service:
    def handle(self, event: UserCreated) -> None: ...

    def handle_both(self, event: UserCreated | UserDeleted, delivery: Delivery) -> None: ...

    def __call__(self, event: UserCreated | UserDeleted) -> None: ...


def with_database(event: UserCreated | UserDeleted, database: object) -> None: ...


async def called(event: UserCreated, delivery: Delivery) -> None:
    assert_type(one(event=event), int)
    assert_type(await two(event, delivery=delivery), str)
    optional(event)
    assert_type(router.on(UserCreated)(Service()), Service)
    router.on(UserCreated)(Service().handle)
    router.on(UserCreated)(print)


# Two to five classes, in any combination and order.


@router.on(UserCreated, UserDeleted)
def both(event: UserCreated | UserDeleted) -> int:
    return 1


@router.on(UserDeleted, UserCreated, name="a name", drop_stale=True)
async def both_async(event: UserCreated | UserDeleted, delivery: Delivery) -> str:
    return ""


@router.on(UserCreated, UserUpdated)
def saved(event: UserCreated | UserUpdated) -> None:
    assert_type(event.data, User)


@router.on(UserCreated, UserUpdated)
def saved_as_the_base(event: Event[User], delivery: Delivery) -> None: ...


@router.on(UserCreated, UserUpdated, SessionCreated)
def three(event: UserCreated | UserUpdated | SessionCreated) -> None: ...


@router.on(UserCreated, UserUpdated, UserDeleted, SessionCreated)
async def four(event: UserEvent | SessionCreated, delivery: Delivery) -> None: ...


@router.on(UserCreated, UserUpdated, UserDeleted, OrganizationCreated, OrganizationUpdated)
def five(event: UserEvent | OrganizationCreated | OrganizationUpdated) -> None: ...


@router.on(UserCreated, UserDeleted)
def of_all(event: AnyEvent) -> None: ...


@router.on(UserCreated, UserDeleted)
def of_any(event: Any, delivery: Delivery) -> None: ...


@router.on(UserCreated, UserDeleted)
def delivery_with_a_default(event: UserEvent, delivery: Delivery | None = None) -> None: ...


async def called_with_either(event: UserCreated | UserDeleted, delivery: Delivery) -> None:
    assert_type(both, Callable[[UserCreated | UserDeleted], int])
    assert_type(both(event), int)
    assert_type(await both_async(event, delivery), str)
    # The handlers that take a delivery are tried first, so such a default is not seen.
    delivery_with_a_default(event, delivery)
    router.on(UserCreated, UserDeleted)(Service())
    router.on(UserCreated, UserDeleted)(Service().handle_both)
    router.on(UserCreated, UserDeleted)(partial(with_database, database=None))
    router.on(UserCreated, UserDeleted)(print)
    seen: list[object] = []
    router.on(UserCreated, UserDeleted)(seen.append)


# What a router handles, for another one.


def enqueued(work: Router) -> None:
    @router.on(*work.event_types, name="enqueue")
    def enqueue(event: AnyEvent, delivery: Delivery) -> int:
        return 1

    @router.on_unknown(*work.unknown_event_types)
    def enqueue_unknown(event: AnyEvent) -> None: ...

    assert_type(enqueue(SessionCreated.model_construct(), Delivery("msg_1", 1, b"")), int)
    enqueue_unknown(SessionCreated.model_construct())
