"""A registered handler: the function, its name, how it is called, and the rules it must keep."""

from collections.abc import Callable
from functools import partial
from types import BuiltinMethodType, MethodType
from typing import Any

from .delivery import Delivery
from .errors import ConfigurationError
from .parameters import delivery_parameter
from .waiting import check_has_run

MAX_NAME = 255
"""The longest name of a handler, in characters: what the columns of the SQL stores hold."""


class RegisteredHandler:
    """A function that was registered for events.

    `function` takes ``(event)`` or ``(event, delivery)``. `name` stands for it in logs and stores;
    the default is its module and qualified name. With `drop_stale` it does not get events that are
    older than one that was handled before. Raises `ConfigurationError` if `function` cannot be
    called in either way.
    """

    __slots__ = (
        "drop_stale",
        "function",
        "has_own_name",
        "is_async",
        "name",
        "needs_delivery",
        "takes_delivery",
    )

    def __init__(
        self, function: Callable[..., object], name: str | None = None, *, drop_stale: bool = False
    ) -> None:
        if not callable(function):
            kind = type(function).__name__
            raise ConfigurationError(f"a handler is a function, not an object of type {kind}")
        if name is not None and (not isinstance(name, str) or not name):
            raise ConfigurationError("name: expected non-empty text")
        self.function = function
        self.name = name or _name(function)
        self.has_own_name = bool(name) or _has_own_name(function)
        self.drop_stale = drop_stale
        self.is_async = is_async_function(function, f"handler {self.name}")
        self.takes_delivery, self.needs_delivery = delivery_parameter(function, self.name)

    def call(self, event: Any, delivery: Delivery | None) -> object:
        """Call the function and return its result, which the caller awaits if it can be awaited.

        Raises `ConfigurationError` if that is a generator, of which nothing has run.
        """
        if self.takes_delivery and delivery is not None:
            result = self.function(event, delivery)
        else:
            result = self.function(event)
        if result is not None:
            check_has_run(result)
        return result

    @property
    def identity(self) -> object:
        """Equal for the same function: a bound method is a new object each time it is looked up."""
        function = self.function
        if isinstance(function, MethodType):
            return id(function.__self__), id(function.__func__)
        if isinstance(function, BuiltinMethodType):  # Such as `[].append`, equal in this sense.
            return function
        return id(function)


def _name(function: Callable[..., object]) -> str:
    """``module.qualname``; for objects that have none, such as partials, that of their type."""
    named = function if hasattr(function, "__qualname__") else type(function)
    module = getattr(named, "__module__", None)  # Methods of built-in types have none.
    return f"{module}.{named.__qualname__}" if module else named.__qualname__


def _has_own_name(function: Callable[..., object]) -> bool:
    """Whether `_name` is for this function alone. All lambdas share a name, as do all partials."""
    return getattr(function, "__qualname__", "<lambda>").rpartition(".")[2] != "<lambda>"


def is_async_function(function: Callable[..., object], name: str) -> bool:
    """Whether `function` is ``async``. Raises `ConfigurationError` if it is a generator function.

    `name` says what it is, for the error.
    """
    from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction

    while isinstance(function, partial):
        function = function.func
    kinds = (function, type(function).__call__)
    if any(isgeneratorfunction(kind) or isasyncgenfunction(kind) for kind in kinds):
        raise ConfigurationError(f"the {name} is a generator function: calling it runs nothing")
    return any(map(iscoroutinefunction, kinds))


def check_name(handler: RegisteredHandler, namesake: RegisteredHandler) -> None:
    """Check that a store can tell `handler` by its name, in every process and after every release.

    `namesake` is the first handler registered under that name. Raises `ConfigurationError`.
    """
    if not handler.has_own_name:
        raise ConfigurationError(
            f"the handler {handler.name} has no name of its own, and the store tells handlers "
            "apart by name: pass name= to on()"
        )
    if handler.identity != namesake.identity:
        raise ConfigurationError(
            f"two handlers are named {handler.name}, so the store cannot tell them apart: pass "
            "name= to on()"
        )
    if len(handler.name) > MAX_NAME:
        raise ConfigurationError(
            f"a handler's name is longer than {MAX_NAME} characters, more than some stores can "
            f"hold: pass name= to on(); it is {handler.name}"
        )
    if not handler.name.isprintable() or handler.name != handler.name.strip():
        raise ConfigurationError(
            "a handler's name begins or ends with a space, or has characters that cannot be "
            f"printed, and some stores would change it: pass another name= to on(); it is "
            f"{handler.name!r}"
        )


def check_needs_no_store(handler: RegisteredHandler, _: RegisteredHandler) -> None:
    """Check that `handler` works without a store. Raises `ConfigurationError`."""
    if handler.drop_stale:
        raise ConfigurationError(
            f"the handler {handler.name} has drop_stale=True, which needs a store: use an "
            "Endpoint or a Processor with store="
        )
