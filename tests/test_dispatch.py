"""Running the handlers of one event: all of them, in order, with what they take."""

import json
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from clerk_hooks import (
    AbortDelivery,
    Delivery,
    HandlerError,
    InputTypeError,
    PayloadError,
    Router,
    parse_event,
)
from clerk_hooks.event_types import EVENT_TYPES
from clerk_hooks.events import UserCreated

EVENT = parse_event({"type": "user.created", "data": {"id": "user_1"}})


@pytest.fixture
def router() -> Router:
    return Router()


def delivery_of(payload: object) -> Delivery:
    return Delivery("msg_1", 1_700_000_000, json.dumps(payload).encode())


def failing_with(error: BaseException) -> Callable[[object], None]:
    def fails(event: object) -> None:
        raise error

    return fails


def test_the_handlers_run_in_the_order_of_registration(router: Router) -> None:
    ran: list[str] = []

    async def second(event: object) -> None:
        ran.append("second")

    router.on("user.created")(lambda event: ran.append("first"))
    router.on("user.*")(second)
    router.on("session.created")(lambda event: ran.append("none of this type"))
    router.on("*")(lambda event: ran.append("third"))
    router.dispatch(EVENT)
    assert ran == ["first", "second", "third"]


def test_a_delivery_gives_the_typed_event_and_itself(router: Router) -> None:
    seen: list[tuple[Any, Delivery]] = []
    router.on("user.created")(lambda event, delivery: seen.append((event, delivery)))
    delivery = delivery_of({"type": "user.created", "data": {"id": "user_2"}})
    router.dispatch(delivery)
    ((event, same),) = seen
    assert same is delivery
    assert isinstance(event, UserCreated)
    assert event.data.id == "user_2"


def test_all_handlers_get_one_and_the_same_event(router: Router) -> None:
    seen: list[object] = []
    router.on("user.created")(seen.append)
    router.on("user.created")(lambda event, delivery: seen.append(event))
    delivery = delivery_of({"type": "user.created", "data": {"id": "user_2"}})
    router.dispatch(delivery)
    assert seen[0] is seen[1] is delivery.event


def test_an_event_alone_reaches_handlers_that_do_not_need_a_delivery(router: Router) -> None:
    seen: list[object] = []
    router.on("user.created")(seen.append)
    router.on("user.created")(lambda event, delivery="its own": seen.append((event, delivery)))
    router.dispatch(EVENT)
    assert seen == [EVENT, (EVENT, "its own")]


def test_an_event_alone_for_a_handler_that_takes_two_says_what_is_missing(router: Router) -> None:
    ran: list[object] = []
    router.on("user.created")(ran.append)

    @router.on("user.created")
    def welcome(event: object, delivery: object) -> None:
        ran.append(event)

    expected = r"handler \S*welcome takes \(event, delivery\): dispatch a Delivery, not an event"
    with pytest.raises(InputTypeError, match=expected) as caught:
        router.dispatch(EVENT)
    assert caught.value.reason == "no_delivery"
    assert ran == []


@pytest.mark.parametrize("value", [None, 5, "text", [], (1, 2), object(), iter([]), "coroutine"])
def test_a_handler_may_return_anything(router: Router, value: object) -> None:
    ran: list[object] = []

    @router.on("user.created")
    def returns(event: object) -> object:
        return value

    router.on("user.created")(ran.append)
    router.dispatch(EVENT)
    assert ran == [EVENT]


def test_all_handlers_run_and_the_failures_come_together(router: Router) -> None:
    ran: list[object] = []
    first, second = ValueError("the first"), AbortDelivery("the second")
    router.on("user.created", name="one")(failing_with(first))
    router.on("user.created")(ran.append)
    router.on("user.created", name="two")(failing_with(second))
    with pytest.raises(HandlerError) as caught:
        router.dispatch(EVENT)
    assert ran == [EVENT]
    assert caught.value.errors == (first, second)
    assert str(caught.value) == (
        "2 of 3 handlers failed: one (ValueError), two (AbortDelivery)"
    )  # fmt: skip


