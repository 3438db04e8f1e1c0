"""What handlers raise: logged as it comes, and raised together when all of them have ended."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from .delivery import Delivery
from .errors import AbortDelivery, HandlerError
from .handler import RegisteredHandler
from .logs import log

if TYPE_CHECKING:
    from .events import AnyEvent

Failure: TypeAlias = tuple[RegisteredHandler, Exception]
"""A handler, and what it raised."""


def failed(
    handler: RegisteredHandler,
    error: BaseException,
    seconds: float,
    event: "AnyEvent",
    delivery: Delivery | None,
) -> Failure:
    """Log what `handler` raised, and return both; anything but an `Exception` is raised again.

    `seconds` is how long it took.
    """
    if not isinstance(error, Exception):
        raise error
    fields = {
        "message_id": delivery.message_id if delivery is not None else None,
        "event_type": event.type,
        "handler": handler.name,
        "outcome": "aborted" if isinstance(error, AbortDelivery) else "failed",
        "duration": seconds,
    }
    text = "%(event_type)s: handler %(handler)s %(outcome)s after %(duration).3f s"
    if delivery is not None:
        text = "%(message_id)s " + text
    log(logging.ERROR, text, fields, error)
    return handler, error


def gathered(failures: list[Failure], handlers: Sequence[RegisteredHandler]) -> HandlerError:
    """One error for all `failures` of a run of `handlers`."""
    described = [f"{handler.name} ({type(error).__name__})" for handler, error in failures]
    failed = [handler.name for handler, _ in failures]
    return HandlerError(
        f"{len(failed)} of {len(handlers)} handlers failed: {', '.join(described)}",
        [error for _, error in failures],
        failed=failed,
        done=[handler.name for handler in handlers if handler.name not in failed],
    )
