"""Permissions that roles in organizations are made of: the ``permission.*`` events."""

from typing import Literal

from pydantic import Field

from ._base import DeletedObject, Event, Model, Timestamp


class EmbeddedPermission(Model, frozen=True):
    """A permission as a role shows it: like `Permission`, but `id` may be missing."""

    id: str | None = None
    """Id of the permission (``perm_...``)."""
    object: str | None = None
    """Kind of this object: ``permission``."""
    key: str | None = None
    """What code asks for, such as ``org:billing:manage``."""
    name: str | None = None
    """Display name."""
    description: str | None = None
    """What it is for."""
    type: str | None = None
    """Who defined it: ``system`` for Clerk, ``user`` or ``custom`` for the application."""
    created_at: Timestamp | None = None
    """When it was created."""
    updated_at: Timestamp | None = None
    """When it was last changed."""


class Permission(EmbeddedPermission, frozen=True):
    """Something that members of an organization may do if their role allows it."""

    id: str = Field()
    """Id of the permission (``perm_...``)."""


class PermissionCreated(Event[Permission], frozen=True):
    """``permission.created``: a permission was defined."""

    type: Literal["permission.created"]


class PermissionUpdated(Event[Permission], frozen=True):
    """``permission.updated``: a permission's name, key or description changed."""

    type: Literal["permission.updated"]


class PermissionDeleted(Event[DeletedObject], frozen=True):
    """``permission.deleted``: a permission was deleted."""

    type: Literal["permission.deleted"]


PermissionEvent = PermissionCreated | PermissionUpdated | PermissionDeleted
"""Any event of a permission."""
