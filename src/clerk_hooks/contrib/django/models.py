"""The tables of `DjangoStore`. Read them; only the store may write to them.

`clerk_hooks.stores._sql` says what the rows mean. The tables of `SQLAlchemyStore` have other names,
so that one database can have both. The keys are constraints beside a surrogate ``id``: only from
version 5.2 on does Django have composite primary keys.
"""

from typing import ClassVar

from django.db import models

from ...stores._spelling import KEY_LENGTH
from .fields import KeyField


class Claim(models.Model):
    """A handler of a message that is running or done."""

    id: "models.BigAutoField[int, int]" = models.BigAutoField(primary_key=True)
    message_id = KeyField(max_length=KEY_LENGTH)
    handler = KeyField(max_length=KEY_LENGTH)
    token: "models.CharField[str, str]" = models.CharField(max_length=32)
    leased_until: "models.FloatField[float | None, float | None]" = models.FloatField(null=True)
    forget_at: "models.FloatField[float, float]" = models.FloatField()
    object_key = KeyField(max_length=KEY_LENGTH, null=True)

    class Meta:
        """Options of the table."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["message_id", "handler"], name="clerk_hooks_claim_key")
        ]
        indexes: ClassVar = [
            models.Index(fields=["forget_at"], name="clerk_hooks_claim_forget_at"),
            models.Index(fields=["object_key"], name="clerk_hooks_claim_object_key"),
        ]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.message_id}: {self.handler}"


class Mark(models.Model):
    """The newest event handled of an object, for the handlers that drop stale events."""

    id: "models.BigAutoField[int, int]" = models.BigAutoField(primary_key=True)
    object_key = KeyField(max_length=KEY_LENGTH)
    newest_at: "models.BigIntegerField[int | None, int | None]" = models.BigIntegerField(null=True)
    is_deleted: "models.BooleanField[bool, bool]" = models.BooleanField()
    forget_at: "models.FloatField[float, float]" = models.FloatField()

    class Meta:
        """Options of the table."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["object_key"], name="clerk_hooks_mark_key")
        ]
        indexes: ClassVar = [models.Index(fields=["forget_at"], name="clerk_hooks_mark_forget_at")]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.object_key
