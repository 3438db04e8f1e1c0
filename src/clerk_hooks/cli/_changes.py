"""``--set name=value``: changes to a sample's data, as text."""

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
        "email_addresses.0.email_address=ada@example.com. VALUE is JSON, or else text. Repeatable.",
        show_default=False,
    ),
]
VariantOption = Annotated[
    str | None,
    typer.Option(
        "--variant",
        metavar="NAME",
        help='Another case than the usual one: of all events "dashboard" (as "Send Example" has '
        'it) and "old"; of new and changed users "no_email", "second_email", "google", "phone", '
        '"saml", "passkey" and "web3".',
        show_default=False,
    ),
]
SeedOption = Annotated[
    int | None,
    typer.Option(
        "--seed",
        metavar="N",
        help="The same number gives the same ids and times.",
        show_default=False,
    ),
]


def changed_payload(
    event_type: str, changes: list[str] | None, variant: str | None, seed: int | None
) -> dict[str, Any]:
    """The payload of a sample with the changes that ``--set`` names.

    Raises `UsageError` for a change that cannot be made, and `ConfigurationError` for a type or a
    variant that there is not.
    """
    payload = sample_payload(event_type, variant=cast("Variant | None", variant), seed=seed)
    for change in changes or ():
        name, found, text = change.partition("=")
        if not found or not name:
            raise UsageError(f"--set {change!r}: NAME=VALUE is expected")
        _set(payload["data"], name.split("."), _value(text), change)
        try:
            compact(payload)
        except UnicodeEncodeError:  # Half a surrogate pair, or an argument that is not UTF-8.
            raise UsageError(f"--set {change!r}: that is no text in UTF-8") from None
        except ValueError:  # Python's reader takes what JSON has not, or reads 1e999 as infinite.
            raise UsageError(
                f"--set {change!r}: JSON has no NaN and no Infinity, but text in quotes"
            ) from None
    return payload


def compact(payload: dict[str, Any]) -> bytes:
    """The payload as a body: JSON without blanks, with nothing that its variant leaves out.

    Raises `ValueError` for what JSON or UTF-8 cannot say.
    """
    text = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode()


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _set(target: object, path: list[str], value: object, change: str) -> None:
    """Set what is at the end of `path`, whose steps are names and the numbers of items."""
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
    """`target`, which must be a list that has an item number `step`."""
    if not isinstance(target, list):
        raise UsageError(f"--set {change!r}: there is nothing in which {step!r} could be set")
    items = cast("list[object]", target)
    if not step.isdecimal() or int(step) >= len(items):
        raise UsageError(f"--set {change!r}: there is no item {step!r}, but {len(items)}")
    return items
