"""What type checkers know of `DjangoStore`: checked, never run."""

from contextlib import AbstractContextManager

from django.contrib.auth.models import User
from typing_extensions import assert_type

from clerk_hooks import (
    AsyncIdempotencyStore,
    Delivery,
    Endpoint,
    IdempotencyStore,
    Processor,
    Router,
)
from clerk_hooks.contrib.django import DjangoStore, signing_secret
from clerk_hooks.contrib.django.models import Claim, Mark
from clerk_hooks.events import UserCreated
from clerk_hooks.idempotency import HandlerRecord

router = Router()
store = DjangoStore()


def it_is_both_kinds_of_store() -> tuple[IdempotencyStore, AsyncIdempotencyStore]:
    Processor(router, store=store)
    Endpoint(router, secret=signing_secret, store=store)
    DjangoStore(using=None)  # type: ignore[arg-type]
    return store, store


@router.on("user.created")
def its_transactions_need_no_session(event: UserCreated, delivery: Delivery) -> None:
    assert_type(store.transaction(delivery), AbstractContextManager[None])
    with store.transaction(delivery):
        User(username=event.data.id).save()
        store.confirm_in(delivery)
    store.transaction(event)  # type: ignore[arg-type]
    store.transaction(delivery, User)  # type: ignore[call-arg]


async def its_async_methods_are_awaited(delivery: Delivery) -> None:
    assert_type(await store.ashow("msg_1"), list[HandlerRecord])
    assert_type(store.show("msg_1"), list[HandlerRecord])
    assert_type(await store.aforget("msg_1"), int)
    async with store.transaction(delivery):  # type: ignore[attr-defined]
        pass


def the_columns_have_types(claim: Claim, mark: Mark) -> None:
    assert_type(claim.leased_until, float | None)
    assert_type(claim.message_id, str)
    assert_type(mark.newest_at, int | None)
    assert_type(mark.is_deleted, bool)
