"""Entries of the waitlist: the ``waitlistEntry.*`` events."""

from typing import Literal

from pydantic import Field

from ._base import Event, Metadata, Model, Timestamp


class Invitation(Model, frozen=True):
    """An invitation by email to sign up."""

    id: str | None = None
    """Id of the invitation (``inv_...``)."""
    object: str | None = None
    """Kind of this object: ``invitation``."""
    status: str | None = None
    """``pending``, ``accepted``, ``revoked`` or ``expired``."""
    email_address: str | None = None
    """The address that is invited."""
    revoked: bool | None = None
    """Whether it was withdrawn."""
    url: str | None = None
    """Link to accept it with. Anyone who has it can sign up: do not log it."""
    public_metadata: Metadata | None = Field(default_factory=dict)
    """Data of the application, readable in the browser; becomes the user's."""
    expires_at: Timestamp | None = None
    """Deadline for accepting it."""
    created_at: Timestamp | None = None
    """When it was sent."""
    updated_at: Timestamp | None = None
    """When it was last changed."""


class WaitlistEntry(Model, frozen=True):
    """A person on the waitlist."""

    id: str
    """Id of the entry (``wle_...``)."""
    object: str | None = None
    """Kind of this object: ``waitlist_entry``; in some payloads ``waitlistEntry``."""
    status: str | None = None
    """``pending``, ``invited``, ``rejected`` or ``completed``."""
    email_address: str | None = None
    """Email address of the person."""
    is_locked: bool | None = None
    """Whether it is locked for now, because many entries are being changed at once."""
    invitation: Invitation | None = None
    """The invitation to sign up, once there is one."""
    created_at: Timestamp | None = None
    """When the person joined the waitlist."""
    updated_at: Timestamp | None = None
    """When it was last changed."""


class WaitlistEntryCreated(Event[WaitlistEntry], frozen=True):
    """``waitlistEntry.created``: somebody joined the waitlist."""

    type: Literal["waitlistEntry.created"]


class WaitlistEntryUpdated(Event[WaitlistEntry], frozen=True):
    """``waitlistEntry.updated``: an entry changed, for example because the person was invited."""

    type: Literal["waitlistEntry.updated"]


WaitlistEntryEvent = WaitlistEntryCreated | WaitlistEntryUpdated
"""Any event of an entry of the waitlist."""
