"""What the arguments of `Router.on` stand for: event types by name, by family, or by class.

And the patterns of an endpoint that hands over only some deliveries.
"""

from collections.abc import Iterable
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


class Only:
    """The event types that are handed over: ``"user.created"``, ``"user.*"``; all, without any.

    A family includes types that this version of the library does not know: a worker may be newer.

    Raises `ConfigurationError`: a misspelt pattern would leave out what somebody waits for.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        if isinstance(patterns, str) or not isinstance(patterns, Iterable):
            raise ConfigurationError('only takes several event types: only=("user.*",)')
        self.patterns = tuple(patterns)
        for pattern in self.patterns:
            if not isinstance(pattern, str):
                raise ConfigurationError(f"only takes event types by name, not {pattern!r}")
            if pattern != "*" and pattern not in PATTERNS:
                hint = did_you_mean(pattern, PATTERNS) or (
                    "; to hand over a type newer than this version, name its family, or leave out "
                    "only"
                )
                raise ConfigurationError(f"only: unknown event type {pattern!r}{hint}")
        self._prefixes = tuple(
            [pattern.removesuffix("*") for pattern in self.patterns if pattern.endswith("*")]
        )

    def leaves_out(self, event_type: str) -> bool:
        """Whether a delivery of this type is not handed over."""
        if not self.patterns:
            return False
        return event_type not in self.patterns and not event_type.startswith(self._prefixes)


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
