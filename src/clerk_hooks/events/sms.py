"""Text messages that Clerk sends, or leaves to the application: the ``sms.created`` event."""

from typing import Literal

from pydantic import Field

from ._base import Event, Metadata, Model, Timestamp


class Sms(Model, frozen=True):
    """A text message to a user; where `delivered_by_clerk` is false, the application sends it."""

    id: str
    """Id of the message (``sms_...``)."""
    object: str | None = None
    """Kind of this object: ``sms_message``."""
    slug: str | None = None
    """Which of Clerk's templates it is, such as ``verification_code``."""
    status: str | None = None
    """Progress of the sending, such as ``queued``."""
    delivered_by_clerk: bool | None = None
    """Whether Clerk sends it; if not, the application has to."""
    user_id: str | None = None
    """Id of the user it is for, if there is one yet."""
    phone_number_id: str | None = None
    """Id of the number it goes to, if a user has it already."""
    from_phone_number: str | None = None
    """The number it comes from."""
    to_phone_number: str | None = None
    """The number it goes to."""
    message: str | None = None
    """The text. It may contain a one-time code: do not log it."""
    data: Metadata | None = Field(default_factory=dict)
    """The values in the template (``otp_code``, ``app``, ...), with the same secrets."""
    created_at_ms: Timestamp | None = None
    """When it was written."""
    created_at: Timestamp | None = None
    """Another name of `created_at_ms`; payloads have one of the two."""


class SmsCreated(Event[Sms], frozen=True):
    """``sms.created``: a text message was written; Clerk sends it, or leaves that to you."""

    type: Literal["sms.created"]


SmsEvent = SmsCreated
"""Any event of a text message."""
