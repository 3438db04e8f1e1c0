"""What the arguments of `Router.on` stand for: event types by name, by family, or by class."""

from types import UnionType
from typing import Union, get_args, get_origin

from .errors import ConfigurationError
from .event_types import EVENT_TYPES, PATTERNS
from .registry import OTHERS
from .spelling import did_you_mean

_EVENTS = f"{__package__}.events."
# By name, because importing the classes would import pydantic.
_CLASSES = {
    (_EVENTS + module, name): event_type for event_type, (module, name) in EVENT_TYPES.items()
}


def event_types_of(arguments: tuple[object, ...]) -> frozenset[str]:
    """The event types that `arguments` stand for, and `OTHERS` if all unknown ones are among them.

    Raises `ConfigurationError`, which says what to write instead.
    """
    if not arguments:
        raise ConfigurationError('on takes event types: @router.on("user.created")')
    expanded = [_expand(argument) for argument in arguments]
    if len({isinstance(argument, str) for argument in arguments}) > 1:
        names = [each if isinstance(each, str) else str(_type_of(each)) for each in arguments]
        raise ConfigurationError(f"on takes names or classes, not both: {_call(names)}")
    return frozenset(event_type for event_types in expanded for event_type in event_types)


def _expand(argument: object) -> list[str]:
    if not isinstance(argument, str):
        event_type = _type_of(argument)
        if event_type is None:
            raise ConfigurationError(_instead_of(argument))
        return [event_type]
    if argument == "*":
        return [*EVENT_TYPES, OTHERS]
    if argument in EVENT_TYPES:
        return [argument]
    if argument in PATTERNS:
        return _members(argument.partition(".")[0])
    newer = "; for a type newer than this version use on_unknown"
    hint = did_you_mean(argument, PATTERNS) or newer
    raise ConfigurationError(f"unknown event type {argument!r}{hint}")


def _members(family: str) -> list[str]:
    return [event_type for event_type in EVENT_TYPES if event_type.startswith(family + ".")]


def _type_of(event: object) -> str | None:
    """The event type of a class of `clerk_hooks.events`; None for anything else."""
    return _CLASSES.get((event.__module__, event.__name__)) if isinstance(event, type) else None


def _call(names: list[str]) -> str:
    return "on(" + ", ".join(f'"{name}"' for name in names) + ")"


def _instead_of(argument: object) -> str:
    """What is wrong with an argument that stands for no event type, and what to write instead."""
    if isinstance(argument, (list, tuple, set, frozenset)):
        return (
            'on takes event types as separate arguments: on("user.created", "user.updated"), or '
            "on(*event_types)"
        )
    if get_origin(argument) in (Union, UnionType):
        classes = [member for member in get_args(argument) if _type_of(member)]
        if classes:
            return (
                f"on takes classes one by one, not a union of them: {_instead_of_a_union(classes)}"
            )
    for base in getattr(argument, "__mro__", ()):
        if _type_of(base) is not None:
            name = base.__name__
            return f"events are instances of {name}, never of a subclass of it: on({name})"
        if (base.__module__, base.__name__) == (_EVENTS + "_base", "UnknownEvent"):
            return "UnknownEvent is for handlers that are registered with on_unknown"
        if (base.__module__, base.__name__) == (_EVENTS + "_base", "Event"):
            return 'Event is the base of all events: on("*")'
    return f'not an event type or the class of an event: {argument!r}: @router.on("user.created")'


def _instead_of_a_union(classes: list[type]) -> str:
    event_types = {_type_of(each) for each in classes}
    families = {str(event_type).partition(".")[0] for event_type in event_types}
    if event_types == EVENT_TYPES.keys():
        return 'on("*")'
    if len(families) == 1 and event_types == {*_members(*families)}:
        return _call([f"{family}.*" for family in families])
    return "on(" + ", ".join(each.__name__ for each in classes) + ")"
