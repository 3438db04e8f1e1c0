"""Registered handlers: which functions can be one, what they are called with, what they are."""

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial, wraps
from typing import Any

import pytest

from clerk_hooks import ConfigurationError, Delivery
from clerk_hooks.handler import RegisteredHandler

DELIVERY = Delivery("msg_1", 1_700_000_000, b"{}")
ALONE = ("event",)
BOTH = ("event", DELIVERY)


def one(event: Any) -> Any:
    return (event,)


def two(event: Any, whatever: Any) -> Any:
    return (event, whatever)


def three(event: Any, whatever: Any, more: Any) -> Any:
    return (event, whatever)


async def coroutine(event: Any) -> None: ...


def generator(event: Any) -> Iterator[None]:
    yield


async def async_generator(event: Any) -> AsyncIterator[None]:
    yield


class Methods:
    def one(self, event: Any) -> Any:
        return (event,)

    def two(self, event: Any, whatever: Any) -> Any:
        return (event, whatever)

    @staticmethod
    def static(event: Any, whatever: Any) -> Any:
        return (event, whatever)

    @classmethod
    def of_class(cls, event: Any, whatever: Any) -> Any:
        return (event, whatever)

    def none(self) -> None: ...

    async def coroutine(self, event: Any) -> None: ...


class CallableOfOne:
    def __call__(self, event: Any) -> Any:
        return (event,)


class CallableOfTwo:
    def __call__(self, event: Any, whatever: Any) -> Any:
        return (event, whatever)


class AsyncCallable:
    async def __call__(self, event: Any) -> None: ...


class GeneratorCallable:
    def __call__(self, event: Any) -> Iterator[None]:
        yield


class Pair:
    def __init__(self, event: Any, whatever: Any) -> None:
        self.arguments = (event, whatever)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.arguments)


class Nothing: ...


def passing_on(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator that passes on all it gets: the wrapped function decides what that is."""

    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def injecting(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator that itself passes the second argument, and is to be called with the event."""

    @wraps(function)
    def wrapper(event: Any) -> Any:
        return function(event, "a database")

    return wrapper


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        pytest.param(one, ALONE, id="one parameter"),
        pytest.param(lambda delivery: (delivery,), ALONE, id="one, of any name"),
        pytest.param(two, BOTH, id="two parameters"),
        pytest.param(lambda event, delivery, /: (event, delivery), BOTH, id="positional-only"),
        pytest.param(lambda event=0: (event,), ALONE, id="a default"),
        pytest.param(lambda event, other=0: (event,)[other:], ALONE, id="a second with a default"),
        pytest.param(lambda e, delivery=None: (e, delivery), BOTH, id="delivery with a default"),
        pytest.param(lambda e=0, delivery=0: (e, delivery), BOTH, id="both with defaults"),
        pytest.param(
            lambda e, delivery, third=0: (e, delivery)[third:], BOTH, id="a third with a default"
        ),
        pytest.param(lambda e, a=0, delivery=0: (e,)[a:], ALONE, id="delivery as the third"),
        pytest.param(lambda *arguments: arguments, ALONE, id="any number"),
        pytest.param(lambda event, *others: (event, *others), ALONE, id="one, and any number"),
        pytest.param(
            lambda e, delivery, *others: (e, delivery, *others), BOTH, id="two, and any number"
        ),
        pytest.param(lambda e, *, delivery=None: (e,), ALONE, id="keyword-only with a default"),
        pytest.param(lambda event, **others: (event,), ALONE, id="any keywords"),
        pytest.param(Methods().one, ALONE, id="method"),
        pytest.param(Methods().two, BOTH, id="method of two"),
        pytest.param(Methods.static, BOTH, id="static method"),
        pytest.param(Methods.of_class, BOTH, id="class method"),
        pytest.param(CallableOfOne(), ALONE, id="callable object"),
        pytest.param(CallableOfTwo(), BOTH, id="callable object of two"),
        pytest.param(Pair, BOTH, id="class"),
        pytest.param(partial(two, "bound"), ("bound", "event"), id="partial, one left"),
        pytest.param(partial(two, whatever="db"), ("event", "db"), id="partial by keyword"),
        pytest.param(partial(three, more=3), BOTH, id="partial, two left"),
        pytest.param(partial(partial(three, more=3)), BOTH, id="partial of a partial"),
        pytest.param(partial(CallableOfTwo()), BOTH, id="partial of a callable object"),
        pytest.param(passing_on(one), ALONE, id="wrapped"),
        pytest.param(passing_on(two), BOTH, id="wrapped, of two"),
        pytest.param(passing_on(passing_on(two)), BOTH, id="wrapped twice"),
        pytest.param(passing_on(Methods().two), BOTH, id="wrapped method"),
        pytest.param(injecting(two), ("event", "a database"), id="wrapper of other parameters"),
        pytest.param(lru_cache(two), BOTH, id="cached"),
    ],
)
def test_a_handler_is_called_with_what_it_takes(
    function: Callable[..., Any], arguments: tuple[object, ...]
) -> None:
    result: Any = RegisteredHandler(function).call("event", DELIVERY)
    assert tuple(result) == arguments


