"""Samples with the changes of ``--set NAME=VALUE``."""

from __future__ import annotations

import json
from typing import Any, NamedTuple, cast

from ..testing import Variant, sample_payload
from ._usage import UsageError


class Change(NamedTuple):
    """One ``--set``."""

    text: str
    path: list[str]
    """The names of fields and indexes into lists that lead to the value."""
    value: object

    @classmethod
    def parse(cls, text: str) -> Change:
        """Read NAME=VALUE; raises `UsageError` for anything else, and for a value not in JSON."""
        name, found, written = text.partition("=")
        if not found or not name:
            raise UsageError(f"--set {text!r}: expected NAME=VALUE")
        change = cls(text, name.split("."), _value(written))
        try:
            compact({name: change.value})
        except UnicodeEncodeError:  # Half a surrogate pair, or an argument that is not UTF-8.
            raise UsageError(f"--set {text!r}: the value is not valid UTF-8") from None
        except ValueError:  # Python reads NaN, and 1e999 as infinity.
            raise UsageError(
                f"--set {text!r}: JSON has neither NaN nor Infinity; quote it to send text"
            ) from None
        return change

    def make(self, data: dict[str, Any]) -> None:
        """Set the value in `data`; raises `UsageError` if its place does not exist."""
        target: object = data
        *steps, last = self.path
        for step in steps:
            if isinstance(target, dict):
                target = cast("dict[str, object]", target).setdefault(step, {})
            else:
                target = self._items(target, step)[int(step)]
        if isinstance(target, dict):
            cast("dict[str, object]", target)[last] = self.value
        else:
            self._items(target, last)[int(last)] = self.value

    def _items(self, target: object, step: str) -> list[object]:
        """`target`, which must be a list with an item at index `step`."""
        problem = f"--set {self.text!r}: "
        if not isinstance(target, list):
            raise UsageError(f"{problem}cannot set {step!r}: its parent has no fields")
        items = cast("list[object]", target)
        if not (step.isascii() and step.isdecimal() and len(step) < 9 and int(step) < len(items)):
            raise UsageError(f"{problem}no item {step!r} in a list of {len(items)}, from 0")
        return items


def changed_payload(
    event_type: str, changes: list[Change], variant: str | None, seed: int | None
) -> dict[str, Any]:
    """The payload of a sample, with the changes made.

    Raises `UsageError` for a change that cannot be made, and `ConfigurationError` for an unknown
    event type or variant.
    """
    payload = sample_payload(event_type, variant=cast("Variant | None", variant), seed=seed)
    for change in changes:
        change.make(payload["data"])
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
    except (ValueError, RecursionError):
        return text
