"""Organizations: the ``organization.*`` events, and the organizations inside other objects."""

from typing import Literal

from pydantic import Field

from ._base import DeletedObject, Event, Metadata, Model, Timestamp


class PublicOrganizationData(Model, frozen=True):
    """The part of an organization that outsiders may see."""

    id: str | None = None
    """Id of the organization (``org_...``)."""
    object: str | None = None
    """Kind of this object; Clerk's own types name it, its deliveries leave it out."""
    name: str | None = None
    """Display name."""
    slug: str | None = None
    """Name for use in URLs, unique in the instance."""
    image_url: str | None = None
    """URL of the logo, or of a generated picture."""
    has_image: bool | None = None
    """Whether somebody uploaded a logo."""


class PublicUserData(Model, frozen=True):
    """The part of a user that other members of an organization may see."""

    user_id: str | None = None
    """Id of the user (``user_...``)."""
    first_name: str | None = None
    """First name."""
    last_name: str | None = None
    """Last name."""
    identifier: str | None = None
    """How the user is known: usually an email address, otherwise a phone number or a username."""
    username: str | None = None
    """Username."""
    image_url: str | None = None
    """URL of the user's picture."""
    profile_image_url: str | None = None
    """Older name of `image_url`."""
    has_image: bool | None = None
    """Whether the picture was uploaded or comes from a social account."""
    banned: bool | None = None
    """Whether the user is banned."""
    deprovisioned: bool | None = None
    """Whether the user's directory has withdrawn the access."""


class EmbeddedOrganization(Model, frozen=True):
    """An organization as other objects show it: like `Organization`, but `id` may be missing."""

    id: str | None = None
    """Id of the organization (``org_...``)."""
    object: str | None = None
    """Kind of this object: ``organization``."""
    name: str | None = None
    """Display name."""
    slug: str | None = None
    """Name for use in URLs, unique in the instance."""
    image_url: str | None = None
    """URL of the logo, or of a generated picture."""
    logo_url: str | None = None
    """Older form of `image_url`, null without a logo."""
    has_image: bool | None = None
    """Whether somebody uploaded a logo."""
    created_by: str | None = None
    """Id of the user who created it."""
    members_count: int | None = None
    """How many members it has."""
    pending_invitations_count: int | None = None
    """How many invitations are not answered yet."""
    max_allowed_memberships: int | None = None
    """How many members it may have; 0 means no limit."""
    missing_member_with_elevated_permissions: bool | None = None
    """Whether it has no member left who can manage it."""
    admin_delete_enabled: bool | None = None
    """Whether its administrators may delete it."""
    role_set_key: str | None = None
    """Key of the role set that its roles come from."""
    public_metadata: Metadata | None = Field(default_factory=dict)
    """Data of the application, readable in the browser."""
    private_metadata: Metadata = Field(default_factory=dict)
    """Data of the application, readable by servers only."""
    last_active_at: Timestamp | None = None
    """When a member was last active in it."""
    created_at: Timestamp | None = None
    """When it was created."""
    updated_at: Timestamp | None = None
    """When it was last changed."""


class Organization(EmbeddedOrganization, frozen=True):
    """An organization."""

    id: str = Field()
    """Id of the organization (``org_...``)."""


class OrganizationCreated(Event[Organization], frozen=True):
    """``organization.created``: somebody created an organization."""

    type: Literal["organization.created"]


class OrganizationUpdated(Event[Organization], frozen=True):
    """``organization.updated``: an organization's name, logo, metadata or settings changed."""

    type: Literal["organization.updated"]


class OrganizationDeleted(Event[DeletedObject], frozen=True):
    """``organization.deleted``: an organization was deleted."""

    type: Literal["organization.deleted"]


OrganizationEvent = OrganizationCreated | OrganizationUpdated | OrganizationDeleted
"""Any event of an organization."""
