"""The column type of keys."""

from typing import TYPE_CHECKING

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField

if TYPE_CHECKING:
    _CharField = CharField[str, str]
else:  # Django's fields have no type parameters.
    _CharField = CharField


class KeyField(_CharField):
    """Text that is compared character by character in every database.

    By default MySQL and MariaDB take ``msg_1`` and ``MSG_1`` for the same. The argument
    ``db_collation`` would name a collation for all databases.
    """

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        """Return the type of the column, with a binary collation on MySQL and MariaDB."""
        column = super().db_type(connection)
        if column is not None and connection.vendor == "mysql":
            return f"{column} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        return column
