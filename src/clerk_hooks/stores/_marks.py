"""The marks of objects, in SQL: the lock for which messages of one object queue."""

from hashlib import sha256

from ..idempotency import Mark, ObjectVersion
from ._spelling import KEY_LENGTH, Spelling
from ._transaction import Transaction


class Marks:
    """The marks in `table`; each is remembered for `retention` (seconds) after it moved."""

    def __init__(self, retention: float, spelling: Spelling, table: str) -> None:
        self.table = table
        self._retention = retention
        self._spelling = spelling

    def lock(self, transaction: Transaction, version: ObjectVersion) -> Mark:
        """Lock and return the mark of an object. Until the transaction ends, others wait here."""
        key, ends = object_key(version), transaction.now + self._retention
        while True:  # Until nobody has swept the mark away between the two statements.
            transaction.execute(
                f"INSERT INTO {self.table} (object_key, newest_at, is_deleted, forget_at) "  # noqa: S608
                f"VALUES (:object_key, NULL, FALSE, :forget_at) {self._spelling.or_lock}",
                {"object_key": key, "forget_at": ends},
            )
            rows = transaction.execute(
                f"SELECT newest_at, is_deleted, forget_at FROM {self.table} "  # noqa: S608
                f"WHERE object_key = :object_key{self._spelling.read_locked}",
                {"object_key": key},
            ).fetchall()
            if rows:
                newest_at, is_deleted, forget_at = rows[0]
                return Mark(newest_at, bool(is_deleted)) if forget_at > transaction.now else Mark()

    def move(self, transaction: Transaction, version: ObjectVersion, mark: Mark) -> None:
        """Write the `mark` of an object, which is locked."""
        transaction.execute(
            f"UPDATE {self.table} SET newest_at = :newest_at, is_deleted = :is_deleted, "  # noqa: S608
            "forget_at = :forget_at WHERE object_key = :object_key",
            {
                "newest_at": mark.time,
                "is_deleted": mark.is_deleted,
                "forget_at": transaction.now + self._retention,
                "object_key": object_key(version),
            },
        )


def object_key(version: ObjectVersion) -> str:
    """One text for an object: readable, unless a column could not keep it unchanged."""
    text = " ".join(version.key)
    if len(text) <= KEY_LENGTH and text.isprintable() and text == text.strip():
        return text
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
