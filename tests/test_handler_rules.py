"""Which handlers may go with a store, and which without one."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from clerk_hooks import ConfigurationError, Endpoint, MemoryStore, Router
from clerk_hooks.handler import MAX_NAME

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def takes_all(event: object) -> None: ...


def drops(event: object) -> None: ...


class Service:
    def handle(self, event: object) -> None: ...

    def __call__(self, event: object) -> None: ...


def closure() -> Callable[[object], None]:
    def handler(event: object) -> None: ...

    return handler


def with_store(router: Router) -> Endpoint:
    return Endpoint(router, secret=SECRET, store=MemoryStore())


def register(router: Router, *functions: Any, name: str | None = None) -> None:
    for function in functions:
        router.on("user.created", name=name)(function)


NAMELESS = [lambda event: None, partial(takes_all), Service()]
CLASHING = [
    (closure(), closure()),
    (Service().handle, Service().handle),
]
each_nameless = pytest.mark.parametrize("function", NAMELESS, ids=["lambda", "partial", "object"])
each_clash = pytest.mark.parametrize("functions", CLASHING, ids=["closures", "methods"])


@each_nameless
def test_a_handler_without_a_name_is_refused_with_a_store(function: Any) -> None:
    router = Router()
    register(router, function)
    with pytest.raises(ConfigurationError, match=r"no name of its own.*pass name="):
        with_store(router)
    Endpoint(router, secret=SECRET)


@each_nameless
def test_a_name_that_is_given_will_do(function: Any) -> None:
    router = Router()
    register(router, function, name="a name")
    with_store(router)


@each_clash
def test_two_handlers_of_one_name_are_refused_with_a_store(functions: Any) -> None:
    router = Router()
    register(router, *functions)
    with pytest.raises(ConfigurationError, match=r"two handlers are named .*pass name="):
        with_store(router)
    Endpoint(router, secret=SECRET)


def test_two_handlers_that_are_given_one_name_are_refused_with_a_store() -> None:
    router = Router()
    register(router, takes_all, drops, name="a name")
    with pytest.raises(ConfigurationError, match="two handlers are named a name"):
        with_store(router)


def test_one_handler_may_be_registered_for_many_events() -> None:
    router, service = Router(), Service()
    router.on("user.created")(router.on("user.updated", "session.*")(takes_all))
    router.on("user.created")(service.handle)
    router.on("user.updated")(service.handle)
    with_store(router)


@pytest.mark.parametrize(("length", "will_do"), [(MAX_NAME, True), (MAX_NAME + 1, False)])
def test_a_name_has_an_end(length: int, will_do: bool) -> None:
    router = Router()
    register(router, takes_all, name=length * "é")
    if will_do:
        with_store(router)
    else:
        with pytest.raises(ConfigurationError, match=r"longer than 255 characters.*pass name="):
            with_store(router)


@pytest.mark.parametrize(
    "name",
    ["a name ", " a name", " ", "a\x00name", "a\nname", "a\u200bname", "a name\xa0", "\ud800"],
)
def test_a_name_is_one_that_every_store_keeps_as_it_is(name: str) -> None:
    router = Router()
    register(router, takes_all, name=name)
    with pytest.raises(
        ConfigurationError, match=r"some stores would change it: pass another name="
    ) as caught:
        with_store(router)
    assert str(caught.value).isprintable()
    Endpoint(router, secret=SECRET)


@pytest.mark.parametrize(
    "name", ["a name", "Größe", "a\N{SNOWMAN}", "'; DROP TABLE x; --", "%s :h ?"]
)
def test_a_name_may_have_whatever_can_be_printed(name: str) -> None:
    router = Router()
    register(router, takes_all, name=name)
    with_store(router)


@each_nameless
def test_later_registrations_are_held_to_the_same_and_leave_nothing_behind(function: Any) -> None:
    router = Router()
    with_store(router)
    with pytest.raises(ConfigurationError, match="no name of its own"):
        register(router, function)
    assert router.handlers_for("user.created") == ()


@each_clash
def test_later_clashes_are_found(functions: Any) -> None:
    first, second = functions
    router = Router()
    register(router, first)
    with_store(router)
    register(router, first)
    with pytest.raises(ConfigurationError, match="two handlers are named"):
        register(router, second)
    assert router.handlers_for("user.created") == (first,)


def test_a_clash_between_unknown_and_known_events_is_one_too() -> None:
    router = Router()
    with_store(router)
    router.on_unknown(name="a name")(takes_all)
    with pytest.raises(ConfigurationError, match="two handlers are named a name"):
        register(router, drops, name="a name")


@each_nameless
def test_handlers_that_are_included_later_are_held_to_the_same(function: Any) -> None:
    router, other = Router(), Router()
    with_store(router)
    register(other, function)
    with pytest.raises(ConfigurationError, match="no name of its own"):
        router.include(other)
    assert router.handlers_for("user.created") == ()


@each_nameless
def test_a_router_with_a_handler_that_does_not_fit_is_not_included_in_part(
    function: Any,
) -> None:
    router, other = Router(), Router()
    with_store(router)
    register(other, takes_all)
    register(other, function)
    with pytest.raises(ConfigurationError, match="no name of its own"):
        router.include(other)
    assert router.handlers_for("user.created") == ()
    register(router, drops, name=f"{takes_all.__module__}.{takes_all.__qualname__}")
    assert router.handlers_for("user.created") == (drops,)


def test_names_clash_across_routers_once_one_includes_the_other() -> None:
    router, other = Router(), Router()
    register(router, takes_all, name="a name")
    register(other, drops, name="a name")
    with_store(router)
    with_store(other)
    with pytest.raises(ConfigurationError, match="two handlers are named"):
        router.include(other)


def test_dropping_stale_events_needs_a_store() -> None:
    router = Router()
    router.on("user.updated", drop_stale=True)(drops)
    with pytest.raises(ConfigurationError, match=r"drop_stale=True.*Endpoint .* with store="):
        Endpoint(router, secret=SECRET)
    with_store(router)


def test_dropping_stale_events_needs_a_store_also_of_handlers_that_come_later() -> None:
    router, other = Router(), Router()
    Endpoint(router, secret=SECRET)
    with pytest.raises(ConfigurationError, match="drop_stale=True"):
        router.on("user.updated", drop_stale=True)(drops)
    other.on("user.updated", drop_stale=True)(drops)
    with pytest.raises(ConfigurationError, match="drop_stale=True"):
        router.include(other)
    router.on("user.updated")(drops)


def test_an_endpoint_that_is_refused_makes_no_demands_later() -> None:
    router = Router()
    register(router, lambda event: None)
    with pytest.raises(ConfigurationError):
        with_store(router)
    register(router, lambda event: None)
