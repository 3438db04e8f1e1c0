"""Invitations to organizations: the ``organizationInvitation.*`` events."""

from typing import Literal

from pydantic import Field

from ._base import Event, Metadata, Model, Timestamp
from .organization import PublicOrganizationData, PublicUserData


class OrganizationInvitationData(Model, frozen=True):
    """An inner ``data`` of invitations, which Clerk documents and seldom sends."""

    public_organization_data: PublicOrganizationData | None = None
    """The organization."""


class OrganizationInvitation(Model, frozen=True):
    """An invitation by email to become a member of an organization."""

    id: str
    """Id of the invitation (``orginv_...``)."""
    object: str | None = None
    """Kind of this object: ``organization_invitation``."""
    status: str | None = None
    """``pending``, ``accepted`` or ``revoked``."""
    email_address: str | None = None
    """The address that is invited."""
    role: str | None = None
    """Key of the future role: ``org:admin``, ``org:member``, ...; in old payloads ``admin``."""
    role_name: str | None = None
    """Display name of the role."""
    organization_id: str | None = None
    """Id of the organization (``org_...``)."""
    inviter_id: str | None = None
    """Id of the user who invites; null if the application does."""
    public_inviter_data: PublicUserData | None = None
    """The user who invites."""
    user_id: str | None = None
    """Id of the user who accepted (``organizationInvitation.accepted`` only)."""
    url: str | None = None
    """Link to accept it with. Anyone who has it can join: do not log it."""
    public_organization_data: PublicOrganizationData | None = None
    """The organization; see also `data`."""
    data: OrganizationInvitationData | None = None
    """Another place for `public_organization_data`."""
    public_metadata: Metadata | None = Field(default_factory=dict)
    """Data of the application, readable in the browser; becomes the membership's."""
    private_metadata: Metadata = Field(default_factory=dict)
    """Data of the application, readable by servers only; becomes the membership's."""
    expires_at: Timestamp | None = None
    """Deadline for accepting it."""
    created_at: Timestamp | None = None
    """When it was sent."""
    updated_at: Timestamp | None = None
    """When it was last changed."""


class OrganizationInvitationCreated(Event[OrganizationInvitation], frozen=True):
    """``organizationInvitation.created``: somebody was invited to an organization."""

    type: Literal["organizationInvitation.created"]


class OrganizationInvitationAccepted(Event[OrganizationInvitation], frozen=True):
    """``organizationInvitation.accepted``: the invited person joined the organization."""

    type: Literal["organizationInvitation.accepted"]


class OrganizationInvitationRevoked(Event[OrganizationInvitation], frozen=True):
    """``organizationInvitation.revoked``: an invitation was withdrawn before it was accepted."""

    type: Literal["organizationInvitation.revoked"]


OrganizationInvitationEvent = (
    OrganizationInvitationCreated | OrganizationInvitationAccepted | OrganizationInvitationRevoked
)
"""Any event of an invitation to an organization."""
