"""Which object an event is about, how new it is, and which other message about it blocks it.

That is what a store needs to drop stale events, and what people want to know about a 409.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from .errors import UnreadableValue
from .handler import RegisteredHandler
from .idempotency import Holder, ObjectVersion
from .instants import datetime_of, unix_milliseconds

if TYPE_CHECKING:
    from .events import AnyEvent


def object_version(
    event: "AnyEvent", handlers: Sequence[RegisteredHandler]
) -> ObjectVersion | UnreadableValue | None:
    """The object of `event`, if some of `handlers` drop stale events and its data has an id.

    Returns the error if its time could not be read.
    """
    names = frozenset([handler.name for handler in handlers if handler.drop_stale])
    if not names or not isinstance(object_id := getattr(event.data, "id", None), str):
        return None
    family, _, verb = event.type.partition(".")
    try:
        instant = getattr(event.data, "updated_at", None) or event.timestamp
    except UnreadableValue as error:
        return error
    time = unix_milliseconds(instant) if isinstance(instant, datetime) else None
    return ObjectVersion(family, object_id, time, verb == "deleted", names)


def in_words(holder: Holder | None) -> str | None:
    """What a busy handler waits for; None, for the usual words, if the store cannot tell."""
    if holder is None:
        return None
    until = datetime_of(holder.until).isoformat(timespec="seconds")
    if holder.message_id is None:
        return f"this message is being handled elsewhere, until {until} at the latest"
    return (
        f"another message of the same object, {holder.message_id}, is being handled, until {until} "
        "at the latest"
    )
