"""Sample events: realistic, complete, and changed as you like."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, cast, get_args, overload

from ..errors import ConfigurationError, PayloadError
from ..event_types import EVENT_TYPES
from ..parsing import event_class
from ..spelling import did_you_mean
from ._samples.catalog import build, variants_of
from ._samples.source import Source

if TYPE_CHECKING:
    from pydantic import ValidationError

    from ..events import Event, KnownEvent

EventT = TypeVar("EventT", bound="KnownEvent")

Variant: TypeAlias = Literal[
    "no_email",
    "second_email",
    "google",
    "phone",
    "saml",
    "passkey",
    "web3",
    "dashboard",
    "old",
]
"""The unusual cases of a sample.

For created and updated users: ``no_email`` (a username only), ``second_email`` (two addresses; the
second one is primary), ``google``, ``phone``, ``saml``, ``passkey``, ``web3``. For all events:
``dashboard`` (as "Send Example" sends it) and ``old`` (as Clerk sent or showed it before today's
fields existed).
"""

Changes: TypeAlias = Mapping[str, object]
"""What to change in the ``data`` of a sample: field -> value."""


@overload
def sample(
    event: type[EventT],
    changes: Changes | None = None,
    *,
    variant: Variant | None = None,
    seed: int | None = None,
) -> EventT: ...


@overload
def sample(
    event: str,
    changes: Changes | None = None,
    *,
    variant: Variant | None = None,
    seed: int | None = None,
) -> "KnownEvent": ...


def sample(
    event: "type[Event[Any]] | str",
    changes: Changes | None = None,
    *,
    variant: Variant | None = None,
    seed: int | None = None,
) -> "Event[Any]":
    """A realistic and complete event, as Clerk sends it today.

    `event` is the event's class, or the name of its type. `changes` are merged into its ``data``:
    a mapping is merged into a mapping, except that an empty one empties it; any other value
    replaces the old one. `variant` is an unusual case. Ids and times are new on each call; with the
    same `seed` they are the same.

    Raises `ConfigurationError` for an unknown type or variant, or if `changes` is not a mapping,
    and `PayloadError` if `changes` do not fit the type.
    """
    payload = sample_payload(event, changes, variant=variant, seed=seed)
    try:
        return (event_class(event) if isinstance(event, str) else event).model_validate(payload)
    except ValueError as error:
        raise _misfit(error) from error


def sample_payload(
    event: "type[Event[Any]] | str",
    changes: Changes | None = None,
    *,
    variant: Variant | None = None,
    seed: int | None = None,
) -> dict[str, Any]:
    """The event of `sample` as the JSON object that Clerk sends, with every oddity of a variant.

    The dashboard's examples have times in seconds, for example, which a typed event cannot show.
    Raises `ConfigurationError` as `sample` does.
    """
    event_type = event if isinstance(event, str) else _type_of(event)
    if event_type not in EVENT_TYPES:
        hint = did_you_mean(event_type, EVENT_TYPES)
        raise ConfigurationError(f"unknown event type {event_type!r}{hint}")
    if variant is not None and variant not in variants_of(event_type):
        known = ", ".join(variants_of(event_type))
        raise ConfigurationError(f"{event_type} has no variant {variant!r}: it has {known}")
    payload = build(event_type, variant, Source(seed))
    if changes:
        if not isinstance(cast("object", changes), Mapping):
            raise ConfigurationError(f"changes must be a mapping, not {type(changes).__name__}")
        payload["data"] = _merged(payload["data"], changes)
    return payload


def _misfit(error: ValueError) -> PayloadError:
    """Pydantic's `ValidationError` in one line, without the values."""
    first, *others = cast("ValidationError", error).errors(
        include_url=False, include_context=False, include_input=False
    )
    place = ".".join(map(str, first["loc"]))
    more = f" (and {len(others)} more)" if others else ""
    return PayloadError(f"the changes do not fit the type: {place}: {first['msg']}{more}")


def _type_of(event: object) -> str:
    """The event type of an event class, or of a class derived from one."""
    fields = getattr(event, "model_fields", {})
    names = get_args(fields["type"].annotation) if "type" in fields else ()
    if len(names) != 1:
        name = getattr(event, "__name__", type(event).__name__)
        raise ConfigurationError(f"event must be an event class or the name of a type, not {name}")
    return str(names[0])


def _merged(data: dict[str, Any], changes: Changes) -> dict[str, Any]:
    merged = dict(data)
    for name, value in changes.items():
        former = merged.get(name)
        if isinstance(value, Mapping) and value and isinstance(former, dict):
            merged[name] = _merged(cast("dict[str, Any]", former), cast("Changes", value))
        else:
            merged[name] = value
    return merged
