"""The tables of claims and marks."""

from typing import ClassVar

from django.db import migrations, models

from clerk_hooks.contrib.django.fields import KeyField


class Migration(migrations.Migration):
    """Create both tables."""

    initial = True
    dependencies: ClassVar = []
    operations: ClassVar = [
        migrations.CreateModel(
            name="Claim",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("message_id", KeyField(max_length=255)),
                ("handler", KeyField(max_length=255)),
                ("token", models.CharField(max_length=32)),
                ("leased_until", models.FloatField(null=True)),
                ("forget_at", models.FloatField()),
                ("object_key", KeyField(max_length=255, null=True)),
            ],
            options={
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["forget_at"], name="clerk_hooks_claim_forget_at"),
                    models.Index(fields=["object_key"], name="clerk_hooks_claim_object_key"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("message_id", "handler"), name="clerk_hooks_claim_key"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Mark",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("object_key", KeyField(max_length=255)),
                ("newest_at", models.BigIntegerField(null=True)),
                ("is_deleted", models.BooleanField()),
                ("forget_at", models.FloatField()),
            ],
            options={
                "default_permissions": ("view",),
                "indexes": [models.Index(fields=["forget_at"], name="clerk_hooks_mark_forget_at")],
                "constraints": [
                    models.UniqueConstraint(fields=("object_key",), name="clerk_hooks_mark_key")
                ],
            },
        ),
    ]
