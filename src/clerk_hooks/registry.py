"""The handlers of a router: which of them each event type runs, in which order.

`Router` is how users fill a registry; a `Processor` reads it. Its methods stay out of `Router`,
where users would see them.
"""

from collections.abc import Callable, Iterable
from threading import Lock
from typing import TypeAlias

from .event_types import EVENT_TYPES
from .handler import RegisteredHandler

Rule: TypeAlias = Callable[[RegisteredHandler, RegisteredHandler], None]
"""Takes a handler and the first one registered under the same name (mostly the same handler).
Raises `ConfigurationError` if the handler is not acceptable."""

_Registration: TypeAlias = tuple[frozenset[str], RegisteredHandler]
"""A handler, and the event types for which it was registered."""

OTHERS = "*"
"""Stands for all unknown event types that no registration names."""


class Registry:
    """Handlers by event type, in the order of their registration; each at most once per type."""

    __slots__ = ("_by_name", "_by_type", "_in_order", "_lock", "_registrations", "_rules")

    def __init__(self) -> None:
        self._registrations: list[_Registration] = []
        self._by_type: dict[str, dict[object, RegisteredHandler]] = {OTHERS: {}}
        # The same as tuples, built at registration, because every delivery reads them.
        self._in_order: dict[str, tuple[RegisteredHandler, ...]] = {OTHERS: ()}
        self._by_name: dict[str, RegisteredHandler] = {}
        self._rules: list[Rule] = []
        # Only for registration. A delivery meanwhile sees the handlers from before or after it.
        self._lock = Lock()

    def add(self, event_types: frozenset[str], handler: RegisteredHandler) -> None:
        """Register `handler` for `event_types`, of which one may be `OTHERS`.

        Raises what the rules raise; then nothing is registered.
        """
        self._add_all([(event_types, handler)])

    def include(self, other: "Registry") -> None:
        """Add every handler that `other` has now; if a rule raises, none of them."""
        self._add_all(other.registrations())

    def _add_all(self, registrations: Iterable[_Registration]) -> None:
        with self._lock:
            by_name = dict(self._by_name)
            for _, handler in registrations:
                first = by_name.setdefault(handler.name, handler)
                for rule in self._rules:
                    rule(handler, first)
            self._by_name = by_name
            for event_types, handler in registrations:
                self._add(event_types, handler)

    def _add(self, event_types: frozenset[str], handler: RegisteredHandler) -> None:
        self._registrations.append((event_types, handler))
        if OTHERS in event_types:
            event_types |= self._by_type.keys() - EVENT_TYPES.keys()
        for event_type in event_types:
            if event_type not in self._by_type:
                earlier = {} if event_type in EVENT_TYPES else self._by_type[OTHERS]
                self._by_type[event_type] = dict(earlier)
            handlers = self._by_type[event_type]
            handlers.setdefault(handler.identity, handler)
            self._in_order[event_type] = tuple(handlers.values())

    def registrations(self) -> tuple[_Registration, ...]:
        """What was added, in order."""
        return tuple(self._registrations)

    def handlers_for(self, event_type: str) -> tuple[RegisteredHandler, ...]:
        """The handlers that an event of this type runs, in order."""
        handlers = self._in_order.get(event_type)
        if handlers is None:
            return () if event_type in EVENT_TYPES else self._in_order[OTHERS]
        return handlers

    def named_types(self) -> frozenset[str]:
        """The event types, known and unknown, that have handlers of their own."""
        return frozenset(self._by_type) - {OTHERS}

    def hold_to(self, rule: Rule) -> None:
        """Apply `rule` to every handler, including those that are registered later.

        Raises what `rule` raises.
        """
        with self._lock:
            for _, handler in self._registrations:
                rule(handler, self._by_name[handler.name])
            if rule not in self._rules:
                self._rules.append(rule)
