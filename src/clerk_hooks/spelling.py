"""Suggests the name that a misspelling probably meant."""

from collections.abc import Iterable


def did_you_mean(text: str, choices: Iterable[str]) -> str:
    """``: did you mean 'user.created'?`` with the choice closest to `text`; empty if none is close.

    Case and underscores do not count, because Clerk's older event types are in snake_case.
    """
    from difflib import get_close_matches  # Only needed to raise an error.

    spelt = {_plain(choice): choice for choice in choices}
    close = get_close_matches(_plain(text), spelt, n=1)
    return f": did you mean {spelt[close[0]]!r}?" if close else ""


def _plain(text: str) -> str:
    return text.lower().replace("_", "")
