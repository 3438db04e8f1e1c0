"""What the values of options mean, and the error for one that means nothing."""

from __future__ import annotations

import re

from ..event_types import EVENT_TYPES, PATTERNS
from ..spelling import did_you_mean


class UsageError(Exception):
    """The command was called wrongly: one line on stderr, and exit status 2."""


def in_words(error: BaseException) -> str:
    """The message of an error, without the number that the system gives it."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def statuses(expect: str) -> str:
    """The statuses in ``--expect``, such as ``2xx 409``, in lower case.

    Raises `UsageError` for a word that is not a status.
    """
    words = expect.lower().split()
    if not words or not all(re.fullmatch(r"[1-5](xx|[0-9][0-9])", word) for word in words):
        raise UsageError(f'--expect {expect!r}: expected statuses, such as 200 or "2xx 409"')
    return " ".join(words)


def event_types(patterns: list[str]) -> list[str]:
    """The event types that match any of the patterns, such as ``user.*``, without repeats.

    Raises `UsageError` for a pattern that matches none.
    """
    found: dict[str, None] = {}
    for pattern in patterns:
        matches = _matching(pattern)
        if not matches:
            hint = did_you_mean(pattern, PATTERNS) or '; "clerk-hooks events" lists them'
            raise UsageError(f"unknown event type {pattern!r}{hint}")
        found |= dict.fromkeys(matches)
    return list(found)


def one_event_type(text: str) -> str:
    """`text`, which must be an event type and not a pattern; raises `UsageError` if it is not."""
    found = event_types([text])
    if text not in found:
        raise UsageError(f"pass one event type: {text!r} matches {', '.join(found)}")
    return text


def _matching(pattern: str) -> list[str]:
    from fnmatch import fnmatchcase

    return [name for name in EVENT_TYPES if fnmatchcase(name, pattern)]