def test_the_message_repeats_no_text_of_a_failure(router: Router) -> None:
    @router.on("user.created")
    def welcome(event: object) -> None:
        raise LookupError("ada@example.com")

    with pytest.raises(HandlerError) as caught:
        router.dispatch(EVENT)
    assert f"{welcome.__module__}.{welcome.__qualname__} (LookupError)" in str(caught.value)
    assert "ada@example.com" not in str(caught.value)


def test_a_failure_keeps_its_traceback_into_the_handler(router: Router) -> None:
    router.on("user.created")(failing_with(ValueError()))
    with pytest.raises(HandlerError) as caught:
        router.dispatch(EVENT)
    (error,) = caught.value.errors
    assert traceback.extract_tb(error.__traceback__)[-1].name == "fails"


def test_an_error_of_this_library_in_a_handler_is_a_failure_like_any_other(router: Router) -> None:
    @router.on("user.created")
    def parses(event: object) -> None:
        parse_event(b"not JSON")

    router.on("user.created")(failing_with(InputTypeError()))
    with pytest.raises(HandlerError) as caught:
        router.dispatch(EVENT)
    assert [type(error) for error in caught.value.errors] == [PayloadError, InputTypeError]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_ends_the_program_is_not_held_back(router: Router, kind: type[BaseException]) -> None:
    ran: list[object] = []
    router.on("user.created")(failing_with(ValueError()))
    router.on("user.created")(failing_with(kind()))
    router.on("user.created")(ran.append)
    with pytest.raises(kind):
        router.dispatch(EVENT)
    assert ran == []


def test_an_event_nobody_handles_is_not_parsed(router: Router) -> None:
    delivery = delivery_of({"type": "user.created", "data": "no user"})
    router.dispatch(delivery)
    router.on("session.created")(lambda event: None)
    router.dispatch(delivery)
    router.on("user.created")(lambda event: None)
    with pytest.raises(PayloadError):
        router.dispatch(delivery)


def test_a_payload_without_a_type_is_refused_though_nobody_listens(router: Router) -> None:
    with pytest.raises(PayloadError) as caught:
        router.dispatch(delivery_of({"data": {}}))
    assert caught.value.reason == "no_type"


@pytest.mark.parametrize(
    "value",
    [None, b"{}", {"type": "user.created"}, UserCreated, Router()],
    ids=lambda value: type(value).__name__,
)
def test_only_a_delivery_or_an_event_can_be_dispatched(router: Router, value: Any) -> None:
    router.on("*")(lambda event: None)
    expected = f"takes a Delivery or an event, not {type(value).__name__}"
    with pytest.raises(InputTypeError, match=expected):
        router.dispatch(value)


def test_a_handler_that_registers_another_does_not_run_it_yet(router: Router) -> None:
    ran: list[object] = []

    @router.on("user.created")
    def registers(event: object) -> None:
        router.on("user.created")(ran.append)

    router.dispatch(EVENT)
    assert ran == []
    router.dispatch(EVENT)
    assert ran == [EVENT]


def test_a_handler_may_dispatch(router: Router) -> None:
    ran: list[object] = []

    @router.on("user.created")
    def passes_on(event: object) -> None:
        router.dispatch(parse_event({"type": "invoice.paid"}))

    router.on_unknown("invoice.paid")(ran.append)
    router.dispatch(EVENT)
    assert len(ran) == 1


def test_ten_thousand_handlers_of_other_types_do_not_run(router: Router) -> None:
    ran: list[int] = []
    others = [event_type for event_type in EVENT_TYPES if event_type != "user.created"]
    for number in range(10_000):
        event_type = others[number % len(others)]
        router.on(event_type)(lambda event, number=number: ran.append(number))
    router.on("user.created")(lambda event: ran.append(-1))
    assert sum(len(router.handlers_for(event_type)) for event_type in others) == 10_000
    router.dispatch(EVENT)
    assert ran == [-1]
