"""What `on` takes, what it refuses, and what it suggests instead."""

from collections.abc import Callable
from typing import Any, Union, get_args

import pytest

from clerk_hooks import ConfigurationError, Router
from clerk_hooks.event_types import EVENT_TYPES
from clerk_hooks.events import (
    AnyEvent,
    Event,
    KnownEvent,
    SessionEnded,
    SessionEvent,
    UnknownEvent,
    User,
    UserCreated,
    UserDeleted,
    UserEvent,
)


def handler(event: Any) -> None: ...


def snake_case(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)


def refusal(*event_types: Any) -> str:
    router = Router()
    with pytest.raises(ConfigurationError) as caught:
        router.on(*event_types)(handler)
    assert router.event_types == ()
    return str(caught.value)


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("user.create", "user.created"),
        ("user.craeted", "user.created"),
        ("users.created", "user.created"),
        ("User.Created", "user.created"),
        ("USER.CREATED", "user.created"),
        (" user.created", "user.created"),
        ("user_created", "user.created"),
        ("user:deleted", "user.deleted"),
        ("organisation.created", "organization.created"),
        ("organizationMemberships.created", "organizationMembership.created"),
        ("subscriptionItem.cancelled", "subscriptionItem.canceled"),
        ("subscription.past_due", "subscription.pastDue"),
        ("subscriptionItem.freeTrialEnd", "subscriptionItem.freeTrialEnding"),
        ("waitlistentry.created", "waitlistEntry.created"),
        ("users.*", "user.*"),
        ("user*", "user.*"),
        ("user.**", "user.*"),
        ("organization_membership.*", "organizationMembership.*"),
        ("user", "user.*"),
    ],
)
def test_a_misspelt_type_raises_with_what_was_meant(misspelt: str, meant: str) -> None:
    assert refusal(misspelt) == (f"unknown event type {misspelt!r}: did you mean {meant!r}?")


@pytest.mark.parametrize("event_type", [name for name in EVENT_TYPES if snake_case(name) != name])
def test_clerks_older_spellings_are_recognised(event_type: str) -> None:
    assert f"did you mean {event_type!r}?" in refusal(snake_case(event_type))


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_a_letter_too_few_is_recognised(event_type: str) -> None:
    assert f"did you mean {event_type!r}?" in refusal(event_type[:-1])


@pytest.mark.parametrize("value", ["invoice.paid", "", ".", "?", "漢字"])
def test_what_is_like_no_type_may_be_a_newer_one(value: str) -> None:
    assert refusal(value).endswith("; for a type newer than this version use on_unknown")
    assert repr(value) in refusal(value)


def test_the_wrong_one_of_several_is_named_and_none_is_registered() -> None:
    assert refusal("user.created", "user.delete").startswith("unknown event type 'user.delete'")


@pytest.mark.parametrize(
    "value",
    [None, 5, b"user.created", {}, handler, User, object],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_what_stands_for_no_event_is_refused_with_an_example(value: Any) -> None:
    assert refusal(value) == (
        f'not an event type or the class of an event: {value!r}: @router.on("user.created")'
    )


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset])
def test_several_types_in_one_argument_are_refused(kind: Callable[[list[str]], object]) -> None:
    assert refusal(kind(["user.created", "user.updated"])) == (
        'on takes event types as separate arguments: on("user.created", "user.updated"), or '
        "on(*event_types)"
    )


@pytest.mark.parametrize(
    ("union", "instead"),
    [
        (UserEvent, 'on("user.*")'),
        (SessionEvent, 'on("session.*")'),
        (KnownEvent, 'on("*")'),
        (AnyEvent, 'on("*")'),
        (UserCreated | UserDeleted, "on(UserCreated, UserDeleted)"),
        (Union[UserCreated, SessionEnded], "on(UserCreated, SessionEnded)"),  # noqa: UP007 - older spelling
        (UserCreated | None, "on(UserCreated)"),
        (
            UserEvent | SessionEnded,
            f"on({', '.join(event.__name__ for event in (*get_args(UserEvent), SessionEnded))})",
        ),
    ],
    ids=["family", "family of five", "known", "any", "two", "of typing", "optional", "family and"],
)
def test_a_union_is_refused_with_what_to_write(union: Any, instead: str) -> None:
    assert refusal(union) == f"on takes classes one by one, not a union of them: {instead}"
    assert refusal(UserCreated, union) == refusal(union)


def test_a_union_of_other_things_is_refused_with_an_example() -> None:
    assert refusal(int | None).endswith('@router.on("user.created")')


def test_a_base_of_events_is_refused_with_what_to_write() -> None:
    assert refusal(Event) == refusal(Event[User]) == 'Event is the base of all events: on("*")'
    assert refusal(UnknownEvent).endswith("registered with on_unknown")


def test_a_subclass_of_an_event_is_refused_as_no_event_is_one() -> None:
    class Welcomed(UserCreated): ...

    class UserDeleted(UserCreated): ...  # Named as one of ours.

    for subclass in (Welcomed, UserDeleted):
        assert refusal(subclass) == (
            "events are instances of UserCreated, never of a subclass of it: on(UserCreated)"
        )


@pytest.mark.parametrize(
    ("events", "instead"),
    [
        (("user.created", UserDeleted), 'on("user.created", "user.deleted")'),
        ((UserDeleted, "user.created"), 'on("user.deleted", "user.created")'),
        ((UserDeleted, "session.*"), 'on("user.deleted", "session.*")'),
        (("*", UserDeleted), 'on("*", "user.deleted")'),
    ],
    ids=["name first", "class first", "family", "all"],
)
def test_names_with_classes_are_refused_with_the_names(events: Any, instead: str) -> None:
    assert refusal(*events) == f"on takes names or classes, not both: {instead}"


def test_no_types_are_refused_with_an_example() -> None:
    assert refusal() == 'on takes event types: @router.on("user.created")'


def test_the_decorator_without_a_call_is_refused_with_an_example() -> None:
    router = Router()
    with pytest.raises(ConfigurationError, match=r'@router\.on\("user\.created"\)'):

        @router.on
        def welcome(event: Any) -> None: ...

    with pytest.raises(ConfigurationError, match="on_unknown takes event types"):

        @router.on_unknown
        def newer(event: Any) -> None: ...

    assert router.event_types == ()


def test_the_misspelling_is_found_before_there_is_a_function() -> None:
    with pytest.raises(ConfigurationError, match="did you mean"):
        Router().on("user.create")
