"""A worker whose handlers write to another database: sync, and by Django's async ORM."""

from __future__ import annotations

from datetime import timedelta

from clerk_hooks import Delivery, Processor, RetryPolicy, Router, Worker
from clerk_hooks.contrib.django import DjangoInbox, DjangoStore
from clerk_hooks.events import UserCreated, UserUpdated

from .models import Effect

router = Router()
inbox = DjangoInbox()
policy = RetryPolicy(attempts=3, first=timedelta(0), longest=timedelta(0))
worker = Worker(Processor(router, store=DjangoStore()), inbox, slots=1, policy=policy)
effects = Effect.objects.using("other")


@router.on("user.created")
def write(event: UserCreated, delivery: Delivery) -> None:
    effects.create(message_id=delivery.message_id, handler="write")


@router.on("user.updated")
async def awrite(event: UserUpdated, delivery: Delivery) -> None:
    await effects.acreate(message_id=delivery.message_id, handler="awrite")
