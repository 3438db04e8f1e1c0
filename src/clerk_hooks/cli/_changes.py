"""The options that shape a sample: ``--set name=value``, ``--variant`` and ``--seed``."""

from __future__ import annotations

import json
from typing import Annotated, Any, cast

import typer

from ..testing import Variant, sample_payload
from ._usage import UsageError

SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Change a field of the data: first_name=Ada, locale=null, public_metadata.plan=pro, "
        "email_addresses.0.email_address=ada@example.com. A VALUE that is not JSON is taken as "
        "text. Repeatable.",
        show_default=False,
    ),
]
VariantOption = Annotated[
    str | None,
    typer.Option(
        "--variant",
        metavar="NAME",
        help='A less common case. All event types have "dashboard" (what "Send Example" sends) '
        'and "old"; user.created and user.updated also have "no_email", "second_email", "google", '
        '"phone", "saml", "passkey" and "web3".',
        show_default=False,
    ),
]
SeedOption = Annotated[
    int | None,
    typer.Option(
        "--seed",
        metavar="N",
        help="Make the same ids and times each time.",
        show_default=False,
    ),
]


def changed_payload(
    event_type: str, changes: list[str] | None, variant: str | None, seed: int | None
) -> dict[str, Any]:
    """The payload of a sample, with the changes of ``--set`` made.

    Raises `UsageError` for a change that cannot be made, and `ConfigurationError` for an unknown
    event type or variant.
    """
    payload = sample_payload(event_type, variant=cast("Variant | None", variant), seed=seed)
    for change in changes or ():
        name, found, text = change.partition("=")
        if not found or not name:
            raise UsageError(f"--set {change!r}: expected NAME=VALUE")
        _set(payload["data"], name.split("."), _value(text), change)
        try:
            compact(payload)
        except UnicodeEncodeError:  # Half a surrogate pair, or an argument that is not UTF-8.
            raise UsageError(f"--set {change!r}: the value is not valid UTF-8") from None
        except ValueError:  # Python's parser accepts NaN, and reads 1e999 as infinity.
            raise UsageError(
                f"--set {change!r}: JSON has neither NaN nor Infinity; quote it to send text"
            ) from None
    return payload


def compact(payload: dict[str, Any]) -> bytes:
    """The payload as a raw body: JSON without blanks. Fields that its variant omits stay omitted.

    Raises `ValueError` for a value that JSON or UTF-8 cannot express.
    """
    text = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode()


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _set(target: object, path: list[str], value: object, change: str) -> None:
    """Set the value at `path`, whose steps are names of fields and indexes into lists."""
    *steps, last = path
    for step in steps:
        if isinstance(target, dict):
            target = cast("dict[str, object]", target).setdefault(step, {})
        else:
            target = _items(target, step, change)[int(step)]
    if isinstance(target, dict):
        cast("dict[str, object]", target)[last] = value
    else:
        _items(target, last, change)[int(last)] = value


def _items(target: object, step: str, change: str) -> list[object]:
    """`target`, which must be a list with an item at index `step`."""
    if not isinstance(target, list):
        raise UsageError(f"--set {change!r}: {step!r} would be inside a value that has no fields")
    items = cast("list[object]", target)
    if not step.isdecimal() or int(step) >= len(items):
        raise UsageError(f"--set {change!r}: no item {step!r} in a list of {len(items)}, from 0")
    return items
