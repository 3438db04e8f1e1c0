"""Sessions of users: the ``session.*`` events."""

from typing import Literal

from pydantic import Field

from ._base import Event, Metadata, Model, Timestamp
from .user import EmbeddedUser


class SessionActivity(Model, frozen=True):
    """Device and place from which a session was last used."""

    id: str | None = None
    """Id of the activity (``sess_activity_...``)."""
    object: str | None = None
    """Kind of this object: ``session_activity``."""
    device_type: str | None = None
    """Device or operating system, such as ``Macintosh``."""
    is_mobile: bool | None = None
    """Whether the device is a mobile one."""
    browser_name: str | None = None
    """Name of the browser."""
    browser_version: str | None = None
    """Version of the browser."""
    ip_address: str | None = None
    """IPv4 or IPv6 address."""
    city: str | None = None
    """City, guessed from the address."""
    country: str | None = None
    """Country, guessed from the address."""


class Session(Model, frozen=True):
    """A period in which a user is signed in on one client."""

    id: str
    """Id of the session (``sess_...``)."""
    object: str | None = None
    """Kind of this object: ``session``."""
    status: str | None = None
    """``active``, ``pending``, ``revoked``, ``ended``, ``expired``, ``removed``, ``abandoned`` or
    ``replaced``."""
    user_id: str | None = None
    """Id of the user (``user_...``)."""
    user: EmbeddedUser | None = None
    """The user; not sent before late 2025."""
    client_id: str | None = None
    """Id of the client, such as a browser (``client_...``)."""
    actor: Metadata | None = Field(default_factory=dict)
    """The person who impersonates the user, if somebody does; ``sub`` is that person's id."""
    last_active_organization_id: str | None = None
    """Id of the organization that the user worked in last."""
    latest_activity: SessionActivity | None = None
    """Device and place of the last use."""
    last_active_at: Timestamp | None = None
    """When it was last used."""
    expire_at: Timestamp | None = None
    """When it ends at the latest."""
    abandon_at: Timestamp | None = None
    """When it ends if it is not used."""
    created_at: Timestamp | None = None
    """When the user signed in."""
    updated_at: Timestamp | None = None
    """When it was last changed."""


class SessionCreated(Event[Session], frozen=True):
    """``session.created``: a user signed in."""

    type: Literal["session.created"]


class SessionPending(Event[Session], frozen=True):
    """``session.pending``: a user signed in, but has a task to complete before the session becomes
    active.
    """

    type: Literal["session.pending"]


class SessionEnded(Event[Session], frozen=True):
    """``session.ended``: a session ended, for example because the user signed out."""

    type: Literal["session.ended"]


class SessionRemoved(Event[Session], frozen=True):
    """``session.removed``: a session was removed from its client."""

    type: Literal["session.removed"]


class SessionRevoked(Event[Session], frozen=True):
    """``session.revoked``: the application, or the user on another device, ended a session."""

    type: Literal["session.revoked"]


SessionEvent = SessionCreated | SessionPending | SessionEnded | SessionRemoved | SessionRevoked
"""Any event of a session."""
