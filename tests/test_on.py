"""The typed overloads of `Router.on`, compared with the catalog of events."""

import inspect
from collections.abc import Callable, Iterable
from functools import reduce
from operator import or_
from typing import Any, ForwardRef, Literal, TypeVar, get_args, get_origin, get_type_hints

import pytest
from typing_extensions import Unpack, get_overloads

from clerk_hooks import Delivery, Router, _on, events
from clerk_hooks.event_types import EVENT_TYPES
from clerk_hooks.handler import RegisteredHandler
from clerk_hooks.router import registry_of

NAMES = {**vars(events), **vars(_on), **{name: getattr(events, name) for name in dir(events)}}
NAMES["Unpack"] = Unpack
FAMILIES = list(dict.fromkeys(event_type.partition(".")[0] for event_type in EVENT_TYPES))
PAIRS = [
    (name, name.replace("created", "updated"))
    for name in EVENT_TYPES
    if name.endswith(".created") and name.replace("created", "updated") in EVENT_TYPES
]
OVERLOADS = get_overloads(Router.on)


def positional(overload: Callable[..., Any]) -> list[Any]:
    """The types of its positional parameters."""
    hints = get_type_hints(overload, NAMES)
    return [
        hints[parameter.name]
        for parameter in inspect.signature(overload).parameters.values()
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY and parameter.name != "self"
    ]


def literals(overload: Callable[..., Any]) -> tuple[str, ...]:
    """The names that an overload takes; none for the one that takes any combination."""
    texts: list[str] = []
    for hint in positional(overload):
        (literal,) = [each for each in (hint, *get_args(hint)) if get_origin(each) is Literal]
        texts.extend(get_args(literal))
    assert len(texts) == len(positional(overload))
    return tuple(texts)


def takes_classes_alone(overload: Callable[..., Any]) -> bool:
    hints = positional(overload)
    return bool(hints) and all(get_origin(hint) is type for hint in hints)


OVERLOADS_OF_CLASSES = [each for each in OVERLOADS if takes_classes_alone(each)]
BY_LITERALS = {literals(each): each for each in OVERLOADS if not takes_classes_alone(each)}


def bound(overload: Callable[..., Any]) -> Any:
    """The handlers that an overload takes: it returns a decorator of a variable bound to them."""
    decorator = get_type_hints(overload, NAMES)["return"]
    ((taken,), returned) = get_args(decorator)
    assert isinstance(taken, TypeVar)
    assert returned is taken
    reference = taken.__bound__
    assert isinstance(reference, ForwardRef)
    return eval(reference.__forward_arg__, NAMES)


def event_class(event_type: str) -> Any:
    return getattr(events, EVENT_TYPES[event_type][1])


def union_of(event_types: Iterable[str]) -> Any:
    return reduce(or_, map(event_class, event_types))


def handlers_of(event: Any) -> Any:
    return Callable[[event], object] | Callable[[event, Delivery], object]


def test_no_overload_comes_twice() -> None:
    assert len(OVERLOADS) == len(BY_LITERALS) + len(OVERLOADS_OF_CLASSES)


def test_they_are_those_of_the_catalog_in_its_order() -> None:
    assert list(BY_LITERALS) == [
        *[(event_type,) for event_type in EVENT_TYPES],
        *[(f"{family}.*",) for family in FAMILIES],
        ("*",),
        *PAIRS,
        (),
    ]


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_the_handler_of_a_type_takes_the_event_of_that_type(event_type: str) -> None:
    assert bound(BY_LITERALS[(event_type,)]) == handlers_of(event_class(event_type))


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_a_type_is_given_by_its_name_or_by_its_class(event_type: str) -> None:
    (hint,) = positional(BY_LITERALS[(event_type,)])
    assert get_args(hint) == (Literal[event_type], type[event_class(event_type)])


