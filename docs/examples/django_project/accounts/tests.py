"""Tests of the handlers: ``python manage.py test``, which needs no secret."""

from django.test import TestCase, override_settings

from clerk_hooks.events import UserCreated, UserDeleted
from clerk_hooks.testing import SECRET, deliver, sample

from .models import User


@override_settings(CLERK_WEBHOOK_SIGNING_SECRET=SECRET)
class WebhookTests(TestCase):
    """Each test is rolled back, together with what the store has written."""

    def test_a_new_user_is_saved(self) -> None:
        """One event."""
        event = sample(UserCreated)
        assert deliver(self.client, event, secret=SECRET).status == 200
        assert User.objects.get().email == event.data.primary_email

    def test_a_deleted_user_is_forgotten(self) -> None:
        """Two events."""
        event = sample(UserCreated)
        deliver(self.client, event, secret=SECRET)
        deleted = sample(UserDeleted, {"id": event.data.id})
        assert deliver(self.client, deleted, secret=SECRET).status == 200
        assert User.objects.get().name == ""