def test_a_built_in_gets_the_event() -> None:
    seen: list[object] = []
    RegisteredHandler(seen.append).call("event", DELIVERY)
    assert seen == ["event"]


def test_a_built_in_without_a_signature_gets_the_event() -> None:
    with pytest.raises(ValueError, match="signature"):
        inspect.signature(vars)
    record = Nothing()
    handler = RegisteredHandler(vars)
    assert handler.call(record, DELIVERY) is vars(record)
    assert not handler.needs_delivery


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(lambda: None, id="no parameter"),
        pytest.param(lambda a, b, c: None, id="three parameters"),
        pytest.param(lambda event, *, delivery: None, id="keyword-only delivery"),
        pytest.param(lambda *, event: None, id="keyword-only event"),
        pytest.param(lambda **event: None, id="keywords only"),
        pytest.param(lambda a, b, *, c: None, id="a required keyword"),
        pytest.param(Methods().none, id="method of none"),
        pytest.param(Nothing, id="class of none"),
        pytest.param(partial(one, "bound"), id="partial, none left"),
        pytest.param(passing_on(three), id="wrapped, of three"),
    ],
)
def test_what_cannot_be_called_with_an_event_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(
        ConfigurationError,
        match=r"cannot be called with an event: .* \(event\) or \(event, delivery\)",
    ):
        RegisteredHandler(function)


@pytest.mark.parametrize("value", [None, "welcome", 5, ["a", "list"]], ids=repr)
def test_what_is_no_function_is_refused(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"not an object of type {type(value).__name__}"):
        RegisteredHandler(value)


@pytest.mark.parametrize(
    "function",
    [generator, async_generator, GeneratorCallable(), partial(generator)],
    ids=["generator", "async generator", "callable object", "partial"],
)
def test_a_generator_function_is_refused_as_calling_it_runs_nothing(
    function: Callable[..., Any],
) -> None:
    with pytest.raises(ConfigurationError, match="generator function"):
        RegisteredHandler(function)


@pytest.mark.parametrize("made", [generator, async_generator, contextmanager(generator)])
def test_a_call_that_returns_a_generator_is_an_error_as_nothing_has_run(made: Any) -> None:
    def handle(event: object) -> object:
        return made(event)

    handler = RegisteredHandler(handle)
    with pytest.raises(ConfigurationError, match="returned a generator, of which nothing has run"):
        handler.call("event", None)


