"""Handlers that are given what they work with: settings, a database, a client.

They know no framework, and a test hands them other things. The programs ``state_*.py`` wire them.
"""

import os
import sqlite3
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import httpx

from clerk_hooks import Router
from clerk_hooks.events import UserCreated

Begin: TypeAlias = Callable[[], AbstractContextManager[sqlite3.Connection]]
"""Begins a transaction. With SQLAlchemy it is ``sessionmaker(engine).begin``."""


@dataclass(frozen=True)
class Settings:
    """What differs between installations."""

    database: str
    chat_url: str

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read once, when the program starts."""
        return cls(os.environ["DATABASE"], os.environ["CHAT_URL"])


@contextmanager
def transaction(database: str) -> Generator[sqlite3.Connection, None, None]:
    """A connection, committed and closed at the end."""
    with closing(sqlite3.connect(database)) as connection, connection:
        yield connection


def make_router(settings: Settings, begin: Begin, client: httpx.Client) -> Router:
    """The handlers, as functions that see the arguments of this one."""
    router = Router()

    @router.on("user.created")
    def save(event: UserCreated) -> None:
        with begin() as connection:  # Each event has a transaction of its own.
            connection.execute("INSERT OR IGNORE INTO users VALUES (?)", (event.data.id,))

    @router.on("user.created")
    def tell(event: UserCreated) -> None:
        said = client.post(settings.chat_url, json={"text": f"{event.data.full_name} signed up"})
        said.raise_for_status()  # So that Svix tries again.

    return router
