"""Roles of members in organizations: the ``role.*`` events."""

from typing import Literal

from pydantic import Field

from ._base import DeletedObject, Event, Model, Timestamp, empty_list
from .permission import EmbeddedPermission


class Role(Model, frozen=True):
    """A role that members of organizations can have."""

    id: str
    """Id of the role (``role_...``)."""
    object: str | None = None
    """Kind of this object: ``role``."""
    key: str | None = None
    """What code asks for, such as ``org:admin``."""
    name: str | None = None
    """Display name."""
    description: str | None = None
    """What it is for."""
    is_creator_eligible: bool | None = None
    """Whether it can be the role that the creator of an organization gets."""
    permissions: list[EmbeddedPermission] = Field(default_factory=empty_list, fail_fast=True)
    """What members with this role may do."""
    created_at: Timestamp | None = None
    """When it was created."""
    updated_at: Timestamp | None = None
    """When it was last changed."""


class RoleCreated(Event[Role], frozen=True):
    """``role.created``: a role was defined."""

    type: Literal["role.created"]


class RoleUpdated(Event[Role], frozen=True):
    """``role.updated``: a role or its permissions changed."""

    type: Literal["role.updated"]


class RoleDeleted(Event[DeletedObject], frozen=True):
    """``role.deleted``: a role was deleted."""

    type: Literal["role.deleted"]


RoleEvent = RoleCreated | RoleUpdated | RoleDeleted
"""Any event of a role."""
