"""Which handlers get the delivery, by the second parameter; and which cannot be handlers."""

import sys
from collections.abc import Callable, Hashable
from functools import partial, wraps
from types import ModuleType
from typing import Annotated, Any, Optional, Protocol, TypeVar, Union

import pytest

import clerk_hooks
from clerk_hooks import ConfigurationError, Delivery
from clerk_hooks.handler import RegisteredHandler

DELIVERY = Delivery("msg_1", 1_700_000_000, b"{}")

RIGHT_ANNOTATIONS = [
    "Delivery",
    "Renamed",
    "clerk_hooks.Delivery",
    "object",
    "Any",
    "Delivery | None",
    "Optional[Delivery]",
    "Union[int, Delivery]",
    "Annotated[Delivery, 'how it came']",
    "Annotated[Delivery | None, 'how it came']",
]
WRONG_ANNOTATIONS = [
    "int",
    "int | None",
    "Annotated[str, 'Delivery']",
    "list[Delivery]",
    "tuple[Delivery, int]",
    "type[Delivery]",
    "dict[str, object]",
    "Subclass",
]
OPEN_ANNOTATIONS = ["Hashable", "T", "Named", "int | T"]
"""Annotations that do not say whether a delivery fits; the name of the parameter decides."""


class Subclass(Delivery): ...


class Named(Protocol):
    message_id: str


NAMES: dict[str, object] = {
    "clerk_hooks": clerk_hooks,
    "Delivery": Delivery,
    "Renamed": Delivery,
    "Subclass": Subclass,
    "Named": Named,
    "T": TypeVar("T"),
    "Hashable": Hashable,
    "Annotated": Annotated,
    "Any": Any,
    "Optional": Optional,
    "Union": Union,
}


def defined(source: str, *, as_text: bool) -> Any:
    """`h` of `source`, defined in a module of its own, whose annotations are text if `as_text`."""
    module = ModuleType("handlers")
    vars(module).update(NAMES)
    header = "from __future__ import annotations\n" if as_text else ""
    exec(compile(header + source, "handlers", "exec", dont_inherit=True), vars(module))
    return vars(module)["h"]


def is_given_the_delivery(function: Callable[..., Any]) -> bool:
    handler = RegisteredHandler(function)
    handler.call("event", DELIVERY)
    return handler.takes_delivery


as_text = pytest.mark.parametrize("as_text", [False, True], ids=["objects", "text"])


@as_text
@pytest.mark.parametrize("annotation", RIGHT_ANNOTATIONS)
@pytest.mark.parametrize("default", ["", " = None"])
def test_an_annotation_that_is_for_the_delivery_gets_it(
    annotation: str, default: str, as_text: bool
) -> None:
    source = f"def h(event: int, how_it_came: {annotation}{default}): assert how_it_came"
    assert is_given_the_delivery(defined(source, as_text=as_text))


@as_text
@pytest.mark.parametrize("annotation", WRONG_ANNOTATIONS + OPEN_ANNOTATIONS)
def test_a_second_parameter_of_another_type_is_refused(annotation: str, as_text: bool) -> None:
    function = defined(f"def h(event: int, tasks: {annotation}): ...", as_text=as_text)
    with pytest.raises(
        ConfigurationError,
        match=r"handlers\.h requires 'tasks': .*\(event, delivery\).*functools\.partial.*default",
    ):
        RegisteredHandler(function)


@as_text
@pytest.mark.parametrize("annotation", WRONG_ANNOTATIONS + OPEN_ANNOTATIONS)
def test_with_a_default_it_is_left_alone(annotation: str, as_text: bool) -> None:
    source = f"def h(event: int, tasks: {annotation} = 5): assert tasks == 5"
    assert not is_given_the_delivery(defined(source, as_text=as_text))


def test_a_second_parameter_without_annotation_must_be_named_delivery() -> None:
    with pytest.raises(ConfigurationError, match="requires 'received'"):
        RegisteredHandler(lambda event, received: None)
    assert not is_given_the_delivery(lambda event, received=5: received / 5)


@pytest.mark.parametrize("name", ["delivery", "_delivery", "delivery_", "_", "__"])
@as_text
@pytest.mark.parametrize("annotation", ["", *RIGHT_ANNOTATIONS, *OPEN_ANNOTATIONS])
def test_a_parameter_named_delivery_gets_it(name: str, annotation: str, as_text: bool) -> None:
    colon = ": " if annotation else ""
    for default in ("", " = None"):
        source = f"def h(event, {name}{colon}{annotation}{default}): assert {name}"
        assert is_given_the_delivery(defined(source, as_text=as_text))


