"""The events of Clerk: a class per type, a union per family, and the models of their data.

    from clerk_hooks.events import UserCreated, UserEvent

imports, and builds, no more than users and what they contain: a name is imported when it is first
asked for. Only `KnownEvent` and `AnyEvent`, the unions of all, import everything.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._base import DeletedObject as DeletedObject
    from ._base import Event as Event
    from ._base import EventAttributes as EventAttributes
    from ._base import HttpRequest as HttpRequest
    from ._base import Metadata as Metadata
    from ._base import Model as Model
    from ._base import Timestamp as Timestamp
    from ._base import UnknownEvent as UnknownEvent
    from ._catalog import AnyEvent as AnyEvent
    from ._catalog import KnownEvent as KnownEvent
    from .email import Email as Email
    from .email import EmailCreated as EmailCreated
    from .email import EmailEvent as EmailEvent
    from .organization import EmbeddedOrganization as EmbeddedOrganization
    from .organization import Organization as Organization
    from .organization import OrganizationCreated as OrganizationCreated
    from .organization import OrganizationDeleted as OrganizationDeleted
    from .organization import OrganizationEvent as OrganizationEvent
    from .organization import OrganizationUpdated as OrganizationUpdated
    from .organization import PublicOrganizationData as PublicOrganizationData
    from .organization import PublicUserData as PublicUserData
    from .organization_domain import OrganizationDomain as OrganizationDomain
    from .organization_domain import OrganizationDomainCreated as OrganizationDomainCreated
    from .organization_domain import OrganizationDomainDeleted as OrganizationDomainDeleted
    from .organization_domain import OrganizationDomainEvent as OrganizationDomainEvent
    from .organization_domain import OrganizationDomainUpdated as OrganizationDomainUpdated
    from .organization_domain import (
        OrganizationDomainVerification as OrganizationDomainVerification,
    )
    from .organization_invitation import OrganizationInvitation as OrganizationInvitation
    from .organization_invitation import (
        OrganizationInvitationAccepted as OrganizationInvitationAccepted,
    )
    from .organization_invitation import (
        OrganizationInvitationCreated as OrganizationInvitationCreated,
    )
    from .organization_invitation import OrganizationInvitationData as OrganizationInvitationData
    from .organization_invitation import OrganizationInvitationEvent as OrganizationInvitationEvent
    from .organization_invitation import (
        OrganizationInvitationRevoked as OrganizationInvitationRevoked,
    )
    from .organization_membership import (
        EmbeddedOrganizationMembership as EmbeddedOrganizationMembership,
    )
    from .organization_membership import OrganizationMembership as OrganizationMembership
    from .organization_membership import (
        OrganizationMembershipCreated as OrganizationMembershipCreated,
    )
    from .organization_membership import (
        OrganizationMembershipDeleted as OrganizationMembershipDeleted,
    )
    from .organization_membership import OrganizationMembershipEvent as OrganizationMembershipEvent
    from .organization_membership import (
        OrganizationMembershipUpdated as OrganizationMembershipUpdated,
    )
    from .payment_attempt import BillingPayee as BillingPayee
    from .payment_attempt import BillingPaymentFailedReason as BillingPaymentFailedReason
    from .payment_attempt import BillingPaymentSource as BillingPaymentSource
    from .payment_attempt import BillingTotals as BillingTotals
    from .payment_attempt import BillingUnitTotal as BillingUnitTotal
    from .payment_attempt import PaymentAttempt as PaymentAttempt
    from .payment_attempt import PaymentAttemptCreated as PaymentAttemptCreated
    from .payment_attempt import PaymentAttemptEvent as PaymentAttemptEvent
    from .payment_attempt import PaymentAttemptUpdated as PaymentAttemptUpdated
    from .permission import EmbeddedPermission as EmbeddedPermission
    from .permission import Permission as Permission
    from .permission import PermissionCreated as PermissionCreated
    from .permission import PermissionDeleted as PermissionDeleted
    from .permission import PermissionEvent as PermissionEvent
    from .permission import PermissionUpdated as PermissionUpdated
    from .role import Role as Role
    from .role import RoleCreated as RoleCreated
    from .role import RoleDeleted as RoleDeleted
    from .role import RoleEvent as RoleEvent
    from .role import RoleUpdated as RoleUpdated
    from .session import Session as Session
    from .session import SessionActivity as SessionActivity
    from .session import SessionCreated as SessionCreated
    from .session import SessionEnded as SessionEnded
    from .session import SessionEvent as SessionEvent
    from .session import SessionPending as SessionPending
    from .session import SessionRemoved as SessionRemoved
    from .session import SessionRevoked as SessionRevoked
    from .sms import Sms as Sms
    from .sms import SmsCreated as SmsCreated
    from .sms import SmsEvent as SmsEvent
    from .subscription import Subscription as Subscription
    from .subscription import SubscriptionActive as SubscriptionActive
    from .subscription import SubscriptionCreated as SubscriptionCreated
    from .subscription import SubscriptionEvent as SubscriptionEvent
    from .subscription import SubscriptionPastDue as SubscriptionPastDue
    from .subscription import SubscriptionUpdated as SubscriptionUpdated
    from .subscription_item import BillingAmount as BillingAmount
    from .subscription_item import BillingCredit as BillingCredit
    from .subscription_item import BillingCredits as BillingCredits
    from .subscription_item import BillingPayer as BillingPayer
    from .subscription_item import BillingPayerCredit as BillingPayerCredit
    from .subscription_item import BillingPlan as BillingPlan
    from .subscription_item import BillingSeats as BillingSeats
    from .subscription_item import BillingUnitPrice as BillingUnitPrice
    from .subscription_item import BillingUnitPriceTier as BillingUnitPriceTier
    from .subscription_item import EmbeddedSubscriptionItem as EmbeddedSubscriptionItem
    from .subscription_item import SubscriptionItem as SubscriptionItem
    from .subscription_item import SubscriptionItemAbandoned as SubscriptionItemAbandoned
    from .subscription_item import SubscriptionItemActive as SubscriptionItemActive
    from .subscription_item import SubscriptionItemCanceled as SubscriptionItemCanceled
    from .subscription_item import SubscriptionItemCreated as SubscriptionItemCreated
    from .subscription_item import SubscriptionItemEnded as SubscriptionItemEnded
    from .subscription_item import SubscriptionItemEvent as SubscriptionItemEvent
    from .subscription_item import (
        SubscriptionItemFreeTrialEnding as SubscriptionItemFreeTrialEnding,
    )
    from .subscription_item import SubscriptionItemIncomplete as SubscriptionItemIncomplete
    from .subscription_item import SubscriptionItemPastDue as SubscriptionItemPastDue
    from .subscription_item import SubscriptionItemUpcoming as SubscriptionItemUpcoming
    from .subscription_item import SubscriptionItemUpdated as SubscriptionItemUpdated
    from .user import ClerkError as ClerkError
    from .user import EmailAddress as EmailAddress
    from .user import EmbeddedUser as EmbeddedUser
    from .user import EnterpriseAccount as EnterpriseAccount
    from .user import EnterpriseAccountConnection as EnterpriseAccountConnection
    from .user import ExternalAccount as ExternalAccount
    from .user import IdentificationLink as IdentificationLink
    from .user import Passkey as Passkey
    from .user import PhoneNumber as PhoneNumber
    from .user import SAMLAccount as SAMLAccount
    from .user import SAMLAccountConnection as SAMLAccountConnection
    from .user import SCIMUserMetadata as SCIMUserMetadata
    from .user import User as User
    from .user import UserCreated as UserCreated
    from .user import UserDeleted as UserDeleted
    from .user import UserEvent as UserEvent
    from .user import UserUpdated as UserUpdated
    from .user import Verification as Verification
    from .user import Web3Wallet as Web3Wallet
    from .waitlist_entry import Invitation as Invitation
    from .waitlist_entry import WaitlistEntry as WaitlistEntry
    from .waitlist_entry import WaitlistEntryCreated as WaitlistEntryCreated
    from .waitlist_entry import WaitlistEntryEvent as WaitlistEntryEvent
    from .waitlist_entry import WaitlistEntryUpdated as WaitlistEntryUpdated

if not TYPE_CHECKING:
    from importlib import import_module

    from ..event_types import EVENT_TYPES

    # Name -> module. Event classes and unions are added below: they follow from the event types.
    _MODULES = {
        "Timestamp": "_base",
        "Metadata": "_base",
        "Model": "_base",
        "HttpRequest": "_base",
        "EventAttributes": "_base",
        "DeletedObject": "_base",
        "Event": "_base",
        "UnknownEvent": "_base",
        "KnownEvent": "_catalog",
        "AnyEvent": "_catalog",
        "Email": "email",
        "PublicOrganizationData": "organization",
        "PublicUserData": "organization",
        "EmbeddedOrganization": "organization",
        "Organization": "organization",
        "OrganizationDomainVerification": "organization_domain",
        "OrganizationDomain": "organization_domain",
        "OrganizationInvitationData": "organization_invitation",
        "OrganizationInvitation": "organization_invitation",
        "EmbeddedOrganizationMembership": "organization_membership",
        "OrganizationMembership": "organization_membership",
        "BillingPaymentFailedReason": "payment_attempt",
        "BillingPayee": "payment_attempt",
        "BillingUnitTotal": "payment_attempt",
        "BillingTotals": "payment_attempt",
        "BillingPaymentSource": "payment_attempt",
        "PaymentAttempt": "payment_attempt",
        "EmbeddedPermission": "permission",
        "Permission": "permission",
        "Role": "role",
        "SessionActivity": "session",
        "Session": "session",
        "Sms": "sms",
        "Subscription": "subscription",
        "BillingAmount": "subscription_item",
        "BillingPayer": "subscription_item",
        "BillingUnitPriceTier": "subscription_item",
        "BillingUnitPrice": "subscription_item",
        "BillingPlan": "subscription_item",
        "BillingSeats": "subscription_item",
        "BillingCredit": "subscription_item",
        "BillingPayerCredit": "subscription_item",
        "BillingCredits": "subscription_item",
        "EmbeddedSubscriptionItem": "subscription_item",
        "SubscriptionItem": "subscription_item",
        "ClerkError": "user",
        "Verification": "user",
        "IdentificationLink": "user",
        "EmailAddress": "user",
        "PhoneNumber": "user",
        "Web3Wallet": "user",
        "Passkey": "user",
        "ExternalAccount": "user",
        "SAMLAccountConnection": "user",
        "SAMLAccount": "user",
        "EnterpriseAccountConnection": "user",
        "EnterpriseAccount": "user",
        "SCIMUserMetadata": "user",
        "EmbeddedUser": "user",
        "User": "user",
        "Invitation": "waitlist_entry",
        "WaitlistEntry": "waitlist_entry",
    }
    _MODULES |= {event: module for module, event in EVENT_TYPES.values()}
    _MODULES |= {
        module.title().replace("_", "") + "Event": module for module, _ in EVENT_TYPES.values()
    }

    __all__ = list(_MODULES)

    def __getattr__(name):
        """Import `name` from its module, once."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f".{_MODULES[name]}", __name__), name)
        globals()[name] = value
        return value

    def __dir__():
        """The public names, whether imported by now or not."""
        return __all__
