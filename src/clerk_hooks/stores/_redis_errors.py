"""Why Redis did not answer, in its own words, and without anything that could be a secret."""

import os
import re

from redis import exceptions

from ..errors import StoreUnavailable

_WORDS = 300
"""Characters of an error that are repeated. Redis's own are shorter."""

# redis-py 5 has no classes for these two, and leaves Redis's code in front of the words.
_HINTS = {
    ("MovedError", ": MOVED "): "this server is a node of a cluster: pass a RedisCluster",
    ("ClusterCrossSlotError", ": CROSSSLOT "): (
        "on a cluster the prefix needs braces, as in '{clerk_hooks}:'"
    ),
}

# The errors that Redis sends are repeated; so are these, which have no values in them.
_SENT = (
    exceptions.ResponseError,
    exceptions.AuthenticationError,
    exceptions.BusyLoadingError,
)
_FIXED = {
    "Connection closed by server.",
    "No connection available.",
    "Too many connections",
    "max number of clients reached",
}


def unavailable(error: Exception, timeout: float) -> StoreUnavailable:
    """The error for a call that failed with `error`, or took longer than `timeout` (seconds).

    Raise it ``from None``: what `error` says may hold a password.
    """
    name = type(error).__name__
    if name == "TimeoutError":  # Of redis-py, of Python, or, in Python 3.10, of asyncio.
        return StoreUnavailable(f"Redis: no answer within {timeout:g} s")
    said = ": ".join(filter(None, ("Redis", name, _words(error))))
    hints = [hint for signs, hint in _HINTS.items() if any(sign in said for sign in signs)]
    return StoreUnavailable(": ".join([said, *hints]))


def _words(error: Exception) -> str:
    """What went wrong. An address is left out: a URL with a slip in it has the password there."""
    text = str(error)
    if isinstance(error, _SENT):
        # A Redis that does not know HELLO or EVALSHA repeats its arguments: the password, for one.
        return text.partition(", with args beginning with")[0][:_WORDS]
    if isinstance(error, exceptions.ConnectionError) and text in _FIXED:
        return text
    cause = error if isinstance(error, OSError) else error.__cause__ or error.__context__
    return _words_of_the_system(cause) if isinstance(cause, OSError) else ""


def _words_of_the_system(error: OSError) -> str:
    reason: object = getattr(error, "reason", None)  # Of an error of the module ssl.
    if isinstance(reason, str):
        return reason
    number = error.errno
    if number is None and (found := re.search(r"\[Errno (\d+)\]", str(error))):
        number = int(found[1])  # asyncio tried several addresses.
    if number is None:
        return ""
    return os.strerror(number) if number > 0 else error.strerror or ""  # Negative: of getaddrinfo.