@pytest.mark.parametrize(
    ("function", "is_async"),
    [
        pytest.param(one, False, id="function"),
        pytest.param(coroutine, True, id="async function"),
        pytest.param(Methods().one, False, id="method"),
        pytest.param(Methods().coroutine, True, id="async method"),
        pytest.param(CallableOfOne(), False, id="callable object"),
        pytest.param(AsyncCallable(), True, id="async callable object"),
        pytest.param(partial(coroutine), True, id="partial of an async function"),
        pytest.param(partial(AsyncCallable()), True, id="partial of an async callable object"),
        pytest.param(passing_on(coroutine), False, id="function around an async function"),
    ],
)
def test_async_is_what_python_says_is_async(function: Callable[..., Any], is_async: bool) -> None:
    assert RegisteredHandler(function).is_async is is_async


def test_a_delivery_is_needed_only_where_there_is_no_default() -> None:
    assert RegisteredHandler(two).needs_delivery
    assert not RegisteredHandler(one).needs_delivery
    assert not RegisteredHandler(one).drop_stale
    optional = RegisteredHandler(lambda event, delivery=None: (event, delivery))
    assert not optional.needs_delivery
    assert optional.call("event", None) == ("event", None)


@pytest.mark.parametrize(
    ("function", "name"),
    [
        pytest.param(one, f"{__name__}.one", id="function"),
        pytest.param(Methods().two, f"{__name__}.Methods.two", id="method"),
        pytest.param(CallableOfTwo(), f"{__name__}.CallableOfTwo", id="callable object"),
        pytest.param(passing_on(one), f"{__name__}.one", id="wrapped"),
        pytest.param(partial(one), "functools.partial", id="partial"),
        pytest.param([].append, "list.append", id="built-in method"),
        pytest.param(vars, "builtins.vars", id="built-in function"),
        pytest.param({}.__contains__, "dict.__contains__", id="built-in method, wrapped"),
    ],
)
def test_the_name_is_module_and_qualified_name(function: Callable[..., Any], name: str) -> None:
    assert RegisteredHandler(function).name == name
    assert RegisteredHandler(function, "chosen").name == "chosen"


@pytest.mark.parametrize(
    "look_up",
    [
        pytest.param(lambda owner: owner.one, id="bound method"),
        pytest.param(lambda owner: owner.of_class, id="class method"),
        pytest.param(lambda owner: owner.static, id="static method"),
        pytest.param(lambda owner: vars(owner).setdefault, id="built-in method"),
    ],
)
def test_a_method_is_the_same_at_each_look_up(look_up: Callable[[Methods], Any]) -> None:
    owner = Methods()
    first, again = RegisteredHandler(look_up(owner)), RegisteredHandler(look_up(owner))
    assert first.identity == again.identity
    assert hash(first.identity) == hash(again.identity)


def test_methods_of_two_objects_are_two_handlers() -> None:
    first, second = Methods(), Methods()
    assert RegisteredHandler(first.one).identity != RegisteredHandler(second.one).identity
    assert RegisteredHandler(first.one).identity != RegisteredHandler(first.two).identity
    ours, theirs = [1], [1]
    assert RegisteredHandler(ours.append).identity != RegisteredHandler(theirs.append).identity
    assert RegisteredHandler(ours.append).identity != RegisteredHandler(ours.extend).identity


def test_objects_that_are_equal_are_two_handlers_all_the_same() -> None:
    class Equal(CallableOfOne):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]

    # Both live at once: an identity is unique only as long as its handler is kept.
    for first, second in ((Equal(), Equal()), (partial(one), partial(one))):
        assert RegisteredHandler(first).identity != RegisteredHandler(second).identity


def test_a_handler_gets_stale_events_unless_it_drops_them() -> None:
    assert not RegisteredHandler(one).drop_stale
    assert RegisteredHandler(one, drop_stale=True).drop_stale


@pytest.mark.parametrize("name", ["", 5, b"name"])
def test_a_name_that_is_none_is_refused(name: Any) -> None:
    with pytest.raises(ConfigurationError, match="name: expected non-empty text"):
        RegisteredHandler(one, name)
