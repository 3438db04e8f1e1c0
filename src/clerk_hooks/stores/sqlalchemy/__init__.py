"""A store in the app's own PostgreSQL, MySQL, MariaDB or SQLite. Needs the extra ``sqlalchemy``.

A handler can take effect in the same transaction that confirms it:

    store = SQLAlchemyStore(engine)

    @router.on("user.created")
    def welcome(event: UserCreated, delivery: Delivery) -> None:
        with Session(engine) as session, store.transaction(delivery, session):
            session.add(User(id=event.data.id))

Both are committed at once or not at all. So the handler takes effect on this database exactly once,
whenever a process dies.
"""

try:
    import sqlalchemy as _  # noqa: F401
except ImportError as error:
    raise ImportError(
        "clerk_hooks.stores.sqlalchemy needs SQLAlchemy 2: pip install 'clerk-hooks[sqlalchemy]'"
    ) from error

from ._async import AsyncSQLAlchemyStore
from ._sync import SQLAlchemyStore
from ._tables import ddl, metadata

__all__ = ["AsyncSQLAlchemyStore", "SQLAlchemyStore", "ddl", "metadata"]

for _store in (AsyncSQLAlchemyStore, SQLAlchemyStore):
    _store.__module__ = __name__  # Where users find them.
