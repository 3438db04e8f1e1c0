"""Copies of Clerk's users, organizations and memberships."""

from datetime import datetime
from typing import TypeAlias

from django.db import models

Text: TypeAlias = "models.CharField[str, str]"


class Copy(models.Model):
    """What all of them have. A deleted object leaves a row, so that nothing late revives it."""

    id: Text = models.CharField(primary_key=True, max_length=255)
    deleted_at: "models.DateTimeField[datetime | None, datetime | None]" = models.DateTimeField(
        null=True
    )

    class Meta:
        """No table of its own."""

        abstract = True


class User(Copy):
    """A user of the application."""

    email: Text = models.CharField(max_length=255)
    name: Text = models.CharField(max_length=255)


class Organization(Copy):
    """An organization of users."""

    name: Text = models.CharField(max_length=255)


class Membership(Copy):
    """A user's membership in an organization."""

    user: "models.ForeignKey[User, User]" = models.ForeignKey(User, models.CASCADE)
    organization: "models.ForeignKey[Organization, Organization]" = models.ForeignKey(
        Organization, models.CASCADE
    )
    role: Text = models.CharField(max_length=255)
