"""Emails that Clerk sends, or leaves to the application: the ``email.created`` event."""

from typing import Literal

from pydantic import Field

from ._base import Event, Metadata, Model


class Email(Model, frozen=True):
    """An email to a user; where `delivered_by_clerk` is false, the application has to send it."""

    id: str
    """Id of the email (``ema_...``)."""
    object: str | None = None
    """Kind of this object: ``email``."""
    slug: str | None = None
    """Which of Clerk's templates it is, such as ``verification_code``."""
    status: str | None = None
    """Progress of the sending, such as ``queued``."""
    suppression_reason: str | None = None
    """Why Clerk did not send it, if it did not; null otherwise, and not sent before late 2026."""
    delivered_by_clerk: bool | None = None
    """Whether Clerk sends it; if not, the application has to."""
    user_id: str | None = None
    """Id of the user it is for, if there is one yet."""
    email_address_id: str | None = None
    """Id of the address it goes to, if a user has it already."""
    from_email_name: str | None = None
    """The part of the sender's address before the ``@``."""
    reply_to_email_name: str | None = None
    """The part of the reply address before the ``@``."""
    to_email_address: str | None = None
    """The address it goes to."""
    subject: str | None = None
    """Subject line."""
    body: str | None = None
    """The text as HTML. It may contain a one-time code or a sign-in link: do not log it."""
    body_plain: str | None = None
    """The text without markup, with the same secrets."""
    data: Metadata | None = Field(default_factory=dict)
    """The values in the template (``otp_code``, ``app``, ...), with the same secrets."""


class EmailCreated(Event[Email], frozen=True):
    """``email.created``: an email was written; Clerk sends it, or leaves that to you."""

    type: Literal["email.created"]


EmailEvent = EmailCreated
"""Any event of an email."""
