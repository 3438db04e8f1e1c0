"""Handlers of event types that this version of the library does not know."""

from typing import Any

import pytest

from clerk_hooks import ConfigurationError, Delivery, Processor, Router, parse_event
from clerk_hooks.event_types import EVENT_TYPES
from clerk_hooks.events import UnknownEvent


def first(event: Any) -> None: ...
def second(event: Any) -> None: ...
def third(event: Any) -> None: ...
def fourth(event: Any) -> None: ...


@pytest.fixture
def router() -> Router:
    return Router()


def test_a_named_type_is_handled_and_no_other(router: Router) -> None:
    router.on_unknown("user.promoted", "invoice.paid")(first)
    assert router.handlers_for("user.promoted") == (first,)
    assert router.handlers_for("invoice.paid") == (first,)
    assert router.handlers_for("invoice.sent") == ()
    assert router.handlers_for("user.created") == ()


def test_without_names_every_unknown_event_is_handled(router: Router) -> None:
    router.on_unknown()(first)
    assert router.handlers_for("user.promoted") == (first,)
    assert router.handlers_for("anything at all") == (first,)
    assert router.handlers_for("") == (first,)
    assert all(router.handlers_for(event_type) == () for event_type in EVENT_TYPES)


def test_it_needs_no_store(router: Router) -> None:
    ran: list[str] = []
    router.on_unknown()(lambda event: ran.append(event.type))
    delivery = Delivery("msg_1", 1_700_000_000, '{"type":"user.promoted","data":{}}')
    assert Processor(router).process(delivery) == "handled"
    assert ran == ["user.promoted"]


def test_the_handler_gets_the_raw_data(router: Router) -> None:
    seen: list[object] = []
    router.on_unknown("user.promoted")(seen.append)
    router.dispatch(parse_event({"type": "user.promoted", "data": {"to": ["chief"]}}))
    (event,) = seen
    assert isinstance(event, UnknownEvent)
    assert (event.type, event.data) == ("user.promoted", {"to": ["chief"]})


def test_a_type_named_later_is_still_seen_by_earlier_handlers_of_all(router: Router) -> None:
    router.on("*")(first)
    router.on_unknown()(second)
    router.on_unknown("user.promoted")(third)
    assert router.handlers_for("user.promoted") == (first, second, third)
    assert router.handlers_for("invoice.paid") == (first, second)


def test_a_type_named_earlier_is_seen_by_later_handlers_of_all(router: Router) -> None:
    router.on_unknown("user.promoted")(third)
    router.on("*")(first)
    router.on_unknown()(second)
    assert router.handlers_for("user.promoted") == (third, first, second)
    assert router.handlers_for("invoice.paid") == (first, second)


def test_handlers_stand_in_the_order_of_registration(router: Router) -> None:
    router.on_unknown()(second)
    router.on_unknown("user.promoted")(third)
    router.on("*")(first)
    router.on_unknown("user.promoted", "invoice.paid")(fourth)
    assert router.handlers_for("user.promoted") == (second, third, first, fourth)
    assert router.handlers_for("invoice.paid") == (second, first, fourth)
    assert router.handlers_for("invoice.sent") == (second, first)
    assert router.handlers_for("user.created") == (first,)


def test_a_handler_that_matches_an_unknown_event_twice_runs_once(router: Router) -> None:
    router.on_unknown("user.promoted", "user.promoted")(first)
    router.on_unknown()(first)
    router.on("*")(first)
    assert router.handlers_for("user.promoted") == router.handlers_for("invoice.paid") == (first,)


def test_an_included_router_sees_types_that_only_the_outer_one_names(router: Router) -> None:
    other = Router()
    other.on("*")(second)
    other.on_unknown("invoice.paid")(third)
    router.on_unknown("user.promoted")(first)
    router.include(other)
    assert router.handlers_for("user.promoted") == (first, second)
    assert router.handlers_for("invoice.paid") == (second, third)


def test_a_type_that_has_become_known_warns_and_is_registered(router: Router) -> None:
    with pytest.warns(
        UserWarning,
        match=r"knows user\.created, .* get a UserCreated: register it with on\('user\.created'",
    ) as warnings:
        decorator = router.on_unknown("user.created", "user.promoted")
    decorator(first)
    assert [warning.filename for warning in warnings] == [__file__]
    assert router.handlers_for("user.created") == (first,)
    assert router.handlers_for("user.promoted") == (first,)
    assert router.event_types == ("user.created",)
    assert router.unknown_event_types == ("user.promoted",)


@pytest.mark.parametrize(
    "value", ["*", "user.*", "invoice.*", None, 5, first, ["user.promoted"], b"user.promoted"]
)
def test_only_the_name_of_a_type_is_one(router: Router, value: Any) -> None:
    with pytest.raises(ConfigurationError, match="takes event types without wildcards, not "):
        router.on_unknown("user.promoted", value)
    assert router.event_types == router.unknown_event_types == ()
