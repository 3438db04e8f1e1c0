"""Handlers that a type checker must let pass. This file is checked, never run.

What they are called with stands in the router's documentation; `router_on_wrong.py` has those that
must not pass.
"""

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Any, Protocol, TypeVar

from typing_extensions import ParamSpec, assert_type

from clerk_hooks import Delivery, Router
from clerk_hooks.events import (
    AnyEvent,
    Event,
    KnownEvent,
    OrganizationCreated,
    OrganizationUpdated,
    SessionCreated,
    SessionEvent,
    UnknownEvent,
    User,
    UserCreated,
    UserDeleted,
    UserEvent,
    UserUpdated,
)

router = Router()
P = ParamSpec("P")
R = TypeVar("R")


class Database:
    """What applications bind to their handlers."""


# One type: one parameter or two, of any names, sync or async, whatever comes back.


@router.on("user.created")
def one(event: UserCreated) -> None:
    assert_type(event.data, User)


@router.on("user.created")
def two(event: UserCreated, delivery: Delivery) -> None: ...


@router.on("user.created")
def two_of_other_names(created: UserCreated, /, how_it_came: Delivery) -> None: ...


@router.on("user.created")
def optional(event: UserCreated, delivery: Delivery | None = None) -> None: ...


@router.on("user.created")
def defaults(event: UserCreated, *, database: Database | None = None) -> None: ...


@router.on("user.created")
async def coroutine(event: UserCreated) -> None: ...


@router.on("user.created")
async def coroutine_of_two(event: UserCreated, delivery: Delivery) -> int:
    return 1


@router.on("user.created")
def returns(event: UserCreated) -> str:
    return "anything"


@router.on("user.created")
def returns_an_awaitable(event: UserCreated) -> Awaitable[None]:
    return coroutine(event)


@router.on("user.created")
def anything(*arguments: object, **options: object) -> None: ...


# The parameter may be wider than the event.


@router.on("user.created")
def of_a_union(event: UserCreated | UserUpdated) -> None: ...


@router.on("user.created")
def of_the_family(event: UserEvent) -> None: ...


@router.on("user.created")
def of_any_user(event: Event[User]) -> None: ...


@router.on("user.created")
def of_all(event: AnyEvent) -> None: ...


@router.on("user.created")
def of_object(event: object, delivery: object) -> None: ...


@router.on("user.created")
def of_any(event: Any) -> None: ...


# The decorated function keeps its exact type.


async def called(event: UserCreated, delivery: Delivery) -> None:
    assert_type(one(event=event), None)
    assert_type(returns(event), str)
    assert_type(await coroutine(event), None)
    assert_type(await coroutine_of_two(event, delivery=delivery), int)
    defaults(event, database=Database())
    optional(event)
    two_of_other_names(event, how_it_came=delivery)


class Named(Protocol):
    """A function of a parameter `event`, which can be passed by that name."""

    def __call__(self, event: UserCreated) -> None: ...


by_name: Named = one


# Other callables.


class Service:
    def handle(self, event: UserCreated) -> None: ...

    async def handle_async(self, event: UserCreated, delivery: Delivery) -> None: ...

    @classmethod
    def of_class(cls, event: UserCreated) -> None: ...

    @staticmethod
    def static(event: UserCreated, delivery: Delivery) -> None: ...

    @router.on("user.created")
    @staticmethod
    def decorated(event: UserCreated) -> None: ...


class CallableService:
    def __call__(self, event: UserCreated) -> None: ...


class AsyncCallable:
    async def __call__(self, event: UserCreated, delivery: Delivery) -> None: ...


class Record:
    def __init__(self, event: UserCreated) -> None: ...


def with_database(event: UserCreated, database: Database) -> None: ...


def with_database_first(database: Database, event: UserCreated, delivery: Delivery) -> None: ...


def logged(function: Callable[P, R]) -> Callable[P, R]:
    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        return function(*args, **kwargs)

    return wrapper


service = Service()
router.on("user.created")(service.handle)
router.on("user.created")(service.handle_async)
router.on("user.created")(Service.of_class)
router.on("user.created")(Service.static)
assert_type(router.on("user.created")(CallableService()), CallableService)
assert_type(router.on("user.created")(AsyncCallable()), AsyncCallable)
assert_type(router.on("user.created")(Record), type[Record])
router.on("user.created")(partial(with_database, database=Database()))
router.on("user.created")(partial(with_database_first, Database()))
router.on("user.created")(print)
seen: list[object] = []
router.on("user.created")(seen.append)
queue: list[UserCreated] = []
router.on("user.created")(queue.append)


@router.on("user.created")
@logged
def wrapped(event: UserCreated, delivery: Delivery) -> None: ...


@logged
@router.on("user.created")
def wrapped_outside(event: UserCreated) -> None: ...


# Families, all, and created with updated.


@router.on("user.*")
def family(event: UserEvent) -> None:
    assert_type(event, UserCreated | UserUpdated | UserDeleted)


@router.on("session.*")
async def other_family(event: SessionEvent, delivery: Delivery) -> None: ...


@router.on("*")
def everything(event: AnyEvent) -> None: ...


@router.on("*")
def everything_spelt_out(event: KnownEvent | UnknownEvent, delivery: Delivery) -> None: ...


@router.on("*")
def everything_as_the_base(event: Event[Any]) -> None: ...


@router.on("user.created", "user.updated")
def saved(event: UserCreated | UserUpdated) -> None:
    assert_type(event.data, User)


@router.on("user.created", "user.updated")
def saved_as_the_base(event: Event[User], delivery: Delivery) -> None: ...


@router.on("organization.created", "organization.updated")
async def organization_saved(event: OrganizationCreated | OrganizationUpdated) -> None: ...


# Of other combinations the parameter may be anything.


@router.on("user.created", "session.created")
def combined(event: UserCreated | SessionCreated) -> None: ...


@router.on("user.updated", "user.created")
def combined_the_other_way_round(event: UserCreated | UserUpdated, delivery: Delivery) -> None: ...


@router.on("user.*", "organization.deleted", "email.created")
async def combined_with_a_family(event: AnyEvent) -> None: ...


# Names, and stacked decorators.


@router.on("user.created", name="welcome")
def named(event: UserCreated) -> None: ...


@router.on("user.*", name="family")
@router.on("user.created", "user.updated", name=None)
@router.on("user.created", "session.created", name="combined")
@router.on_unknown("user.promoted", name="promoted")
def stacked(event: AnyEvent) -> int:
    return 1


def called_too(event: UserCreated) -> None:
    assert_type(stacked(event), int)


@router.on("user.created")
@router.on("user.updated")
def stacked_of_two(event: UserCreated | UserUpdated) -> None: ...
