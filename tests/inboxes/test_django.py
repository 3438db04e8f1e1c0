"""`DjangoInbox`: transactions of the app around it, and its async methods."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.db import connections, transaction

from clerk_hooks import ConfigurationError
from clerk_hooks.messages import Message, Selection, Step

from ..django_databases import alias_of
from .places import LEASE, Place, delivery, ids

KINDS = pytest.mark.parametrize(
    "_place", ["django-sqlite", "django-psycopg", "django-pymysql"], indirect=True
)


@KINDS
def test_in_a_transaction_of_the_app_nothing_is_accepted_taken_or_settled(place: Place) -> None:
    inbox = place.open()
    inbox.put(delivery())
    (message,) = inbox.take(1, LEASE)
    calls: list[Any] = [
        lambda: inbox.put(delivery("msg_2")),
        lambda: inbox.take(1, LEASE),
        lambda: inbox.renew([message], LEASE),
        lambda: inbox.settle(message, Step("done")),
        lambda: inbox.beat("w", 1, 0),
        lambda: inbox.retry(Selection()),
        lambda: inbox.drop("msg_1"),
        inbox.purge,
    ]
    with transaction.atomic(using=alias_of(place.url)):
        for call in calls:
            with pytest.raises(ConfigurationError, match="is open already") as raised:
                call()
            assert raised.value.reason == "outer_transaction"
        assert inbox.show("msg_1").state == "running"
    assert [record.message_id for record in inbox.list(Selection(), 9)] == ["msg_1"]


@KINDS
def test_the_transaction_of_a_test_case_does_not_matter(place: Place) -> None:
    inbox = place.open()
    block = transaction.atomic(using=alias_of(place.url))
    block._from_testcase = True  # type: ignore[attr-defined]
    with block:
        assert inbox.put(delivery()) is True
        (message,) = inbox.take(1, LEASE)
        assert inbox.settle(message, Step("done")) is True
        assert inbox.put(delivery()) is False
        transaction.set_rollback(True, using=alias_of(place.url))
    assert inbox.show("msg_1") is None


@KINDS
def test_the_async_methods_do_the_same(place: Place) -> None:
    inbox = place.open().inbox

    async def use() -> Message:
        assert await inbox.aput(delivery(), {"trace": "1"}) is True
        assert await inbox.adue(9) == ["msg_1"]
        assert await inbox.alag() is not None
        (message,) = await inbox.atake(1, LEASE)
        assert await inbox.arenew([message], LEASE) == {"msg_1"}
        assert await inbox.alag(unsettled=True) is None
        assert await inbox.asettle(message, Step("dead")) is True
        await inbox.abeat("w", 1, 0)
        status = await inbox.astatus()
        assert (status.counts["dead"], status.workers[0].name) == (1, "w")
        assert await inbox.aretry(Selection(state="dead")) == 1
        assert (await inbox.ashow("msg_1")).state == "waiting"
        assert len(await inbox.alist(Selection(), 9)) == 1
        assert ids(await inbox.atake(1, LEASE, message_id="msg_1")) == ["msg_1"]
        assert await inbox.apurge() == 0
        assert await inbox.adrop("msg_1") is True
        return message

    assert asyncio.run(use()).carrier == {"trace": "1"}


@KINDS
def test_a_database_that_is_not_there_is_refused(place: Place) -> None:
    from clerk_hooks.contrib.django import DjangoInbox

    with pytest.raises(ConfigurationError, match="no database 'absent'"):
        DjangoInbox("absent")


@pytest.mark.parametrize("_place", ["django-pymysql"], indirect=True)
def test_connections_that_cannot_carry_the_reason_of_a_failure_are_refused(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clerk_hooks.contrib.django import DjangoInbox

    alias = alias_of(place.url)
    monkeypatch.setitem(connections[alias].settings_dict["OPTIONS"], "charset", "utf8")
    with pytest.raises(ConfigurationError, match=r'"charset": "utf8mb4"'):
        DjangoInbox(alias)
