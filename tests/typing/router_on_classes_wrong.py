"""Handlers registered by class that a type checker must refuse. This file is checked, never run.

A `type: ignore` stands for both checkers, and each reports it where it finds nothing to ignore.
"""

from clerk_hooks import Delivery, Endpoint, Router
from clerk_hooks.events import (
    AnyEvent,
    Event,
    SessionCreated,
    SessionEnded,
    UnknownEvent,
    User,
    UserCreated,
    UserDeleted,
    UserEvent,
    UserUpdated,
)

router = Router()

# The wrong event.


@router.on(UserCreated)  # type: ignore[type-var]
def of_another_type(event: UserUpdated) -> None: ...


@router.on(UserCreated)  # type: ignore[type-var]
def of_its_data(event: User) -> None: ...


@router.on(UserCreated, UserDeleted)  # type: ignore[arg-type]
def of_one_of_the_two(event: UserCreated) -> None: ...


@router.on(UserUpdated, UserDeleted)  # type: ignore[arg-type]
async def of_neither(event: UserCreated) -> None: ...


@router.on(UserCreated, UserUpdated)  # type: ignore[arg-type]
def of_another_two(event: UserCreated | UserDeleted) -> None: ...


@router.on(UserCreated, UserUpdated, UserDeleted)  # type: ignore[arg-type]
def of_one_of_three(event: UserCreated, delivery: Delivery) -> None: ...


@router.on(UserCreated, UserUpdated, UserDeleted, SessionCreated)  # type: ignore[arg-type]
def of_three_of_four(event: UserEvent) -> None: ...


@router.on(UserCreated, UserUpdated, UserDeleted, SessionCreated, SessionEnded)  # type: ignore[arg-type]
def of_four_of_five(event: UserEvent | SessionCreated) -> None: ...


@router.on(UserDeleted)  # type: ignore[type-var]
@router.on(UserCreated)
def stacked(event: UserCreated) -> None: ...


# The wrong second parameter, and the wrong number of them.


@router.on(UserCreated)  # type: ignore[type-var]
def second_of_another_type(event: UserCreated, delivery: Endpoint) -> None: ...


@router.on(UserCreated, UserDeleted)  # type: ignore[arg-type]
def second_of_another_type_too(event: UserEvent, delivery: Endpoint) -> None: ...


@router.on(UserCreated, UserDeleted)  # type: ignore[arg-type]
def none() -> None: ...


@router.on(UserCreated, UserDeleted)  # type: ignore[arg-type]
def three(event: UserEvent, delivery: Delivery, more: int) -> None: ...


class Service:
    def handle(self, event: UserCreated) -> None: ...


router.on(UserCreated)(Service.handle)  # type: ignore[type-var]
router.on(UserCreated, UserDeleted)(Service().handle)  # type: ignore[arg-type]
router.on(UserCreated, UserDeleted)("welcome")  # type: ignore[call-overload]

# What is not the class of an event.

router.on(UserEvent)  # type: ignore[call-overload]
router.on(AnyEvent)  # type: ignore[call-overload]
router.on(Event)  # type: ignore[arg-type]
router.on(UnknownEvent)  # type: ignore[arg-type]
router.on(User)  # type: ignore[arg-type]
router.on(UserCreated, User)  # type: ignore[type-var]
router.on(UserCreated, "user.deleted")  # type: ignore[call-overload]
router.on("user.created", UserDeleted)  # type: ignore[call-overload]
router.on("user.created", UserUpdated)  # type: ignore[call-overload]
router.on([UserCreated, UserDeleted])  # type: ignore[call-overload]
router.on(UserCreated, names="a name")  # type: ignore[call-overload]
router.on(UserCreated, UserDeleted, drop_stale="yes")  # type: ignore[call-overload]
router.on_unknown(UserCreated)  # type: ignore[arg-type]
