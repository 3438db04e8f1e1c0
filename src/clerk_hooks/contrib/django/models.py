"""The tables of `DjangoStore` and `DjangoInbox`. Read them; only those two may write to them.

`clerk_hooks.stores._sql` says what the rows mean. The tables of `SQLAlchemyStore` have other names,
so that one database can have both. The keys are constraints beside a surrogate ``id``: only from
version 5.2 on does Django have composite primary keys.
"""

from typing import ClassVar

from django.db import models

from ...stores._spelling import KEY_LENGTH
from ._tables import MESSAGES_INDEX
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


class Message(models.Model):
    """A delivery in a `DjangoInbox`. Times are in Unix seconds."""

    id: "models.BigAutoField[int, int]" = models.BigAutoField(primary_key=True)
    message_id = KeyField(max_length=KEY_LENGTH)
    attempted_at: "models.FloatField[float, float]" = models.FloatField()
    event_type = KeyField(max_length=KEY_LENGTH, null=True)
    payload: "models.BinaryField[bytes | None, bytes | None]" = models.BinaryField(null=True)
    carrier: "models.TextField[str, str]" = models.TextField()
    accepted_at: "models.FloatField[float, float]" = models.FloatField()
    state: "models.CharField[str, str]" = models.CharField(max_length=9)
    due_at: "models.FloatField[float, float]" = models.FloatField()
    takes: "models.IntegerField[int, int]" = models.IntegerField()
    failures: "models.IntegerField[int, int]" = models.IntegerField()
    put_backs: "models.IntegerField[int, int]" = models.IntegerField()
    done: "models.TextField[str, str]" = models.TextField()
    reason: "models.TextField[str, str]" = models.TextField()
    token: "models.CharField[str | None, str | None]" = models.CharField(max_length=32, null=True)

    class Meta:
        """Options of the table."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["message_id"], name="clerk_hooks_message_key")
        ]
        indexes: ClassVar = [models.Index(fields=["state", "due_at"], name=MESSAGES_INDEX)]
        default_permissions = ("view", "retry", "delete")

    def __str__(self) -> str:
        return self.message_id


class Worker(models.Model):
    """A worker, and when it last said that it lives."""

    id: "models.BigAutoField[int, int]" = models.BigAutoField(primary_key=True)
    name = KeyField(max_length=KEY_LENGTH)
    slots: "models.IntegerField[int, int]" = models.IntegerField()
    running: "models.IntegerField[int, int]" = models.IntegerField()
    seen_at: "models.FloatField[float, float]" = models.FloatField()

    class Meta:
        """Options of the table."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name"], name="clerk_hooks_worker_key")
        ]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.name
