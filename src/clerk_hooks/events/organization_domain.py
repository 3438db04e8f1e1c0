"""Email domains that belong to organizations: the ``organizationDomain.*`` events."""

from typing import Literal

from ._base import DeletedObject, Event, Model, Timestamp
from .organization import PublicOrganizationData


class OrganizationDomainVerification(Model, frozen=True):
    """Whether, and how, an organization proved that it owns a domain."""

    status: str | None = None
    """``unverified``, ``verified``, ``failed`` or ``expired``."""
    strategy: str | None = None
    """The method, such as ``email_code``."""
    attempts: int | None = None
    """Number of attempts."""
    expire_at: Timestamp | None = None
    """Deadline for completing it."""
    expires_at: Timestamp | None = None
    """Another name of `expire_at`."""
    verified_at: Timestamp | None = None
    """When it was completed; on the proof of ownership only."""


class OrganizationDomain(Model, frozen=True):
    """An email domain whose users an organization takes in."""

    id: str
    """Id of the domain (``orgdmn_...``)."""
    object: str | None = None
    """Kind of this object: ``organization_domain``."""
    organization_id: str | None = None
    """Id of the organization (``org_...``)."""
    name: str | None = None
    """The domain, such as ``example.com``."""
    enrollment_mode: str | None = None
    """How its users get in: ``manual_invitation``, ``automatic_invitation``,
    ``automatic_suggestion`` or ``enterprise_sso``."""
    affiliation_email_address: str | None = None
    """Address in the domain through which the organization proves that it belongs to it."""
    affiliation_verification: OrganizationDomainVerification | None = None
    """The proof, by email, that the organization belongs to the domain."""
    ownership_verification: OrganizationDomainVerification | None = None
    """The proof, by DNS or in the dashboard, that the organization owns the domain."""
    verification: OrganizationDomainVerification | None = None
    """Older name of `affiliation_verification`."""
    total_pending_invitations: int | None = None
    """How many invitations for the domain are not answered yet."""
    total_pending_suggestions: int | None = None
    """How many suggestions to users of the domain are not answered yet."""
    public_organization_data: PublicOrganizationData | None = None
    """The organization."""
    created_at: Timestamp | None = None
    """When it was added."""
    updated_at: Timestamp | None = None
    """When it was last changed."""


class OrganizationDomainCreated(Event[OrganizationDomain], frozen=True):
    """``organizationDomain.created``: an organization added an email domain."""

    type: Literal["organizationDomain.created"]


class OrganizationDomainUpdated(Event[OrganizationDomain], frozen=True):
    """``organizationDomain.updated``: a domain's enrollment mode or verification changed."""

    type: Literal["organizationDomain.updated"]


class OrganizationDomainDeleted(Event[DeletedObject], frozen=True):
    """``organizationDomain.deleted``: an organization removed an email domain."""

    type: Literal["organizationDomain.deleted"]


OrganizationDomainEvent = (
    OrganizationDomainCreated | OrganizationDomainUpdated | OrganizationDomainDeleted
)
"""Any event of a domain."""
