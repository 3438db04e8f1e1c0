"""An inbox in the app's own PostgreSQL, MySQL, MariaDB or SQLite. Needs the extra ``sqlalchemy``.

    inbox = SQLAlchemyInbox(engine)
    endpoint = Endpoint(handoff=inbox)
    worker = Worker(Processor(router), inbox)

MariaDB must be 10.6 or later, MySQL 8.0 or later: older ones have no ``SKIP LOCKED``.
"""

try:
    import sqlalchemy as _  # noqa: F401
except ImportError as error:
    raise ImportError(
        "clerk_hooks.inboxes.sqlalchemy needs SQLAlchemy 2: pip install 'clerk-hooks[sqlalchemy]'"
    ) from error

from ._async import AsyncSQLAlchemyInbox
from ._sync import SQLAlchemyInbox
from ._tables import ddl, metadata

__all__ = ["AsyncSQLAlchemyInbox", "SQLAlchemyInbox", "ddl", "metadata"]

for _inbox in (AsyncSQLAlchemyInbox, SQLAlchemyInbox):
    _inbox.__module__ = __name__  # Where users find them.
