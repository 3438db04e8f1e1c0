"""The unions over all families. Importing this imports, and so builds, every model."""

from ._base import UnknownEvent
from .email import EmailEvent
from .organization import OrganizationEvent
from .organization_domain import OrganizationDomainEvent
from .organization_invitation import OrganizationInvitationEvent
from .organization_membership import OrganizationMembershipEvent
from .payment_attempt import PaymentAttemptEvent
from .permission import PermissionEvent
from .role import RoleEvent
from .session import SessionEvent
from .sms import SmsEvent
from .subscription import SubscriptionEvent
from .subscription_item import SubscriptionItemEvent
from .user import UserEvent
from .waitlist_entry import WaitlistEntryEvent

KnownEvent = (
    EmailEvent
    | OrganizationEvent
    | OrganizationDomainEvent
    | OrganizationInvitationEvent
    | OrganizationMembershipEvent
    | PaymentAttemptEvent
    | PermissionEvent
    | RoleEvent
    | SessionEvent
    | SmsEvent
    | SubscriptionEvent
    | SubscriptionItemEvent
    | UserEvent
    | WaitlistEntryEvent
)
"""An event of a type that this version of the library knows."""

AnyEvent = KnownEvent | UnknownEvent
"""Any event."""
