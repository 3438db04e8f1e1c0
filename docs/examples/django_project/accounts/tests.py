"""Tests of the handlers: ``python manage.py test``, which needs no secret."""

from django.test import TestCase, override_settings

from clerk_hooks.events import (
    OrganizationCreated,
    OrganizationDeleted,
    OrganizationMembershipCreated,
    OrganizationMembershipDeleted,
    UserCreated,
    UserDeleted,
    UserUpdated,
)
from clerk_hooks.testing import SECRET, Sendable, deliver, sample

from .models import Membership, Organization, User

ACME = {"id": "org_1", "name": "Acme"}
MEMBER = {"id": "orgmem_1", "organization": ACME, "public_user_data": {"user_id": "user_1"}}


@override_settings(CLERK_WEBHOOK_SIGNING_SECRET=SECRET)
class WebhookTests(TestCase):
    """Each test is rolled back, together with what the store has written."""

    def deliver(self, *events: Sendable) -> None:
        """Deliver events, each of which must be handled."""
        for event in events:
            assert deliver(self.client, event, secret=SECRET).status == 200

    def test_a_new_user_is_saved(self) -> None:
        """One event."""
        event = sample(UserCreated)
        self.deliver(event)
        assert User.objects.get().email == event.data.primary_email

    def test_the_newest_state_of_a_user_stays(self) -> None:
        """Events that come in the wrong order."""
        user = {"id": "user_1", "last_name": None}
        newer = {**user, "first_name": "Ada", "updated_at": 1_700_000_002_000}
        older = {**user, "first_name": "A.", "updated_at": 1_700_000_001_000}
        self.deliver(sample(UserUpdated, newer), sample(UserCreated, older))
        assert User.objects.get().name == "Ada"

    def test_a_deleted_user_is_forgotten(self) -> None:
        """Two events."""
        event = sample(UserCreated)
        self.deliver(event, sample(UserDeleted, {"id": event.data.id}))
        user = User.objects.get()
        assert (user.name, user.email) == ("", "")
        assert user.deleted_at is not None

    def test_a_membership_may_come_before_its_user_and_its_organization(self) -> None:
        """The rows that it needs are filled in later."""
        self.deliver(sample(OrganizationMembershipCreated, MEMBER))
        self.deliver(sample(OrganizationCreated, ACME))
        self.deliver(sample(UserCreated, {"id": "user_1", "first_name": "Ada", "last_name": None}))
        membership = Membership.objects.get()
        assert (membership.user.name, membership.organization.name) == ("Ada", "Acme")

    def test_a_late_membership_does_not_revive_an_organization(self) -> None:
        """The deletion comes first."""
        self.deliver(
            sample(OrganizationCreated, ACME), sample(OrganizationDeleted, {"id": "org_1"})
        )
        self.deliver(sample(OrganizationMembershipCreated, MEMBER))
        assert Organization.objects.get().deleted_at is not None

    def test_a_membership_that_ended_is_marked(self) -> None:
        """Two events."""
        self.deliver(sample(OrganizationMembershipCreated, MEMBER))
        self.deliver(sample(OrganizationMembershipDeleted, MEMBER))
        assert Membership.objects.get().deleted_at is not None
