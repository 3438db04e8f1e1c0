"""Synchronous code on an event loop: SQLAlchemy's async API is its synchronous one in greenlets."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy.util import greenlet_spawn

from ...errors import StoreUnavailable
from .._store import Result

if TYPE_CHECKING:
    from asyncio import Task


async def in_time(
    call: Callable[..., Result], *arguments: Any, seconds: float, grace: float = 0
) -> Result:
    """Make a synchronous call in a greenlet, at most for `seconds`. Raises `StoreUnavailable`.

    It is then cancelled, and waited for only `grace` seconds more: a silent server may never
    answer.
    """
    from asyncio import create_task, wait

    task = create_task(greenlet_spawn(call, *arguments))
    try:
        await wait([task], timeout=seconds)
    finally:
        if not task.done():
            task.add_done_callback(_ignore)
            task.cancel()
            if grace:
                await wait([task], timeout=grace)
    if not task.done() or task.cancelled():
        raise StoreUnavailable("the database: timed out")
    return task.result()


def synchronous(engine: object) -> Any:
    """What an async engine or connection wraps."""
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    if isinstance(engine, AsyncConnection):
        return engine.sync_connection
    return engine.sync_engine if isinstance(engine, AsyncEngine) else engine


def _ignore(task: "Task[Any]") -> None:
    """Retrieve an abandoned task's error: asyncio complains about errors never retrieved."""
    if not task.cancelled():
        task.exception()
