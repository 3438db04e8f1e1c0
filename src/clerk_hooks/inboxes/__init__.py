"""Inboxes: where accepted deliveries wait for workers. Each module needs the extra of its name.

The inboxes can be imported from here too. Only the module of that inbox is then loaded.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .sqlalchemy import AsyncSQLAlchemyInbox, SQLAlchemyInbox
    from .sqlite import SQLiteInbox

__all__ = ["AsyncSQLAlchemyInbox", "SQLAlchemyInbox", "SQLiteInbox"]


if not TYPE_CHECKING:  # So that checkers know a misspelt name.

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        kind = name.removeprefix("Async").removesuffix("Inbox").lower()
        module = import_module(f".{kind}", __name__)
        return getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)
