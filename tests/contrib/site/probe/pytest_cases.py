"""Tests as users of pytest-django write them; they run in this order."""

import pytest
from accounts.models import User

from clerk_hooks.contrib.django.models import Claim
from clerk_hooks.events import UserCreated
from clerk_hooks.testing import sample

EVENT = sample(UserCreated)


@pytest.fixture(autouse=True)
def secret(settings, clerk_secret):
    settings.CLERK_WEBHOOK_SIGNING_SECRET = clerk_secret


@pytest.mark.django_db
@pytest.mark.parametrize("time", ["once", "once more"])
def test_each_is_rolled_back(client, clerk_deliver, time):
    assert not Claim.objects.exists()
    assert clerk_deliver(client, EVENT).status == 200
    assert clerk_deliver(client, EVENT).status == 200
    assert (User.objects.count(), Claim.objects.count()) == (1, 2)


@pytest.mark.django_db(transaction=True)
def test_with_real_transactions(client, clerk_deliver):
    assert not Claim.objects.exists()
    assert clerk_deliver(client, EVENT).status == 200
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_the_tables_are_empty_afterwards():
    assert not Claim.objects.exists()
    assert not User.objects.exists()
