"""The Celery app. Run its worker with ``celery -A celery_app worker``, and beat beside it."""

import os

from celery import Celery

app = Celery(
    "shop",
    broker=os.environ.get("CELERY_BROKER_URL", "redis://localhost:6379/0"),
    include=["webhooks"],  # So that the worker knows the tasks.
)
app.conf.beat_schedule = {"clerk": {"task": "clerk_hooks.sweep", "schedule": 30.0}}
