"""The tables of messages and workers."""

from typing import ClassVar

from django.db import migrations, models

from clerk_hooks.contrib.django.fields import KeyField


class Migration(migrations.Migration):
    """Create both tables."""

    dependencies: ClassVar = [("clerk_hooks", "0001_initial")]
    operations: ClassVar = [
        migrations.CreateModel(
            name="Message",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("message_id", KeyField(max_length=255)),
                ("attempted_at", models.FloatField()),
                ("event_type", KeyField(max_length=255, null=True)),
                ("payload", models.BinaryField(null=True)),
                ("carrier", models.TextField()),
                ("accepted_at", models.FloatField()),
                ("state", models.CharField(max_length=9)),
                ("due_at", models.FloatField()),
                ("takes", models.IntegerField()),
                ("failures", models.IntegerField()),
                ("put_backs", models.IntegerField()),
                ("done", models.TextField()),
                ("reason", models.TextField()),
                ("token", models.CharField(max_length=32, null=True)),
            ],
            options={
                "default_permissions": ("view", "retry", "delete"),
                "indexes": [
                    models.Index(fields=["state", "due_at"], name="clerk_hooks_message_due_at")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("message_id",), name="clerk_hooks_message_key")
                ],
            },
        ),
        migrations.CreateModel(
            name="Worker",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", KeyField(max_length=255)),
                ("slots", models.IntegerField()),
                ("running", models.IntegerField()),
                ("seen_at", models.FloatField()),
            ],
            options={
                "default_permissions": ("view",),
                "constraints": [
                    models.UniqueConstraint(fields=("name",), name="clerk_hooks_worker_key")
                ],
            },
        ),
    ]