@pytest.mark.parametrize("name", ["delivery", "_"])
@as_text
@pytest.mark.parametrize("annotation", WRONG_ANNOTATIONS)
def test_a_parameter_named_delivery_of_another_type_is_refused(
    name: str, annotation: str, as_text: bool
) -> None:
    for default in ("", " = 5"):
        source = f"def h(event, {name}: {annotation}{default}): ..."
        with pytest.raises(ConfigurationError, match=f"the delivery as '{name}', whose annotation"):
            RegisteredHandler(defined(source, as_text=as_text))


@pytest.mark.parametrize("annotation", ["'Delivery'", "'Delivery | None'", "Optional['Delivery']"])
@as_text
def test_a_quoted_annotation_is_resolved(annotation: str, as_text: bool) -> None:
    source = f"def h(event: 'Nowhere', received: {annotation}): ..."
    assert is_given_the_delivery(defined(source, as_text=as_text))
    with pytest.raises(ConfigurationError, match="whose annotation says otherwise"):
        RegisteredHandler(defined("def h(event, delivery: 'int'): ...", as_text=as_text))


# What only a type checker imports. From Python 3.14 on such annotations need not be text.

needs_314 = pytest.mark.skipif(sys.version_info < (3, 14), reason="a NameError at the definition")
unresolved = pytest.mark.parametrize(
    "as_text", [True, pytest.param(False, marks=needs_314)], ids=["text", "objects"]
)


@unresolved
@pytest.mark.parametrize(
    "annotation", ["Delivery", "clerk.Delivery", "Delivery | None", "Annotated[Delivery, 1]"]
)
def test_an_unresolvable_annotation_counts_by_its_word(annotation: str, as_text: bool) -> None:
    source = f"del Delivery\ndef h(event: UserCreated, received: {annotation}) -> Nowhere: ..."
    assert is_given_the_delivery(defined(source, as_text=as_text))


@unresolved
def test_an_unresolvable_annotation_without_that_word_is_of_another_type(as_text: bool) -> None:
    for annotation in ("BackgroundTasks", "VerifiedDelivery", "Deliveries", "dict[str, Nowhere]"):
        function = defined(f"def h(event: UserCreated, tasks: {annotation}): ...", as_text=as_text)
        with pytest.raises(ConfigurationError, match="requires 'tasks'"):
            RegisteredHandler(function)
    right_by_name = "def h(event: UserCreated, delivery: NotImported): ..."
    assert is_given_the_delivery(defined(right_by_name, as_text=as_text))


@unresolved
def test_what_cannot_be_resolved_elsewhere_does_not_matter(as_text: bool) -> None:
    assert not is_given_the_delivery(defined("def h(event: Nowhere) -> Gone: ...", as_text=as_text))
    source = "def h(event: Nowhere, received: Renamed, *, other: Gone = 1) -> Gone: ..."
    assert is_given_the_delivery(defined(source, as_text=as_text))


# Other callables.


HowItCame = Delivery


class Service:
    def handle(self, event: "Nowhere", received: "HowItCame") -> None: ...  # type: ignore[name-defined]  # noqa: F821

    def other(self, event: object, tasks: "int") -> None: ...

    def __call__(self, event: object, received: "HowItCame") -> None: ...


class Record:
    def __init__(self, event: object, received: "HowItCame") -> None: ...


def three(event: object, received: "HowItCame", database: "int") -> None: ...


def passing_on(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


@pytest.mark.parametrize(
    "function",
    [
        Service().handle,
        Service(),
        Record,
        passing_on(Service().handle),
        partial(three, database=5),
        partial(passing_on(three), database=5),
    ],
    ids=["method", "callable object", "class", "wrapped", "partial", "partial of wrapped"],
)
def test_text_is_resolved_for_every_kind_of_callable(function: Callable[..., Any]) -> None:
    assert is_given_the_delivery(function)
    with pytest.raises(ConfigurationError, match="requires 'tasks'"):
        RegisteredHandler(Service().other)


@pytest.mark.parametrize("name", ["self", "cls"])
@pytest.mark.parametrize("others", ["", ", event", ", event, delivery", ", event=None"])
def test_a_method_without_its_object_is_refused(name: str, others: str) -> None:
    function = defined(f"def h({name}{others}): ...", as_text=False)
    for each in (function, passing_on(function), partial(function)):
        with pytest.raises(ConfigurationError, match=f"{name} would be .* the bound method"):
            RegisteredHandler(each)
    RegisteredHandler(partial(defined("def h(self, event): ...", as_text=False), "an object"))