def test_two_to_five_classes_are_those_of_any_events() -> None:
    assert len(OVERLOADS_OF_CLASSES) == 4
    for number, overload in enumerate(OVERLOADS_OF_CLASSES, 2):
        variables = [get_args(hint)[0] for hint in positional(overload)]
        assert len(set(variables)) == len(variables) == number
        assert all(variable.__bound__ == ForwardRef("Event[Any]") for variable in variables)
        registers = get_type_hints(overload, NAMES)["return"]
        assert get_origin(registers) is _on.Registers
        assert get_args(registers) == (reduce(or_, variables),)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_handler_of_a_family_takes_its_union(family: str) -> None:
    members = [name for name in EVENT_TYPES if name.startswith(f"{family}.")]
    assert bound(BY_LITERALS[(f"{family}.*",)]) == handlers_of(union_of(members))


def test_the_handler_of_all_takes_unknown_events_too() -> None:
    expected = handlers_of(union_of(EVENT_TYPES) | events.UnknownEvent)
    assert bound(BY_LITERALS[("*",)]) == expected


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0])
def test_the_handler_of_created_and_updated_takes_either(pair: tuple[str, str]) -> None:
    assert bound(BY_LITERALS[pair]) == handlers_of(union_of(pair))


def test_the_handler_of_any_other_combination_takes_what_it_says() -> None:
    assert bound(BY_LITERALS[()]) == handlers_of(Any)
    hints = get_type_hints(BY_LITERALS[()], NAMES)
    assert hints["event_types"] == _on.EventPattern


def test_each_overload_takes_the_options_of_on_by_keyword() -> None:
    (options,) = {get_type_hints(overload, NAMES)["options"] for overload in OVERLOADS}
    assert get_origin(options) is Unpack
    (of_the_overloads,) = get_args(options)
    assert not of_the_overloads.__required_keys__
    parameters = inspect.signature(Router.on).parameters.values()
    by_keyword = [each for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY]
    hints = get_type_hints(Router.on, NAMES)
    of_on = {parameter.name: hints[parameter.name] for parameter in by_keyword}
    assert get_type_hints(of_the_overloads) == of_on == {"name": str | None, "drop_stale": bool}
    assert {parameter.name: parameter.default for parameter in by_keyword} == {
        "name": None,
        "drop_stale": False,
    }


def test_drop_stale_is_a_matter_of_each_registration() -> None:
    router = Router()

    def handler(event: object) -> None: ...

    router.on("user.updated", drop_stale=True)(router.on("user.created")(handler))
    drops = {
        event_type: [handler.drop_stale for handler in registry_of(router).handlers_for(event_type)]
        for event_type in ("user.created", "user.updated")
    }
    assert drops == {"user.created": [False], "user.updated": [True]}


def test_each_overload_has_a_variable_of_its_own() -> None:
    variables = {get_type_hints(overload, NAMES)["return"] for overload in OVERLOADS}
    assert len(variables) == len(OVERLOADS)


def test_the_patterns_are_the_types_the_families_and_all() -> None:
    expected = [*EVENT_TYPES, *(f"{family}.*" for family in FAMILIES), "*"]
    assert list(get_args(_on.EventPattern)) == expected


def test_what_the_overloads_promise_runs() -> None:
    router = Router()
    for number, types in enumerate(BY_LITERALS):
        decorate: Callable[..., Any] = router.on
        decorate(*(types or get_args(_on.EventPattern)), name="a name")(lambda e, n=number: None)
    for event_type in EVENT_TYPES:
        pairs = sum(event_type in pair for pair in PAIRS)
        assert len(router.handlers_for(event_type)) == 4 + pairs


def test_the_overloads_take_what_a_handler_is_called_with() -> None:
    """`Handler` is one or two parameters, as `RegisteredHandler` calls them."""
    one, two = get_args(_on.Handler)
    assert [len(get_args(form)[0]) for form in (one, two)] == [1, 2]
    assert RegisteredHandler(lambda event, delivery: None).needs_delivery
