"""What type checkers know of the events. This file is checked, never run.

A `type: ignore` stands for both checkers, and each reports it where it finds nothing to ignore.
"""

from datetime import datetime
from typing import Any

from typing_extensions import assert_never, assert_type

from clerk_hooks import events, parse_event
from clerk_hooks.events import (
    AnyEvent,
    BillingAmount,
    DeletedObject,
    Email,
    EmailAddress,
    EmailEvent,
    EmbeddedOrganization,
    EmbeddedOrganizationMembership,
    EmbeddedPermission,
    EmbeddedSubscriptionItem,
    EmbeddedUser,
    Event,
    KnownEvent,
    OrganizationCreated,
    OrganizationDeleted,
    OrganizationDomain,
    OrganizationDomainEvent,
    OrganizationEvent,
    OrganizationInvitation,
    OrganizationInvitationEvent,
    OrganizationMembership,
    OrganizationMembershipDeleted,
    OrganizationMembershipEvent,
    OrganizationUpdated,
    PaymentAttempt,
    PaymentAttemptEvent,
    Permission,
    PermissionEvent,
    PhoneNumber,
    Role,
    RoleEvent,
    Session,
    SessionEvent,
    Sms,
    SmsEvent,
    Subscription,
    SubscriptionEvent,
    SubscriptionItem,
    SubscriptionItemEvent,
    UnknownEvent,
    User,
    UserCreated,
    UserDeleted,
    UserEvent,
    UserUpdated,
    WaitlistEntry,
    WaitlistEntryEvent,
    Web3Wallet,
)


def match_narrows_any_event(event: AnyEvent) -> None:
    match event:
        case UserCreated(data=user):
            assert_type(event, UserCreated)
            assert_type(user, User)
            assert_type(user.id, str)
        case UserDeleted(data=deleted) | OrganizationDeleted(data=deleted):
            assert_type(deleted, DeletedObject)
            assert_type(deleted.id, str)
        case OrganizationMembershipDeleted(data=membership):
            assert_type(membership, OrganizationMembership)
            assert_type(membership.organization, EmbeddedOrganization | None)
        case UnknownEvent(data=raw, type=event_type):
            assert_type(raw, Any)
            assert_type(event_type, str)
        case _:
            pass


def match_narrows_known_event(event: KnownEvent) -> None:
    match event:
        case UserCreated(data=user) | UserUpdated(data=user):
            assert_type(user, User)
        case OrganizationCreated(data=organization):
            assert_type(organization.id, str)
        case _:
            pass


def match_narrows_a_family_and_is_exhaustive(event: UserEvent) -> None:
    match event:
        case UserCreated(data=user):
            assert_type(user, User)
        case UserUpdated(data=user):
            assert_type(user, User)
        case UserDeleted(data=deleted):
            assert_type(deleted, DeletedObject)
        case _:
            assert_never(event)


def isinstance_narrows(event: AnyEvent) -> None:
    if isinstance(event, UserCreated):
        assert_type(event.data, User)
    if not isinstance(event, UnknownEvent):
        assert_type(event, KnownEvent)


def comparing_the_type_narrows_known_event(event: KnownEvent) -> None:
    if event.type == "user.created":
        assert_type(event, UserCreated)
        assert_type(event.data.primary_email, str | None)
    if event.type == "subscriptionItem.freeTrialEnding":
        assert_type(event.data, SubscriptionItem)


def comparing_the_type_narrows_a_family(event: OrganizationEvent) -> None:
    if event.type == "organization.deleted":
        assert_type(event, OrganizationDeleted)
    else:
        assert_type(event, OrganizationCreated | OrganizationUpdated)


def the_data_of_every_family(
    email: EmailEvent,
    organization: OrganizationEvent,
    domain: OrganizationDomainEvent,
    invitation: OrganizationInvitationEvent,
    membership: OrganizationMembershipEvent,
    payment: PaymentAttemptEvent,
    permission: PermissionEvent,
    role: RoleEvent,
    session: SessionEvent,
    sms: SmsEvent,
    subscription: SubscriptionEvent,
    item: SubscriptionItemEvent,
    user: UserEvent,
    entry: WaitlistEntryEvent,
) -> None:
    assert_type(email.data, Email)
    assert_type(organization.data.id, str)
    if domain.type != "organizationDomain.deleted":
        assert_type(domain.data, OrganizationDomain)
    assert_type(invitation.data, OrganizationInvitation)
    assert_type(membership.data, OrganizationMembership)
    assert_type(payment.data, PaymentAttempt)
    if permission.type != "permission.deleted":
        assert_type(permission.data, Permission)
    if role.type != "role.deleted":
        assert_type(role.data, Role)
    assert_type(session.data, Session)
    assert_type(sms.data, Sms)
    assert_type(subscription.data, Subscription)
    assert_type(item.data, SubscriptionItem)
    assert_type(user.data.id, str)
    assert_type(entry.data, WaitlistEntry)


def fields_have_precise_types(user: User, session: Session, role: Role, sub: Subscription) -> None:
    assert_type(user.id, str)
    assert_type(user.email_addresses, list[EmailAddress])
    assert_type(user.email_addresses[0].email_address, str)
    assert_type(user.phone_numbers[0].phone_number, str)
    assert_type(user.phone_numbers[0].backup_codes, list[str] | None)
    assert_type(user.web3_wallets, list[Web3Wallet])
    assert_type(user.public_metadata, dict[str, Any])
    assert_type(user.private_metadata, dict[str, Any] | None)
    assert_type(user.organization_memberships, list[EmbeddedOrganizationMembership] | None)
    assert_type(user.created_at, datetime | None)
    assert_type(user.primary_email_address, EmailAddress | None)
    assert_type(user.primary_phone_number, PhoneNumber | None)
    assert_type(user.primary_phone, str | None)
    assert_type(user.full_name, str | None)
    assert_type(session.user, EmbeddedUser | None)
    assert_type(role.permissions, list[EmbeddedPermission])
    assert_type(sub.items, list[EmbeddedSubscriptionItem])
    assert_type(sub.items[0].id, str | None)
    assert_type(sub.items[0].amount, BillingAmount | int | None)


def events_are_covariant(event: UserCreated) -> Event[EmbeddedUser]:
    return event


def what_is_parsed_is_any_event() -> None:
    assert_type(parse_event(b"{}"), AnyEvent)


def mistakes_are_found(event: KnownEvent, created: UserCreated) -> None:
    if event.type == "user.creatd":  # type: ignore[comparison-overlap]
        pass
    event.data.id = "other"  # type: ignore[misc]
    created.type = "user.created"  # type: ignore[misc]
    created.data.email  # type: ignore[attr-defined]  # noqa: B018
    events.UserCreate  # type: ignore[attr-defined]  # noqa: B018
    User()  # type: ignore[call-arg]
    User(id=None)  # type: ignore[arg-type]
    UserCreated(type="user.updated", data=created.data)  # type: ignore[arg-type]
