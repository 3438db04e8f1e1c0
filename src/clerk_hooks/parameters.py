"""What a handler is called with: the event alone, or the event and its delivery.

The second parameter gets the delivery if its name or its annotation says so. That annotation is
resolved alone, because those of other parameters may name what exists for type checkers only.
"""

import re
import sys
from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ForwardRef,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from .delivery import Delivery
from .errors import ConfigurationError

if TYPE_CHECKING:
    from inspect import Parameter, Signature

_RULE = (
    "a handler takes (event) or (event, delivery); name the second parameter delivery, or annotate "
    "it as Delivery; bind other arguments with functools.partial, or give them defaults"
)


def delivery_parameter(function: Callable[..., object], name: str) -> tuple[bool, bool]:
    """Whether `function` takes the delivery after the event, and whether it requires it.

    `name` stands for the function in errors. Raises `ConfigurationError` if the function cannot be
    called with an event, or requires anything other than the delivery beside it.
    """
    from inspect import Parameter

    try:
        parameters = [*_signature(function).parameters.values()]
    except (TypeError, ValueError):  # Some built-in functions have no readable signature.
        return False, False
    by_position = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    positional = [p for p in parameters if p.kind in by_position]
    required = [
        p
        for p in parameters
        if p.kind in (*by_position, Parameter.KEYWORD_ONLY) and p.default is Parameter.empty
    ]
    if positional and positional[0].name in ("self", "cls"):
        raise ConfigurationError(
            f"the handler {name} is a method without its object: {positional[0].name} would be the "
            "event; register the bound method of an object"
        )
    takes_event = positional or any(p.kind is Parameter.VAR_POSITIONAL for p in parameters)
    if not takes_event or any(p not in positional[:2] for p in required):
        raise ConfigurationError(f"the handler {name} cannot be called with an event: {_RULE}")
    if len(positional) < 2:
        return False, False
    second = positional[1]
    takes, is_required = _is_for_the_delivery(second, function, name), second in required
    if is_required and not takes:
        raise ConfigurationError(f"the handler {name} requires {second.name!r}: {_RULE}")
    return takes, is_required


def _signature(function: Callable[..., object]) -> "Signature":
    """What `function` itself takes; if it is a wrapper that takes anything, what it wraps."""
    from inspect import Parameter, signature

    if sys.version_info >= (3, 14):  # Annotations are not resolved before they are asked for.
        from annotationlib import Format

        signature = partial(signature, annotation_format=Format.FORWARDREF)
    try:
        own = signature(function, follow_wrapped=False)
    except ValueError:  # `functools.lru_cache` makes wrappers without a signature of their own.
        return signature(function)
    kinds = [parameter.kind for parameter in own.parameters.values()]
    return signature(function) if Parameter.VAR_POSITIONAL in kinds else own


def _is_for_the_delivery(second: "Parameter", function: Callable[..., object], name: str) -> bool:
    if second.annotation is second.empty:
        is_meant = None
    else:
        is_meant = _holds_a_delivery(second.annotation, _globals(function))
    if second.name.strip("_") not in ("delivery", ""):
        return is_meant is True
    if is_meant is False:
        raise ConfigurationError(
            f"the handler {name} would get the delivery as {second.name!r}, whose annotation says "
            f"otherwise: {_RULE}"
        )
    return True


def _holds_a_delivery(annotation: Any, names: Mapping[str, Any]) -> bool | None:
    """Whether a parameter with this annotation is for a delivery; None if that is open.

    `names` are the globals with which text is resolved.
    """
    if isinstance(annotation, (str, ForwardRef)):
        text = annotation if isinstance(annotation, str) else annotation.__forward_arg__
        try:
            annotation = _resolved(text, names)
        except Exception:  # noqa: BLE001 - a name may exist for type checkers only, and be anything
            return True if re.search(r"\bDelivery\b", text) else None
    if any(annotation is each for each in (Any, object, Delivery)):
        return True
    origin = get_origin(annotation)
    if origin is Annotated:
        return _holds_a_delivery(get_args(annotation)[0], names)
    if origin in (Union, UnionType):
        members = [_holds_a_delivery(member, names) for member in get_args(annotation)]
        return True if True in members else None if None in members else False
    kind = origin or annotation
    if not isinstance(kind, type) or getattr(kind, "_is_protocol", False):
        return None
    return None if issubclass(Delivery, kind) else False


def _resolved(text: str, names: Mapping[str, Any]) -> Any:
    holder = SimpleNamespace(__annotations__={"second": text})
    return get_type_hints(holder, dict(names))["second"]


def _globals(function: Any) -> Mapping[str, Any]:
    """The names of the module in which the parameters of `function` are annotated."""
    from inspect import unwrap

    while isinstance(function, partial):
        function = function.func
    function = unwrap(function)
    if not hasattr(function, "__globals__"):  # A class, or an object that can be called.
        entry = "__init__" if isinstance(function, type) else "__call__"
        function = getattr(function, entry)
    names: Mapping[str, Any] = getattr(function, "__globals__", {})
    return names
