"""Handlers that a type checker must refuse. This file is checked, never run.

A `type: ignore` stands for both checkers, and each reports it where it finds nothing to ignore.
"""

from functools import partial
from typing import Any

from clerk_hooks import Delivery, Endpoint, Router
from clerk_hooks.events import (
    OrganizationMembershipCreated,
    SessionCreated,
    UnknownEvent,
    User,
    UserCreated,
    UserDeleted,
    UserEvent,
    UserUpdated,
)

router = Router()

# The wrong event.


@router.on("user.created")  # type: ignore[type-var]
def of_another_type(event: UserUpdated) -> None: ...


@router.on("user.created")  # type: ignore[type-var]
async def of_another_type_async(event: SessionCreated) -> None: ...


@router.on("user.created")  # type: ignore[type-var]
def of_its_data(event: User) -> None: ...


@router.on("user.created")  # type: ignore[type-var]
def of_a_dict(event: dict[str, Any]) -> None: ...


@router.on("user.created")  # type: ignore[type-var]
def of_an_unknown_event(event: UnknownEvent) -> None: ...


@router.on("user.*")  # type: ignore[type-var]
def of_one_of_the_family(event: UserCreated) -> None: ...


@router.on("organization.*")  # type: ignore[type-var]
def of_another_family(event: UserEvent) -> None: ...


@router.on("*")  # type: ignore[type-var]
def of_a_family_alone(event: UserEvent) -> None: ...


@router.on("user.created", "user.updated")  # type: ignore[type-var]
def of_one_of_the_two(event: UserCreated) -> None: ...


@router.on("user.created", "user.updated")  # type: ignore[type-var]
def of_another_two(event: UserCreated | UserDeleted) -> None: ...


@router.on("user.updated")  # type: ignore[type-var]
@router.on("user.created")
def stacked(event: UserCreated) -> None: ...


# The wrong second parameter, and the wrong number of them.


@router.on("user.created")  # type: ignore[type-var]
def second_of_another_type(event: UserCreated, delivery: Endpoint) -> None: ...


@router.on("user.created")  # type: ignore[type-var]
def the_wrong_way_round(delivery: Delivery, event: UserCreated) -> None: ...


@router.on("user.created")  # type: ignore[type-var]
def none() -> None: ...


@router.on("user.created")  # type: ignore[type-var]
def three(event: UserCreated, delivery: Delivery, more: int) -> None: ...


@router.on("user.created")  # type: ignore[type-var]
def keyword_only(event: UserCreated, *, delivery: Delivery) -> None: ...


@router.on("user.created", "session.created")  # type: ignore[type-var]
def none_of_a_combination() -> None: ...


@router.on("user.created", "session.created")  # type: ignore[type-var]
def three_of_a_combination(event: Any, delivery: Delivery, more: int) -> None: ...


@router.on_unknown("user.promoted")  # type: ignore[type-var]
def none_unknown() -> None: ...


@router.on_unknown("user.promoted")  # type: ignore[type-var]
def of_a_known_event(event: UserCreated) -> None: ...


@router.on_unknown()  # type: ignore[type-var]
def second_unknown(event: UnknownEvent, delivery: str) -> None: ...


# Other callables.


class Service:
    def handle(self, event: UserUpdated) -> None: ...

    def __call__(self, event: UserUpdated) -> None: ...


def with_database(event: UserCreated, delivery: Delivery, database: object) -> None: ...


router.on("user.created")(Service().handle)  # type: ignore[type-var]
router.on("user.created")(Service())  # type: ignore[type-var]
router.on("user.created")(Service.handle)  # type: ignore[type-var]
router.on("user.created")(partial(with_database))  # pyright: ignore[reportArgumentType]
router.on("user.created")(lambda: None)  # type: ignore[type-var]
router.on("user.created")(lambda event, delivery, more: None)  # type: ignore[type-var]
router.on("user.created")("welcome")  # type: ignore[type-var]
router.on("user.created")(None)  # type: ignore[type-var]
sessions: list[SessionCreated] = []
router.on("user.created")(sessions.append)  # type: ignore[type-var]

# Misspelt event types, and other wrong arguments.


@router.on("user.create")  # type: ignore[call-overload,untyped-decorator]
def misspelt(event: UserCreated) -> None: ...


@router.on("organization_membership.created")  # type: ignore[call-overload,untyped-decorator]
def snake_case(event: OrganizationMembershipCreated) -> None: ...


router.on("user.created", "user.update")  # type: ignore[call-overload]
router.on("users.*")  # type: ignore[call-overload]
router.on("user.somethingNew")  # type: ignore[call-overload]
router.on("user.created", names="welcome")  # type: ignore[call-overload]
router.on("user.created", name=5)  # type: ignore[call-overload]
router.on("user.created", "user.updated", name=5)  # type: ignore[call-overload]
router.on(["user.created", "user.updated"])  # type: ignore[call-overload]
router.on("user.created", "session.created", 5)  # type: ignore[call-overload]
router.on_unknown("user.promoted", 5)  # type: ignore[arg-type]
router.on_unknown("user.promoted", name=5)  # type: ignore[arg-type]
text: str = input()
router.on(text)  # type: ignore[call-overload]


@router.on  # type: ignore[call-overload]
def without_a_call(event: UserCreated) -> None: ...


@router.on_unknown  # type: ignore[arg-type]
def without_a_call_either(event: UnknownEvent) -> None: ...
