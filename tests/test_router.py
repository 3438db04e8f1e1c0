"""The registry: which functions an event type runs, and in which order."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from clerk_hooks import ConfigurationError, Router, events, parse_event
from clerk_hooks.event_types import EVENT_TYPES

FAMILIES = sorted({event_type.partition(".")[0] for event_type in EVENT_TYPES})


def first(event: Any) -> None: ...
def second(event: Any) -> None: ...
def third(event: Any) -> None: ...


class Service:
    def __init__(self) -> None:
        self.events: list[Any] = []
        self.function = lambda event, events=self.events: events.append(event)
        self.partial = partial(Service.handle, self)

    def handle(self, event: Any) -> None:
        self.events.append(event)

    __call__ = handle


@pytest.fixture
def router() -> Router:
    return Router()


def test_the_function_comes_back_unchanged(router: Router) -> None:
    assert router.on("user.created")(first) is first
    assert router.on("user.*", "*", name="a name")(first) is first
    assert router.on_unknown("user.promoted")(first) is first
    assert not vars(first)


def test_a_handler_gets_the_types_it_names_and_no_other(router: Router) -> None:
    router.on("user.created", "session.ended")(first)
    for event_type in (*EVENT_TYPES, "user.promoted"):
        expected = (first,) if event_type in ("user.created", "session.ended") else ()
        assert router.handlers_for(event_type) == expected


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_all_of_its_types_and_no_other(router: Router, family: str) -> None:
    router.on(f"{family}.*")(first)
    for event_type in (*EVENT_TYPES, f"{family}.somethingNew", family, f"{family}.*"):
        expected = event_type in EVENT_TYPES and event_type.partition(".")[0] == family
        assert router.handlers_for(event_type) == ((first,) if expected else ())


def test_a_star_is_every_type_unknown_ones_included(router: Router) -> None:
    router.on("*")(first)
    for event_type in (*EVENT_TYPES, "user.somethingNew", "invoice.paid"):
        assert router.handlers_for(event_type) == (first,)


def test_handlers_stand_in_the_order_of_registration(router: Router) -> None:
    router.on("user.*")(third)
    router.on("user.created")(first)
    router.on("*")(second)
    assert router.handlers_for("user.created") == (third, first, second)
    assert router.handlers_for("user.deleted") == (third, second)


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_a_class_stands_for_its_type_and_no_other(router: Router, event_type: str) -> None:
    event: Any = getattr(events, EVENT_TYPES[event_type][1])
    assert router.on(event)(first) is first
    assert router.event_types == (event_type,)
    assert router.handlers_for(event_type) == (first,)


def test_several_classes_stand_for_their_types(router: Router) -> None:
    six = (
        events.UserCreated,
        events.UserUpdated,
        events.UserDeleted,
        events.SessionCreated,
        events.SessionEnded,
        events.EmailCreated,
    )
    for number in range(2, 7):
        router = Router()
        decorate: Any = router.on
        assert decorate(*six[:number], name="a name")(first) is first
        assert len(router.event_types) == number
    router.on(events.UserCreated)(second)
    router.on("user.created")(second)
    assert router.handlers_for("user.created") == (first, second)


def test_a_handler_registered_by_class_gets_its_events(router: Router) -> None:
    seen: list[object] = []
    router.on(events.UserCreated, events.UserDeleted)(seen.append)
    for event_type in ("user.created", "user.updated", "user.deleted"):
        router.dispatch(parse_event({"type": event_type, "data": {"id": "user_1"}}))
    assert [type(event) for event in seen] == [events.UserCreated, events.UserDeleted]


def test_decorators_stack(router: Router) -> None:
    @router.on("user.created")
    @router.on("session.created")
    @router.on_unknown("user.promoted")
    def handler(event: Any) -> None: ...

    for event_type in ("user.created", "session.created", "user.promoted"):
        assert router.handlers_for(event_type) == (handler,)


@pytest.mark.parametrize(
    "look_up",
    [
        pytest.param(lambda service: service.function, id="function"),
        pytest.param(lambda service: service.handle, id="bound method"),
        pytest.param(lambda service: service, id="callable object"),
        pytest.param(lambda service: service.events.append, id="built-in method"),
        pytest.param(lambda service: service.partial, id="partial"),
    ],
)
def test_a_handler_that_matches_twice_runs_once(
    router: Router, look_up: Callable[[Service], Callable[[Any], None]]
) -> None:
    service = Service()
    for event_types in (["user.created"], ["user.created", "user.*"], ["*"], ["user.created"]):
        router.on(*event_types)(look_up(service))
    router.on("user.created")(second)
    assert router.handlers_for("user.created") == (look_up(service), second)
    event = parse_event({"type": "user.created", "data": {"id": "user_1"}})
    router.dispatch(event)
    assert service.events == [event]


def test_methods_of_two_objects_both_run(router: Router) -> None:
    services = Service(), Service()
    for service in services:
        router.on("user.created")(service.handle)
    router.dispatch(parse_event({"type": "user.created", "data": {"id": "user_1"}}))
    assert [len(service.events) for service in services] == [1, 1]


def test_nothing_is_registered_before_the_decorator_is_applied(router: Router) -> None:
    router.on("user.created")
    assert router.handlers_for("user.created") == ()
    assert router.event_types == ()


def test_a_router_without_handlers_has_none(router: Router) -> None:
    assert router.handlers_for("user.created") == router.handlers_for("invoice.paid") == ()
    assert router.event_types == ()


def test_routers_do_not_share_handlers(router: Router) -> None:
    router.on("*")(first)
    assert Router().handlers_for("user.created") == ()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_event_types_are_those_to_subscribe_to(router: Router, family: str) -> None:
    router.on(f"{family}.*")(first)
    expected = [name for name in EVENT_TYPES if name.startswith(f"{family}.")]
    assert list(router.event_types) == expected


def test_the_event_types_are_in_the_order_of_the_catalog(router: Router) -> None:
    router.on_unknown("zebra.born", "invoice.paid", "user.promoted")(second)
    router.on("user.created", "email.created")(first)
    router.on("session.created")(third)
    assert router.event_types == ("email.created", "session.created", "user.created")
    assert router.unknown_event_types == ("invoice.paid", "user.promoted", "zebra.born")


def test_on_takes_the_event_types_of_another_router(router: Router) -> None:
    work = Router()
    work.on("user.created", "session.*")(first)
    work.on_unknown("user.promoted")(first)
    router.on(*work.event_types)(second)
    router.on_unknown(*work.unknown_event_types)(second)
    assert router.event_types == work.event_types
    assert router.unknown_event_types == work.unknown_event_types == ("user.promoted",)


def test_a_star_needs_every_known_type(router: Router) -> None:
    router.on("*")(first)
    assert router.event_types == tuple(EVENT_TYPES)
    assert router.unknown_event_types == ()


def test_who_takes_any_unknown_event_needs_no_type_by_name(router: Router) -> None:
    router.on_unknown()(first)
    assert router.event_types == router.unknown_event_types == ()


def test_an_included_router_keeps_the_order_of_its_handlers(router: Router) -> None:
    other = Router()
    other.on("user.created")(second)
    other.on("user.*")(third)
    router.on("user.created")(first)
    router.include(other)
    assert router.handlers_for("user.created") == (first, second, third)
    assert router.handlers_for("user.deleted") == (third,)


def test_an_included_handler_that_is_there_already_keeps_its_place(router: Router) -> None:
    other = Router()
    other.on("user.created")(second)
    other.on("user.created")(first)
    router.on("user.created")(first)
    router.include(other)
    router.include(other)
    assert router.handlers_for("user.created") == (first, second)


def test_include_is_a_snapshot(router: Router) -> None:
    other = Router()
    other.on("user.created")(first)
    router.include(other)
    other.on("user.created")(second)
    router.on("user.created")(third)
    assert router.handlers_for("user.created") == (first, third)
    assert other.handlers_for("user.created") == (first, second)


def test_what_was_included_is_passed_on(router: Router) -> None:
    inner, outer = Router(), Router()
    inner.on("user.created")(first)
    outer.include(inner)
    router.include(outer)
    assert router.handlers_for("user.created") == (first,)


def test_a_router_may_include_itself(router: Router) -> None:
    router.on("user.created")(first)
    router.on("*")(second)
    router.include(router)
    assert router.handlers_for("user.created") == (first, second)
    assert router.handlers_for("invoice.paid") == (second,)


@pytest.mark.parametrize("value", [None, "router", first, Router])
def test_only_a_router_can_be_included(router: Router, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"a Router, not {type(value).__name__}"):
        router.include(value)


def test_a_name_stands_for_the_handler_and_survives_inclusion(
    router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(event: Any) -> None:
        raise RuntimeError

    other = Router()
    other.on("user.created", name="chosen")(fails)
    other.on_unknown(name="chosen too")(fails)
    router.include(other)
    for event_type, name in (("user.created", "chosen"), ("invoice.paid", "chosen too")):
        with pytest.raises(Exception, match=rf"1 of 1 handlers failed: {name} \(RuntimeError\)"):
            router.dispatch(parse_event({"type": event_type, "data": {"id": "x_1"}}))
        assert caplog.records.pop().handler == name  # type: ignore[attr-defined]


@pytest.mark.parametrize("register", [lambda r: r.on("user.created"), lambda r: r.on_unknown()])
def test_what_cannot_be_called_is_refused_and_not_registered(
    router: Router, register: Callable[[Router], Callable[[Any], Any]]
) -> None:
    for wrong in (None, lambda: None, lambda a, b, c: None):
        with pytest.raises(ConfigurationError):
            register(router)(wrong)
    assert router.handlers_for("user.created") == router.handlers_for("invoice.paid") == ()


def test_dispatch_refuses_handlers_that_drop_stale_events_as_it_has_no_store(
    router: Router,
) -> None:
    seen: list[object] = []
    router.on("user.*")(seen.append)
    router.on("user.updated", drop_stale=True)(first)
    updated, created = (
        parse_event({"type": event_type, "data": {"id": "user_1"}})
        for event_type in ("user.updated", "user.created")
    )
    refusal = pytest.raises(ConfigurationError, match=r"first has drop_stale=True.* a Processor")
    with refusal:
        router.dispatch(updated)
    with refusal:
        asyncio.run(router.adispatch(updated))
    assert seen == []
    router.dispatch(created)
    assert seen == [created]
