"""The tables, as ``python manage.py makemigrations`` writes them."""

from typing import ClassVar

from django.db import migrations, models
from django.db.models.deletion import CASCADE


class Migration(migrations.Migration):
    """Create the tables."""

    initial = True
    dependencies: ClassVar = []
    operations: ClassVar = [
        migrations.CreateModel(
            name="Organization",
            fields=[
                ("id", models.CharField(max_length=255, primary_key=True, serialize=False)),
                ("deleted_at", models.DateTimeField(null=True)),
                ("name", models.CharField(max_length=255)),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("id", models.CharField(max_length=255, primary_key=True, serialize=False)),
                ("deleted_at", models.DateTimeField(null=True)),
                ("email", models.CharField(max_length=255)),
                ("name", models.CharField(max_length=255)),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.CharField(max_length=255, primary_key=True, serialize=False)),
                ("deleted_at", models.DateTimeField(null=True)),
                ("role", models.CharField(max_length=255)),
                ("organization", models.ForeignKey(on_delete=CASCADE, to="accounts.organization")),
                ("user", models.ForeignKey(on_delete=CASCADE, to="accounts.user")),
            ],
            options={"abstract": False},
        ),
    ]
