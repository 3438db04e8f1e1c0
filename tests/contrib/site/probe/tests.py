"""Tests as users of Django's own runner write them."""

from unittest import mock

from accounts.models import User
from django.db import transaction
from django.test import AsyncClient, TestCase, TransactionTestCase, override_settings

from clerk_hooks import ConfigurationError, sign
from clerk_hooks.contrib.django.models import Claim, Mark
from clerk_hooks.events import UserCreated
from clerk_hooks.testing import SECRET, deliver, sample

from .models import Effect
from .webhooks import PLAYING

EVENT = sample(UserCreated)
BODY = EVENT.model_dump_json().encode()


@override_settings(CLERK_WEBHOOK_SIGNING_SECRET=SECRET)
class RolledBackTests(TestCase):
    def setUp(self):
        assert not Claim.objects.exists()
        assert not Mark.objects.exists()
        assert not User.objects.exists()

    def test_once(self):
        assert deliver(self.client, EVENT, secret=SECRET).status == 200
        assert (User.objects.count(), Claim.objects.count()) == (1, 1)

    test_once_more = test_once

    def test_a_transaction_of_the_test_itself_is_refused(self):
        with transaction.atomic(), self.assertRaisesMessage(ConfigurationError, "claim"):
            deliver(self.client, EVENT, secret=SECRET)

    def test_a_failed_handler_leaves_nothing(self):
        with mock.patch("accounts.webhooks.save", side_effect=RuntimeError):
            self.client.raise_request_exception = False
            assert deliver(self.client, EVENT, secret=SECRET).status == 500
        assert not User.objects.exists()
        assert not Claim.objects.exists()

    def test_on_commit_is_captured(self):
        PLAYING["scene"] = "on_commit"
        with self.captureOnCommitCallbacks(execute=True) as callbacks:
            assert deliver(self.client, EVENT, path="/sync", secret=SECRET).status == 200
        assert len(callbacks) == 1

    def test_confirm_in(self):
        PLAYING["scene"] = "confirm_in"
        assert deliver(self.client, EVENT, path="/sync", secret=SECRET).status == 200
        assert Effect.objects.count() == 1

    def test_an_async_view_and_a_sync_client(self):
        PLAYING["scene"] = "usual"
        assert deliver(self.client, EVENT, path="/async", secret=SECRET).status == 200
        assert Effect.objects.count() == 1

    async def test_an_async_client(self):
        PLAYING["scene"] = "usual"
        reply = await AsyncClient().post(
            "/async", BODY, content_type="application/json", headers=sign(BODY, secret=SECRET)
        )
        assert reply.status_code == 200
        assert await Effect.objects.acount() == 1


@override_settings(CLERK_WEBHOOK_SIGNING_SECRET=SECRET)
class CommittedTests(TransactionTestCase):
    def test_once(self):
        assert not Claim.objects.exists()
        assert deliver(self.client, EVENT, secret=SECRET).status == 200
        assert User.objects.count() == 1

    test_once_more = test_once
