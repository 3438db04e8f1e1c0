"""What a target of `deliver` is. No framework is imported: its class or its signature tells."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..errors import InputTypeError
from ._clients import is_client

if TYPE_CHECKING:
    from collections.abc import Callable

Kind: TypeAlias = Literal["client", "async client", "asgi", "lambda", "wsgi"]


def kind_of(target: object) -> Kind:
    """The kind of `target`, if it is not an `Endpoint`. Raises `InputTypeError` if it has none."""
    if is_client(target):
        # Not `post`: that of Django 4.2 is not async itself, although it returns a coroutine.
        is_async = inspect.iscoroutinefunction(getattr(target, "request", None))
        return "async client" if is_async else "client"
    if not callable(target):
        raise InputTypeError(
            "target: expected an application, its test client, a Lambda handler or an Endpoint, "
            f"not {type(target).__name__}"
        )
    parameters = _positional_parameters(target)
    required = [parameter for parameter in parameters if parameter.default is parameter.empty]
    call = type(target).__call__  # An object's __call__ may be async.
    if len(required) == 3 or any(map(inspect.iscoroutinefunction, (target, call))):
        return "asgi"
    # The second parameter of a WSGI application is `start_response`, whatever its name. That of a
    # Lambda handler is called `context` in AWS's documentation, or marked as unused.
    if len(parameters) == 2 and parameters[1].name.strip("_") in {"context", "ctx", ""}:
        return "lambda"
    return "wsgi"


def _positional_parameters(function: Callable[..., object]) -> list[inspect.Parameter]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # Some C callables have no signature.
        return []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [parameter for parameter in parameters if parameter.kind in positional]
