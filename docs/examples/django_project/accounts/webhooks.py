"""What the project does with Clerk's events: each in one transaction, once, and in order."""

from django.utils import timezone

from clerk_hooks import Delivery, Endpoint, Router
from clerk_hooks.contrib.django import DjangoStore, signing_secret
from clerk_hooks.events import (
    OrganizationCreated,
    OrganizationDeleted,
    OrganizationMembershipCreated,
    OrganizationMembershipDeleted,
    OrganizationMembershipUpdated,
    OrganizationUpdated,
    UserCreated,
    UserDeleted,
    UserUpdated,
)

from .models import Copy, Membership, Organization, User

router = Router()
store = DjangoStore()
endpoint = Endpoint(router, secret=signing_secret, store=store)


def save(model: type[Copy], id: str, **values: object) -> None:
    """Insert or update a row, unless it was deleted."""
    _, is_new = model.objects.get_or_create(id=id, defaults=values)
    if not is_new:
        model.objects.filter(id=id, deleted_at=None).update(**values)


@router.on("user.created", "user.updated", drop_stale=True)
def save_user(event: UserCreated | UserUpdated, delivery: Delivery) -> None:
    """Insert or update a user."""
    user = event.data
    with store.transaction(delivery):
        save(User, user.id, email=user.primary_email or "", name=user.full_name or "")


@router.on("user.deleted", drop_stale=True)
def delete_user(event: UserDeleted, delivery: Delivery) -> None:
    """Forget everything but the id."""
    values = {"email": "", "name": "", "deleted_at": timezone.now()}
    with store.transaction(delivery):
        User.objects.update_or_create(id=event.data.id, defaults=values)


@router.on("organization.created", "organization.updated", drop_stale=True)
def save_organization(event: OrganizationCreated | OrganizationUpdated, delivery: Delivery) -> None:
    """Insert or update an organization."""
    with store.transaction(delivery):
        save(Organization, event.data.id, name=event.data.name or "")


@router.on("organization.deleted", drop_stale=True)
def delete_organization(event: OrganizationDeleted, delivery: Delivery) -> None:
    """Forget everything but the id."""
    values = {"name": "", "deleted_at": timezone.now()}
    with store.transaction(delivery):
        Organization.objects.update_or_create(id=event.data.id, defaults=values)


@router.on("organizationMembership.created", "organizationMembership.updated", drop_stale=True)
def save_membership(
    event: OrganizationMembershipCreated | OrganizationMembershipUpdated, delivery: Delivery
) -> None:
    """Insert or update a membership, which may come before its user or its organization."""
    membership = event.data
    user, organization = membership.public_user_data, membership.organization
    if user is None or user.user_id is None or organization is None or organization.id is None:
        return
    with store.transaction(delivery):
        User.objects.get_or_create(id=user.user_id)
        Organization.objects.get_or_create(id=organization.id)
        ids = {"user_id": user.user_id, "organization_id": organization.id}
        save(Membership, membership.id, role=membership.role or "", **ids)


@router.on("organizationMembership.deleted", drop_stale=True)
def delete_membership(event: OrganizationMembershipDeleted, delivery: Delivery) -> None:
    """Mark a membership as deleted."""
    with store.transaction(delivery):
        Membership.objects.filter(id=event.data.id).update(deleted_at=timezone.now())
