"""Opening an inbox that is named on the command line, and asking it."""

from __future__ import annotations

import re
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from ..errors import ClerkHooksError
from .store import is_async_url

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

INBOX_VARIABLE = "CLERK_HOOKS_INBOX"
"""Environment variable in place of ``--inbox``."""

_OBJECT = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


class Desk:
    """An inbox of either kind, for one command."""

    def __init__(self, inbox: Any) -> None:
        self._inbox = inbox
        self._loop: AbstractEventLoop | None = None

    def ask(self, name: str, *arguments: object) -> Any:
        """The answer of the inbox's method."""
        if (method := getattr(self._inbox, name, None)) is not None:
            return method(*arguments)
        return self._run(getattr(self._inbox, "a" + name)(*arguments))

    def close(self) -> None:
        """Close the inbox, if it can be closed, and the event loop, if there is one."""
        if (close := getattr(self._inbox, "close", None)) is not None:
            close()
        elif (aclose := getattr(self._inbox, "aclose", None)) is not None:
            self._run(aclose())
        if self._loop is not None:
            self._loop.close()

    def _run(self, call: Any) -> Any:
        if self._loop is None:
            import asyncio  # Here, as it takes longer to load than all the rest.

            self._loop = asyncio.new_event_loop()
        return self._loop.run_until_complete(call)


@contextmanager
def opened(name: str) -> Generator[Desk, None, None]:
    """The inbox of this `name`, until the end of the block; errors end the command with 2."""
    try:
        desk = Desk(_open(name))
        try:
            yield desk
        finally:
            desk.close()
    except (ClerkHooksError, ImportError) as error:
        fail(str(error))


def fail(message: str) -> NoReturn:
    """End the command with 2, and one line on stderr."""
    sys.stderr.write(f"clerk-hooks inbox: {' '.join(message.split())}\n")
    raise typer.Exit(2)


def _open(name: str) -> Any:
    """The inbox; `name` may hold a password and is therefore never printed."""
    if not name:
        fail(f"pass --inbox, or set {INBOX_VARIABLE}")
    if _OBJECT.fullmatch(name) and not name.startswith("sqlite:"):
        return _named(name)
    if "://" in name and not name.startswith("sqlite://"):
        from ..inboxes.sqlalchemy import AsyncSQLAlchemyInbox, SQLAlchemyInbox

        return AsyncSQLAlchemyInbox(name) if is_async_url(name) else SQLAlchemyInbox(name)
    from ..inboxes.sqlite import SQLiteInbox

    path = name.removeprefix("sqlite:").removeprefix("///")
    if not Path(path).is_file():  # SQLiteInbox would create it.
        fail(f"no such file: {path}")
    return SQLiteInbox(path)


def _named(name: str) -> Any:
    """The inbox, or that of the worker, which ``MODULE:NAME`` names."""
    from ..worker import Worker
    from ..worker._calls import is_inbox
    from ..worker._target import target

    found = target(name, "app:inbox")
    inbox = found.inbox if isinstance(found, Worker) else found
    if not is_inbox(inbox):
        fail(f"{name} must be an inbox or a worker, not of type {type(found).__name__}")
    return inbox
