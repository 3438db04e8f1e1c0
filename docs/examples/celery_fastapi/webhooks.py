"""The handlers, the inbox, and the worker that Celery runs."""

import os
from datetime import timedelta

from celery_app import app
from sqlalchemy import create_engine

from clerk_hooks import Endpoint, Processor, Router, Worker
from clerk_hooks.events import UserCreated
from clerk_hooks.inboxes import SQLAlchemyInbox
from clerk_hooks.notify.celery import celery_notify
from clerk_hooks.stores import SQLAlchemyStore

router = Router()
engine = create_engine(os.environ.get("DATABASE_URL", "sqlite:///shop.db"))
inbox = SQLAlchemyInbox(engine)
store = SQLAlchemyStore(engine)
worker = Worker(Processor(router, store=store, lease=timedelta(minutes=5)), inbox)
endpoint = Endpoint(handoff=inbox, notify=celery_notify(app, worker))


@router.on("user.created")
def welcome(event: UserCreated) -> None:
    """Send a long mail; a worker of Celery does it."""
    print(f"welcome {event.data.primary_email}")
