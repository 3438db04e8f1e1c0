"""Which object an event is about, and how new it is: what a store needs to drop stale events."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from .handler import RegisteredHandler
from .idempotency import ObjectVersion
from .instants import unix_milliseconds

if TYPE_CHECKING:
    from .events import AnyEvent


def object_version(
    event: "AnyEvent", handlers: Sequence[RegisteredHandler]
) -> ObjectVersion | None:
    """The object of `event`, if some of `handlers` drop stale events and its data has an id."""
    names = frozenset([handler.name for handler in handlers if handler.drop_stale])
    object_id = getattr(event.data, "id", None) if names else None
    if not isinstance(object_id, str):
        return None
    family, _, verb = event.type.partition(".")
    instant = getattr(event.data, "updated_at", None) or event.timestamp
    time = unix_milliseconds(instant) if isinstance(instant, datetime) else None
    return ObjectVersion(family, object_id, time, verb == "deleted", names)
