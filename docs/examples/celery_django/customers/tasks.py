"""The inbox, and the worker that Celery runs. Celery imports each app's module of this name."""

from datetime import timedelta

from shop.celery import app

from clerk_hooks import Endpoint, Processor, Worker
from clerk_hooks.contrib.django import DjangoInbox, DjangoStore, signing_secret
from clerk_hooks.notify.celery import celery_notify

from .webhooks import router

inbox = DjangoInbox()
worker = Worker(Processor(router, store=DjangoStore(), lease=timedelta(minutes=5)), inbox)
endpoint = Endpoint(handoff=inbox, secret=signing_secret, notify=celery_notify(app, worker))
