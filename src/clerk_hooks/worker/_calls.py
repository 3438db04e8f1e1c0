"""Calling an inbox, of either kind: in this thread, on the process's event loop, or awaited."""

from collections.abc import Awaitable, Callable
from functools import partial
from inspect import isawaitable
from typing import Any

from ..errors import ConfigurationError, QueueUnavailable, StoreUnavailable
from ..eventloop import check_can_wait, run_on_loop

_CALLED = ("take", "renew", "settle", "beat", "lag", "purge")


def is_inbox(inbox: object) -> bool:
    """Whether `inbox` has the methods that a worker calls, or their twins for event loops."""
    return not isinstance(inbox, type) and any(
        all(callable(getattr(inbox, prefix + name, None)) for name in _CALLED)
        for prefix in ("", "a")
    )


def on_loop(call: Callable[[], Awaitable[object]]) -> Any:
    """What `call` returns, awaited on the process's event loop while this thread waits.

    Raises what it raises, and `ConfigurationError` if this thread runs an event loop itself.
    """
    check_can_wait()
    results: list[object] = []

    async def run() -> None:
        results.append(await call())

    run_on_loop(run)
    return results[0]


def ask(inbox: object, name: str, *arguments: object, **options: object) -> Any:
    """The answer of the inbox's method; one that is only for event loops is awaited on ours.

    Raises `ConfigurationError`, and `QueueUnavailable` for everything else that the inbox raises.
    """
    try:
        if (method := getattr(inbox, name, None)) is not None:
            return method(*arguments, **options)
        return on_loop(partial(getattr(inbox, "a" + name), *arguments, **options))
    except (ConfigurationError, StoreUnavailable):
        raise
    except Exception as error:
        raise _unavailable(error) from error


async def aask(inbox: object, name: str, *arguments: object, **options: object) -> Any:
    """Like `ask`, for the running event loop: what can be awaited is awaited here."""
    try:
        method = getattr(inbox, "a" + name, None) or getattr(inbox, name)
        answer = method(*arguments, **options)
        return await answer if isawaitable(answer) else answer
    except (ConfigurationError, StoreUnavailable):
        raise
    except Exception as error:
        raise _unavailable(error) from error


def _unavailable(error: Exception) -> QueueUnavailable:
    return QueueUnavailable(f"the inbox failed with {type(error).__name__}")
