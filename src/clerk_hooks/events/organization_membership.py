"""Memberships of users in organizations: the ``organizationMembership.*`` events."""

from typing import Literal

from pydantic import Field

from ._base import Event, Metadata, Model, Timestamp, empty_list
from .organization import EmbeddedOrganization, PublicUserData


class EmbeddedOrganizationMembership(Model, frozen=True):
    """A membership as a user shows it: like `OrganizationMembership`, but `id` may be missing."""

    id: str | None = None
    """Id of the membership (``orgmem_...``)."""
    object: str | None = None
    """Kind of this object: ``organization_membership``."""
    role: str | None = None
    """Key of the member's role: ``org:admin``, ``org:member``, ...; in old payloads ``admin``."""
    role_name: str | None = None
    """Display name of the role."""
    permissions: list[str] = Field(default_factory=empty_list, fail_fast=True)
    """Keys of the role's permissions, such as ``org:sys_memberships:manage``."""
    organization: EmbeddedOrganization | None = None
    """The organization."""
    public_user_data: PublicUserData | None = None
    """The member."""
    public_metadata: Metadata = Field(default_factory=dict)
    """Data of the application, readable in the browser."""
    private_metadata: Metadata = Field(default_factory=dict)
    """Data of the application, readable by servers only."""
    created_at: Timestamp | None = None
    """When the user joined."""
    updated_at: Timestamp | None = None
    """When the membership was last changed."""


class OrganizationMembership(EmbeddedOrganizationMembership, frozen=True):
    """A user's membership in an organization."""

    id: str = Field()
    """Id of the membership (``orgmem_...``)."""


class OrganizationMembershipCreated(Event[OrganizationMembership], frozen=True):
    """``organizationMembership.created``: a user became a member of an organization."""

    type: Literal["organizationMembership.created"]


class OrganizationMembershipUpdated(Event[OrganizationMembership], frozen=True):
    """``organizationMembership.updated``: a member's role or metadata changed."""

    type: Literal["organizationMembership.updated"]


class OrganizationMembershipDeleted(Event[OrganizationMembership], frozen=True):
    """``organizationMembership.deleted``: a user left an organization or was removed from it;
    ``data`` is the whole former membership.
    """

    type: Literal["organizationMembership.deleted"]


OrganizationMembershipEvent = (
    OrganizationMembershipCreated | OrganizationMembershipUpdated | OrganizationMembershipDeleted
)
"""Any event of a membership."""
