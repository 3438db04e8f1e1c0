"""The typed overloads of `Router.on`, and nothing else.

There is one per event type (by name or by class), per family and per created+updated pair, so that
a type checker compares the parameter of each handler with the event that it will get. Each of them
has its own type variable, bound to the handlers of its events, which keeps the exact type of the
decorated function. Two to five classes are checked in any combination. The last overload takes any
other combination of names, unchecked. `tests/test_on.py` compares them with the catalog.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypedDict, TypeVar

from .delivery import Delivery

if sys.version_info >= (3, 11):
    from typing import overload
else:  # Only here can the overloads be listed at run time, which the tests do.
    from typing_extensions import overload

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .events import (
        AnyEvent,
        EmailCreated,
        EmailEvent,
        Event,
        OrganizationCreated,
        OrganizationDeleted,
        OrganizationDomainCreated,
        OrganizationDomainDeleted,
        OrganizationDomainEvent,
        OrganizationDomainUpdated,
        OrganizationEvent,
        OrganizationInvitationAccepted,
        OrganizationInvitationCreated,
        OrganizationInvitationEvent,
        OrganizationInvitationRevoked,
        OrganizationMembershipCreated,
        OrganizationMembershipDeleted,
        OrganizationMembershipEvent,
        OrganizationMembershipUpdated,
        OrganizationUpdated,
        PaymentAttemptCreated,
        PaymentAttemptEvent,
        PaymentAttemptUpdated,
        PermissionCreated,
        PermissionDeleted,
        PermissionEvent,
        PermissionUpdated,
        RoleCreated,
        RoleDeleted,
        RoleEvent,
        RoleUpdated,
        SessionCreated,
        SessionEnded,
        SessionEvent,
        SessionPending,
        SessionRemoved,
        SessionRevoked,
        SmsCreated,
        SmsEvent,
        SubscriptionActive,
        SubscriptionCreated,
        SubscriptionEvent,
        SubscriptionItemAbandoned,
        SubscriptionItemActive,
        SubscriptionItemCanceled,
        SubscriptionItemCreated,
        SubscriptionItemEnded,
        SubscriptionItemEvent,
        SubscriptionItemFreeTrialEnding,
        SubscriptionItemIncomplete,
        SubscriptionItemPastDue,
        SubscriptionItemUpcoming,
        SubscriptionItemUpdated,
        SubscriptionPastDue,
        SubscriptionUpdated,
        UserCreated,
        UserDeleted,
        UserEvent,
        UserUpdated,
        WaitlistEntryCreated,
        WaitlistEntryEvent,
        WaitlistEntryUpdated,
    )

_Event = TypeVar("_Event")
Handler: TypeAlias = Callable[[_Event], object] | Callable[[_Event, Delivery], object]
"""A handler of an event: it takes the event, or the event and its delivery, and may be async."""

EventType: TypeAlias = Literal[
    "email.created",
    "organization.created",
    "organization.updated",
    "organization.deleted",
    "organizationDomain.created",
    "organizationDomain.updated",
    "organizationDomain.deleted",
    "organizationInvitation.created",
    "organizationInvitation.accepted",
    "organizationInvitation.revoked",
    "organizationMembership.created",
    "organizationMembership.updated",
    "organizationMembership.deleted",
    "paymentAttempt.created",
    "paymentAttempt.updated",
    "permission.created",
    "permission.updated",
    "permission.deleted",
    "role.created",
    "role.updated",
    "role.deleted",
    "session.created",
    "session.pending",
    "session.ended",
    "session.removed",
    "session.revoked",
    "sms.created",
    "subscription.created",
    "subscription.updated",
    "subscription.active",
    "subscription.pastDue",
    "subscriptionItem.created",
    "subscriptionItem.updated",
    "subscriptionItem.active",
    "subscriptionItem.upcoming",
    "subscriptionItem.incomplete",
    "subscriptionItem.pastDue",
    "subscriptionItem.freeTrialEnding",
    "subscriptionItem.canceled",
    "subscriptionItem.ended",
    "subscriptionItem.abandoned",
    "user.created",
    "user.updated",
    "user.deleted",
    "waitlistEntry.created",
    "waitlistEntry.updated",
]
"""The name of an event type that this version of the library knows."""

EventPattern: TypeAlias = Literal[
    EventType,
    "email.*",
    "organization.*",
    "organizationDomain.*",
    "organizationInvitation.*",
    "organizationMembership.*",
    "paymentAttempt.*",
    "permission.*",
    "role.*",
    "session.*",
    "sms.*",
    "subscription.*",
    "subscriptionItem.*",
    "user.*",
    "waitlistEntry.*",
    "*",
]
"""The names that `on` takes: of an event type, of a family, or of all."""

_EmailCreated = TypeVar("_EmailCreated", bound="Handler[EmailCreated]")
_OrganizationCreated = TypeVar("_OrganizationCreated", bound="Handler[OrganizationCreated]")
_OrganizationUpdated = TypeVar("_OrganizationUpdated", bound="Handler[OrganizationUpdated]")
_OrganizationDeleted = TypeVar("_OrganizationDeleted", bound="Handler[OrganizationDeleted]")
_OrganizationDomainCreated = TypeVar(
    "_OrganizationDomainCreated", bound="Handler[OrganizationDomainCreated]"
)
_OrganizationDomainUpdated = TypeVar(
    "_OrganizationDomainUpdated", bound="Handler[OrganizationDomainUpdated]"
)
_OrganizationDomainDeleted = TypeVar(
    "_OrganizationDomainDeleted", bound="Handler[OrganizationDomainDeleted]"
)
_OrganizationInvitationCreated = TypeVar(
    "_OrganizationInvitationCreated", bound="Handler[OrganizationInvitationCreated]"
)
_OrganizationInvitationAccepted = TypeVar(
    "_OrganizationInvitationAccepted", bound="Handler[OrganizationInvitationAccepted]"
)
_OrganizationInvitationRevoked = TypeVar(
    "_OrganizationInvitationRevoked", bound="Handler[OrganizationInvitationRevoked]"
)
_OrganizationMembershipCreated = TypeVar(
    "_OrganizationMembershipCreated", bound="Handler[OrganizationMembershipCreated]"
)
_OrganizationMembershipUpdated = TypeVar(
    "_OrganizationMembershipUpdated", bound="Handler[OrganizationMembershipUpdated]"
)
_OrganizationMembershipDeleted = TypeVar(
    "_OrganizationMembershipDeleted", bound="Handler[OrganizationMembershipDeleted]"
)
_PaymentAttemptCreated = TypeVar("_PaymentAttemptCreated", bound="Handler[PaymentAttemptCreated]")
_PaymentAttemptUpdated = TypeVar("_PaymentAttemptUpdated", bound="Handler[PaymentAttemptUpdated]")
_PermissionCreated = TypeVar("_PermissionCreated", bound="Handler[PermissionCreated]")
_PermissionUpdated = TypeVar("_PermissionUpdated", bound="Handler[PermissionUpdated]")
_PermissionDeleted = TypeVar("_PermissionDeleted", bound="Handler[PermissionDeleted]")
_RoleCreated = TypeVar("_RoleCreated", bound="Handler[RoleCreated]")
_RoleUpdated = TypeVar("_RoleUpdated", bound="Handler[RoleUpdated]")
_RoleDeleted = TypeVar("_RoleDeleted", bound="Handler[RoleDeleted]")
_SessionCreated = TypeVar("_SessionCreated", bound="Handler[SessionCreated]")
_SessionPending = TypeVar("_SessionPending", bound="Handler[SessionPending]")
_SessionEnded = TypeVar("_SessionEnded", bound="Handler[SessionEnded]")
_SessionRemoved = TypeVar("_SessionRemoved", bound="Handler[SessionRemoved]")
_SessionRevoked = TypeVar("_SessionRevoked", bound="Handler[SessionRevoked]")
_SmsCreated = TypeVar("_SmsCreated", bound="Handler[SmsCreated]")
_SubscriptionCreated = TypeVar("_SubscriptionCreated", bound="Handler[SubscriptionCreated]")
_SubscriptionUpdated = TypeVar("_SubscriptionUpdated", bound="Handler[SubscriptionUpdated]")
_SubscriptionActive = TypeVar("_SubscriptionActive", bound="Handler[SubscriptionActive]")
_SubscriptionPastDue = TypeVar("_SubscriptionPastDue", bound="Handler[SubscriptionPastDue]")
_SubscriptionItemCreated = TypeVar(
    "_SubscriptionItemCreated", bound="Handler[SubscriptionItemCreated]"
)
_SubscriptionItemUpdated = TypeVar(
    "_SubscriptionItemUpdated", bound="Handler[SubscriptionItemUpdated]"
)
_SubscriptionItemActive = TypeVar(
    "_SubscriptionItemActive", bound="Handler[SubscriptionItemActive]"
)
_SubscriptionItemUpcoming = TypeVar(
    "_SubscriptionItemUpcoming", bound="Handler[SubscriptionItemUpcoming]"
)
_SubscriptionItemIncomplete = TypeVar(
    "_SubscriptionItemIncomplete", bound="Handler[SubscriptionItemIncomplete]"
)
_SubscriptionItemPastDue = TypeVar(
    "_SubscriptionItemPastDue", bound="Handler[SubscriptionItemPastDue]"
)
_SubscriptionItemFreeTrialEnding = TypeVar(
    "_SubscriptionItemFreeTrialEnding", bound="Handler[SubscriptionItemFreeTrialEnding]"
)
_SubscriptionItemCanceled = TypeVar(
    "_SubscriptionItemCanceled", bound="Handler[SubscriptionItemCanceled]"
)
_SubscriptionItemEnded = TypeVar("_SubscriptionItemEnded", bound="Handler[SubscriptionItemEnded]")
_SubscriptionItemAbandoned = TypeVar(
    "_SubscriptionItemAbandoned", bound="Handler[SubscriptionItemAbandoned]"
)
_UserCreated = TypeVar("_UserCreated", bound="Handler[UserCreated]")
_UserUpdated = TypeVar("_UserUpdated", bound="Handler[UserUpdated]")
_UserDeleted = TypeVar("_UserDeleted", bound="Handler[UserDeleted]")
_WaitlistEntryCreated = TypeVar("_WaitlistEntryCreated", bound="Handler[WaitlistEntryCreated]")
_WaitlistEntryUpdated = TypeVar("_WaitlistEntryUpdated", bound="Handler[WaitlistEntryUpdated]")
_EmailEvent = TypeVar("_EmailEvent", bound="Handler[EmailEvent]")
_OrganizationEvent = TypeVar("_OrganizationEvent", bound="Handler[OrganizationEvent]")
_OrganizationDomainEvent = TypeVar(
    "_OrganizationDomainEvent", bound="Handler[OrganizationDomainEvent]"
)
_OrganizationInvitationEvent = TypeVar(
    "_OrganizationInvitationEvent", bound="Handler[OrganizationInvitationEvent]"
)
_OrganizationMembershipEvent = TypeVar(
    "_OrganizationMembershipEvent", bound="Handler[OrganizationMembershipEvent]"
)
_PaymentAttemptEvent = TypeVar("_PaymentAttemptEvent", bound="Handler[PaymentAttemptEvent]")
_PermissionEvent = TypeVar("_PermissionEvent", bound="Handler[PermissionEvent]")
_RoleEvent = TypeVar("_RoleEvent", bound="Handler[RoleEvent]")
_SessionEvent = TypeVar("_SessionEvent", bound="Handler[SessionEvent]")
_SmsEvent = TypeVar("_SmsEvent", bound="Handler[SmsEvent]")
_SubscriptionEvent = TypeVar("_SubscriptionEvent", bound="Handler[SubscriptionEvent]")
_SubscriptionItemEvent = TypeVar("_SubscriptionItemEvent", bound="Handler[SubscriptionItemEvent]")
_UserEvent = TypeVar("_UserEvent", bound="Handler[UserEvent]")
_WaitlistEntryEvent = TypeVar("_WaitlistEntryEvent", bound="Handler[WaitlistEntryEvent]")
_AnyEvent = TypeVar("_AnyEvent", bound="Handler[AnyEvent]")
_OrganizationSaved = TypeVar(
    "_OrganizationSaved", bound="Handler[OrganizationCreated | OrganizationUpdated]"
)
_OrganizationDomainSaved = TypeVar(
    "_OrganizationDomainSaved",
    bound="Handler[OrganizationDomainCreated | OrganizationDomainUpdated]",
)
_OrganizationMembershipSaved = TypeVar(
    "_OrganizationMembershipSaved",
    bound="Handler[OrganizationMembershipCreated | OrganizationMembershipUpdated]",
)
_PaymentAttemptSaved = TypeVar(
    "_PaymentAttemptSaved", bound="Handler[PaymentAttemptCreated | PaymentAttemptUpdated]"
)
_PermissionSaved = TypeVar(
    "_PermissionSaved", bound="Handler[PermissionCreated | PermissionUpdated]"
)
_RoleSaved = TypeVar("_RoleSaved", bound="Handler[RoleCreated | RoleUpdated]")
_SubscriptionSaved = TypeVar(
    "_SubscriptionSaved", bound="Handler[SubscriptionCreated | SubscriptionUpdated]"
)
_SubscriptionItemSaved = TypeVar(
    "_SubscriptionItemSaved", bound="Handler[SubscriptionItemCreated | SubscriptionItemUpdated]"
)
_UserSaved = TypeVar("_UserSaved", bound="Handler[UserCreated | UserUpdated]")
_WaitlistEntrySaved = TypeVar(
    "_WaitlistEntrySaved", bound="Handler[WaitlistEntryCreated | WaitlistEntryUpdated]"
)
_Any = TypeVar("_Any", bound="Handler[Any]")
# Not bound to `KnownEvent`: with a union of 46 classes, mypy takes six times as long here.
_First = TypeVar("_First", bound="Event[Any]")
_Second = TypeVar("_Second", bound="Event[Any]")
_Third = TypeVar("_Third", bound="Event[Any]")
_Fourth = TypeVar("_Fourth", bound="Event[Any]")
_Fifth = TypeVar("_Fifth", bound="Event[Any]")
_Result = TypeVar("_Result")


class _Options(TypedDict, total=False):
    # What `on` itself spells out, once for all of its overloads.
    name: str | None
    drop_stale: bool


class Registers(Protocol[_Event]):
    """The decorator for handlers of several events that are given by class.

    It returns the function unchanged. Type checkers then know how a router calls it, and no more:
    a type variable cannot be bound to the handlers of a combination.
    """

    @overload
    def __call__(
        self, function: Callable[[_Event, Delivery], _Result], /
    ) -> Callable[[_Event, Delivery], _Result]: ...

    @overload
    def __call__(self, function: Callable[[_Event], _Result], /) -> Callable[[_Event], _Result]: ...


class On(ABC):
    """The decorator `on` of a router, typed per event."""

    @overload
    def on(
        self, event: Literal["email.created"] | type[EmailCreated], /, **options: Unpack[_Options]
    ) -> Callable[[_EmailCreated], _EmailCreated]: ...

    @overload
    def on(
        self,
        event: Literal["organization.created"] | type[OrganizationCreated],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_OrganizationCreated], _OrganizationCreated]: ...

    @overload
    def on(
        self,
        event: Literal["organization.updated"] | type[OrganizationUpdated],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_OrganizationUpdated], _OrganizationUpdated]: ...

    @overload
    def on(
        self,
        event: Literal["organization.deleted"] | type[OrganizationDeleted],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_OrganizationDeleted], _OrganizationDeleted]: ...

    @overload
    def on(
        self,
        event: Literal["organizationDomain.created"] | type[OrganizationDomainCreated],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_OrganizationDomainCreated], _OrganizationDomainCreated]: ...

    @overload
    def on(
        self,
        event: Literal["organizationDomain.updated"] | type[OrganizationDomainUpdated],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_OrganizationDomainUpdated], _OrganizationDomainUpdated]: ...

    @overload
    def on(
        self,
        event: Literal["organizationDomain.deleted"] | type[OrganizationDomainDeleted],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_OrganizationDomainDeleted], _OrganizationDomainDeleted]: ...

    @overload
    def on(
        self,
        event: Literal["organizationInvitation.created"] | type[OrganizationInvitationCreated],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_OrganizationInvitationCreated], _OrganizationInvitationCreated]: ...

    @overload
    def on(
        self,
        event: Literal["organizationInvitation.accepted"] | type[OrganizationInvitationAccepted],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_OrganizationInvitationAccepted], _OrganizationInvitationAccepted]: ...

    @overload
    def on(
        self,
        event: Literal["organizationInvitation.revoked"] | type[OrganizationInvitationRevoked],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_OrganizationInvitationRevoked], _OrganizationInvitationRevoked]: ...

    @overload
    def on(
        self,
        event: Literal["organizationMembership.created"] | type[OrganizationMembershipCreated],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_OrganizationMembershipCreated], _OrganizationMembershipCreated]: ...

    @overload
    def on(
        self,
        event: Literal["organizationMembership.updated"] | type[OrganizationMembershipUpdated],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_OrganizationMembershipUpdated], _OrganizationMembershipUpdated]: ...

    @overload
    def on(
        self,
        event: Literal["organizationMembership.deleted"] | type[OrganizationMembershipDeleted],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_OrganizationMembershipDeleted], _OrganizationMembershipDeleted]: ...

    @overload
    def on(
        self,
        event: Literal["paymentAttempt.created"] | type[PaymentAttemptCreated],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_PaymentAttemptCreated], _PaymentAttemptCreated]: ...

    @overload
    def on(
        self,
        event: Literal["paymentAttempt.updated"] | type[PaymentAttemptUpdated],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_PaymentAttemptUpdated], _PaymentAttemptUpdated]: ...

    @overload
    def on(
        self,
        event: Literal["permission.created"] | type[PermissionCreated],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_PermissionCreated], _PermissionCreated]: ...

    @overload
    def on(
        self,
        event: Literal["permission.updated"] | type[PermissionUpdated],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_PermissionUpdated], _PermissionUpdated]: ...

    @overload
    def on(
        self,
        event: Literal["permission.deleted"] | type[PermissionDeleted],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_PermissionDeleted], _PermissionDeleted]: ...

    @overload
    def on(
        self, event: Literal["role.created"] | type[RoleCreated], /, **options: Unpack[_Options]
    ) -> Callable[[_RoleCreated], _RoleCreated]: ...

    @overload
    def on(
        self, event: Literal["role.updated"] | type[RoleUpdated], /, **options: Unpack[_Options]
    ) -> Callable[[_RoleUpdated], _RoleUpdated]: ...

    @overload
    def on(
        self, event: Literal["role.deleted"] | type[RoleDeleted], /, **options: Unpack[_Options]
    ) -> Callable[[_RoleDeleted], _RoleDeleted]: ...

    @overload
    def on(
        self,
        event: Literal["session.created"] | type[SessionCreated],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_SessionCreated], _SessionCreated]: ...

    @overload
    def on(
        self,
        event: Literal["session.pending"] | type[SessionPending],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_SessionPending], _SessionPending]: ...

    @overload
    def on(
        self, event: Literal["session.ended"] | type[SessionEnded], /, **options: Unpack[_Options]
    ) -> Callable[[_SessionEnded], _SessionEnded]: ...

    @overload
    def on(
        self,
        event: Literal["session.removed"] | type[SessionRemoved],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_SessionRemoved], _SessionRemoved]: ...

    @overload
    def on(
        self,
        event: Literal["session.revoked"] | type[SessionRevoked],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_SessionRevoked], _SessionRevoked]: ...

    @overload
    def on(
        self, event: Literal["sms.created"] | type[SmsCreated], /, **options: Unpack[_Options]
    ) -> Callable[[_SmsCreated], _SmsCreated]: ...

    @overload
    def on(
        self,
        event: Literal["subscription.created"] | type[SubscriptionCreated],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_SubscriptionCreated], _SubscriptionCreated]: ...

    @overload
    def on(
        self,
        event: Literal["subscription.updated"] | type[SubscriptionUpdated],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_SubscriptionUpdated], _SubscriptionUpdated]: ...

    @overload
    def on(
        self,
        event: Literal["subscription.active"] | type[SubscriptionActive],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_SubscriptionActive], _SubscriptionActive]: ...

    @overload
    def on(
        self,
        event: Literal["subscription.pastDue"] | type[SubscriptionPastDue],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_SubscriptionPastDue], _SubscriptionPastDue]: ...

    @overload
    def on(
        self,
        event: Literal["subscriptionItem.created"] | type[SubscriptionItemCreated],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_SubscriptionItemCreated], _SubscriptionItemCreated]: ...

    @overload
    def on(
        self,
        event: Literal["subscriptionItem.updated"] | type[SubscriptionItemUpdated],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_SubscriptionItemUpdated], _SubscriptionItemUpdated]: ...

    @overload
    def on(
        self,
        event: Literal["subscriptionItem.active"] | type[SubscriptionItemActive],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_SubscriptionItemActive], _SubscriptionItemActive]: ...

    @overload
    def on(
        self,
        event: Literal["subscriptionItem.upcoming"] | type[SubscriptionItemUpcoming],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_SubscriptionItemUpcoming], _SubscriptionItemUpcoming]: ...

    @overload
    def on(
        self,
        event: Literal["subscriptionItem.incomplete"] | type[SubscriptionItemIncomplete],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_SubscriptionItemIncomplete], _SubscriptionItemIncomplete]: ...

    @overload
    def on(
        self,
        event: Literal["subscriptionItem.pastDue"] | type[SubscriptionItemPastDue],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_SubscriptionItemPastDue], _SubscriptionItemPastDue]: ...

    @overload
    def on(
        self,
        event: Literal["subscriptionItem.freeTrialEnding"] | type[SubscriptionItemFreeTrialEnding],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_SubscriptionItemFreeTrialEnding], _SubscriptionItemFreeTrialEnding]: ...

    @overload
    def on(
        self,
        event: Literal["subscriptionItem.canceled"] | type[SubscriptionItemCanceled],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_SubscriptionItemCanceled], _SubscriptionItemCanceled]: ...

    @overload
    def on(
        self,
        event: Literal["subscriptionItem.ended"] | type[SubscriptionItemEnded],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_SubscriptionItemEnded], _SubscriptionItemEnded]: ...

    @overload
    def on(
        self,
        event: Literal["subscriptionItem.abandoned"] | type[SubscriptionItemAbandoned],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_SubscriptionItemAbandoned], _SubscriptionItemAbandoned]: ...

    @overload
    def on(
        self, event: Literal["user.created"] | type[UserCreated], /, **options: Unpack[_Options]
    ) -> Callable[[_UserCreated], _UserCreated]: ...

    @overload
    def on(
        self, event: Literal["user.updated"] | type[UserUpdated], /, **options: Unpack[_Options]
    ) -> Callable[[_UserUpdated], _UserUpdated]: ...

    @overload
    def on(
        self, event: Literal["user.deleted"] | type[UserDeleted], /, **options: Unpack[_Options]
    ) -> Callable[[_UserDeleted], _UserDeleted]: ...

    @overload
    def on(
        self,
        event: Literal["waitlistEntry.created"] | type[WaitlistEntryCreated],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_WaitlistEntryCreated], _WaitlistEntryCreated]: ...

    @overload
    def on(
        self,
        event: Literal["waitlistEntry.updated"] | type[WaitlistEntryUpdated],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_WaitlistEntryUpdated], _WaitlistEntryUpdated]: ...

    @overload
    def on(
        self, event_type: Literal["email.*"], /, **options: Unpack[_Options]
    ) -> Callable[[_EmailEvent], _EmailEvent]: ...

    @overload
    def on(
        self, event_type: Literal["organization.*"], /, **options: Unpack[_Options]
    ) -> Callable[[_OrganizationEvent], _OrganizationEvent]: ...

    @overload
    def on(
        self, event_type: Literal["organizationDomain.*"], /, **options: Unpack[_Options]
    ) -> Callable[[_OrganizationDomainEvent], _OrganizationDomainEvent]: ...

    @overload
    def on(
        self, event_type: Literal["organizationInvitation.*"], /, **options: Unpack[_Options]
    ) -> Callable[[_OrganizationInvitationEvent], _OrganizationInvitationEvent]: ...

    @overload
    def on(
        self, event_type: Literal["organizationMembership.*"], /, **options: Unpack[_Options]
    ) -> Callable[[_OrganizationMembershipEvent], _OrganizationMembershipEvent]: ...

    @overload
    def on(
        self, event_type: Literal["paymentAttempt.*"], /, **options: Unpack[_Options]
    ) -> Callable[[_PaymentAttemptEvent], _PaymentAttemptEvent]: ...

    @overload
    def on(
        self, event_type: Literal["permission.*"], /, **options: Unpack[_Options]
    ) -> Callable[[_PermissionEvent], _PermissionEvent]: ...

    @overload
    def on(
        self, event_type: Literal["role.*"], /, **options: Unpack[_Options]
    ) -> Callable[[_RoleEvent], _RoleEvent]: ...

    @overload
    def on(
        self, event_type: Literal["session.*"], /, **options: Unpack[_Options]
    ) -> Callable[[_SessionEvent], _SessionEvent]: ...

    @overload
    def on(
        self, event_type: Literal["sms.*"], /, **options: Unpack[_Options]
    ) -> Callable[[_SmsEvent], _SmsEvent]: ...

    @overload
    def on(
        self, event_type: Literal["subscription.*"], /, **options: Unpack[_Options]
    ) -> Callable[[_SubscriptionEvent], _SubscriptionEvent]: ...

    @overload
    def on(
        self, event_type: Literal["subscriptionItem.*"], /, **options: Unpack[_Options]
    ) -> Callable[[_SubscriptionItemEvent], _SubscriptionItemEvent]: ...

    @overload
    def on(
        self, event_type: Literal["user.*"], /, **options: Unpack[_Options]
    ) -> Callable[[_UserEvent], _UserEvent]: ...

    @overload
    def on(
        self, event_type: Literal["waitlistEntry.*"], /, **options: Unpack[_Options]
    ) -> Callable[[_WaitlistEntryEvent], _WaitlistEntryEvent]: ...

    @overload
    def on(
        self, event_type: Literal["*"], /, **options: Unpack[_Options]
    ) -> Callable[[_AnyEvent], _AnyEvent]: ...

    @overload
    def on(
        self,
        created: Literal["organization.created"],
        updated: Literal["organization.updated"],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_OrganizationSaved], _OrganizationSaved]: ...

    @overload
    def on(
        self,
        created: Literal["organizationDomain.created"],
        updated: Literal["organizationDomain.updated"],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_OrganizationDomainSaved], _OrganizationDomainSaved]: ...

    @overload
    def on(
        self,
        created: Literal["organizationMembership.created"],
        updated: Literal["organizationMembership.updated"],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_OrganizationMembershipSaved], _OrganizationMembershipSaved]: ...

    @overload
    def on(
        self,
        created: Literal["paymentAttempt.created"],
        updated: Literal["paymentAttempt.updated"],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_PaymentAttemptSaved], _PaymentAttemptSaved]: ...

    @overload
    def on(
        self,
        created: Literal["permission.created"],
        updated: Literal["permission.updated"],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_PermissionSaved], _PermissionSaved]: ...

    @overload
    def on(
        self,
        created: Literal["role.created"],
        updated: Literal["role.updated"],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_RoleSaved], _RoleSaved]: ...

    @overload
    def on(
        self,
        created: Literal["subscription.created"],
        updated: Literal["subscription.updated"],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_SubscriptionSaved], _SubscriptionSaved]: ...

    @overload
    def on(
        self,
        created: Literal["subscriptionItem.created"],
        updated: Literal["subscriptionItem.updated"],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_SubscriptionItemSaved], _SubscriptionItemSaved]: ...

    @overload
    def on(
        self,
        created: Literal["user.created"],
        updated: Literal["user.updated"],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_UserSaved], _UserSaved]: ...

    @overload
    def on(
        self,
        created: Literal["waitlistEntry.created"],
        updated: Literal["waitlistEntry.updated"],
        /,
        **options: Unpack[_Options],
    ) -> Callable[[_WaitlistEntrySaved], _WaitlistEntrySaved]: ...

    @overload
    def on(
        self, first: type[_First], second: type[_Second], /, **options: Unpack[_Options]
    ) -> Registers[_First | _Second]: ...

    @overload
    def on(
        self,
        first: type[_First],
        second: type[_Second],
        third: type[_Third],
        /,
        **options: Unpack[_Options],
    ) -> Registers[_First | _Second | _Third]: ...

    @overload
    def on(
        self,
        first: type[_First],
        second: type[_Second],
        third: type[_Third],
        fourth: type[_Fourth],
        /,
        **options: Unpack[_Options],
    ) -> Registers[_First | _Second | _Third | _Fourth]: ...

    @overload
    def on(
        self,
        first: type[_First],
        second: type[_Second],
        third: type[_Third],
        fourth: type[_Fourth],
        fifth: type[_Fifth],
        /,
        **options: Unpack[_Options],
    ) -> Registers[_First | _Second | _Third | _Fourth | _Fifth]: ...

    @overload
    def on(
        self, *event_types: EventPattern, **options: Unpack[_Options]
    ) -> Callable[[_Any], _Any]: ...

    def on(
        self, *events: str | type[Event[Any]], name: str | None = None, drop_stale: bool = False
    ) -> Callable[[Any], Any]:
        """Register a handler: ``@router.on("user.created")``.

        `events` are event types (``"user.created"``), families (``"user.*"``), ``"*"`` for every
        event, unknown ones included; or event classes (``UserCreated``), but not together with
        names. `name` is the handler's name in logs and stores; the default is its module and
        qualified name. The decorator returns the function unchanged, so decorators stack; a handler
        that matches an event twice runs once.

        With `drop_stale`, which needs a store, the handler does not get an event that is older than
        one of the same object that was handled before, or any event after the object's deletion.

        The handler takes ``(event)`` or ``(event, delivery)``, may be ``async`` and may return
        anything.

        Raises `ConfigurationError` for a misspelt event type or another class, and for a handler
        that cannot be called with an event.
        """
        return self._register(events, name, drop_stale=drop_stale)

    @abstractmethod
    def _register(
        self, events: tuple[str | type[Event[Any]], ...], name: str | None, *, drop_stale: bool
    ) -> Callable[[Any], Any]:
        """What `on` does, for the router to define."""
