"""Idempotency stores that outlive a process. Each module needs the extra of its name, if any.

The stores can be imported from here too. Only the module of that store is then loaded.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .redis import AsyncRedisStore, RedisStore
    from .sqlalchemy import AsyncSQLAlchemyStore, SQLAlchemyStore
    from .sqlite import SQLiteStore

__all__ = [
    "AsyncRedisStore",
    "AsyncSQLAlchemyStore",
    "RedisStore",
    "SQLAlchemyStore",
    "SQLiteStore",
]


if not TYPE_CHECKING:  # So that checkers know a misspelt name.

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        kind = name.removeprefix("Async").removesuffix("Store").lower()
        module = import_module(f".{kind}", __name__)
        return getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)
