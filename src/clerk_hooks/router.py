"""The router: how functions become handlers of events.

`clerk_hooks.registry` keeps the handlers, and `clerk_hooks.dispatch` runs them. A router knows
nothing of HTTP or signatures.
"""

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from ._on import EventType, Handler, On
from .delivery import Delivery, without_claim
from .dispatch import arun_handlers, run_handlers
from .errors import ConfigurationError, InputTypeError
from .event_types import EVENT_TYPES
from .handler import RegisteredHandler, check_needs_no_store
from .patterns import event_types_of
from .registry import OTHERS, Registry
from .waiting import RunSync

if TYPE_CHECKING:
    from .events import AnyEvent, Event, UnknownEvent

_AnyHandler = TypeVar("_AnyHandler", bound=Callable[..., object])
_UnknownHandler = TypeVar("_UnknownHandler", bound="Handler[UnknownEvent]")
_Handlers: TypeAlias = tuple[RegisteredHandler, ...]


class Router(On):
    """Holds handlers: ``@router.on("user.created")`` adds one, `dispatch` runs those of an event.

    Handlers run in the order of their registration. All of them run, even if one raises.
    """

    def __init__(self) -> None:
        self._registry = Registry()

    def on_unknown(
        self, *event_types: str, name: str | None = None
    ) -> Callable[[_UnknownHandler], _UnknownHandler]:
        """Register a handler for event types that this version of the library does not know.

        Without `event_types` it gets every unknown event. `name` is as for `on`. A type that has
        become known since is registered too, with a warning, because its events are typed now.

        Raises `ConfigurationError` for anything but event types.
        """
        for event_type in event_types:
            if not isinstance(event_type, str) or "*" in event_type:
                raise ConfigurationError(
                    f"on_unknown takes event types without wildcards, not {event_type!r}"
                )
            if event_type in EVENT_TYPES:
                warnings.warn(
                    f"this version of clerk_hooks knows {event_type}, and its handlers get a "
                    f"{EVENT_TYPES[event_type][1]}: register it with on({event_type!r})",
                    stacklevel=2,
                )
        return self._decorator(frozenset(event_types or {OTHERS}), name)

    def include(self, other: "Router") -> None:
        """Add the handlers that `other` has now. Handlers that it gets later are not added.

        Raises `ConfigurationError` if `other` is not a router, or if one of its handlers does not
        fit an endpoint or a processor that has this router.
        """
        if not isinstance(other, Router):
            raise ConfigurationError(f"include takes a Router, not {type(other).__name__}")
        self._registry.include(registry_of(other))

    def handlers_for(self, event_type: str) -> tuple[Callable[..., object], ...]:
        """The functions that an event of this type runs, in order."""
        return tuple([handler.function for handler in self._registry.handlers_for(event_type)])

    @property
    def event_types(self) -> "tuple[EventType, ...]":
        """The event types that have a handler: those to subscribe to in Clerk's dashboard.

        Those that this version of the library does not know are in `unknown_event_types`.
        """
        named = self._registry.named_types()
        known = tuple(event_type for event_type in EVENT_TYPES if event_type in named)
        return cast("tuple[EventType, ...]", known)

    @property
    def unknown_event_types(self) -> tuple[str, ...]:
        """The event types that have a handler by `on_unknown`, in alphabetical order."""
        return tuple(sorted(self._registry.named_types() - EVENT_TYPES.keys()))

    def dispatch(self, delivery: "Delivery | AnyEvent") -> None:
        """Run the handlers of a delivery, or of an event alone, as unit tests have it.

        Async handlers run to their end, on the event loop of the process. An event without
        handlers is not parsed.

        Raises `HandlerError` with everything that the handlers raised; `PayloadError` if the event
        cannot be parsed; `InputTypeError` for anything but a delivery or an event; and
        `ConfigurationError` if a handler is async and an event loop is running in this thread
        (await `adispatch` there), or if a handler has `drop_stale`, which needs the store of a
        `Processor`.
        """
        if handlers := self._registry.handlers_for(_event_type(delivery)):
            run_handlers(handlers, *_given(handlers, delivery))

    async def adispatch(
        self, delivery: "Delivery | AnyEvent", *, run_sync: RunSync | None = None
    ) -> None:
        """Like `dispatch`, on the running event loop.

        Sync handlers run through `run_sync` (default: `asyncio.to_thread`). If this call is
        cancelled while one runs, it waits for the end of that handler first.
        """
        if handlers := self._registry.handlers_for(_event_type(delivery)):
            await arun_handlers(handlers, *_given(handlers, delivery), run_sync=run_sync)

    def _register(
        self, events: "tuple[str | type[Event[Any]], ...]", name: str | None, *, drop_stale: bool
    ) -> Callable[[_AnyHandler], _AnyHandler]:
        return self._decorator(event_types_of(events), name, drop_stale=drop_stale)

    def _decorator(
        self, event_types: frozenset[str], name: str | None, *, drop_stale: bool = False
    ) -> Callable[[_AnyHandler], _AnyHandler]:
        def register(function: _AnyHandler) -> _AnyHandler:
            self._registry.add(
                event_types, RegisteredHandler(function, name, drop_stale=drop_stale)
            )
            return function

        return register


def registry_of(router: Router) -> Registry:
    """The handlers of `router`, for the library itself."""
    # Private to the package: users must not see it among the methods of a router.
    return router._registry  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


def _event_type(subject: object) -> str:
    event_type = getattr(subject, "type", None)
    if not isinstance(event_type, str):
        kind = type(subject).__name__
        raise InputTypeError(f"dispatch takes a Delivery or an event, not {kind}")
    return event_type


def _given(
    handlers: _Handlers, subject: "Delivery | AnyEvent"
) -> "tuple[AnyEvent, Delivery | None]":
    """What handlers that need no store are given: the event, and its delivery if there is one."""
    for handler in handlers:
        if handler.drop_stale:
            check_needs_no_store(handler, handler)
    if isinstance(subject, Delivery):
        return subject.event, without_claim(subject)
    return subject, None
