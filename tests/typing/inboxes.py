"""What type checkers know of the inboxes: checked, never run."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine
from typing_extensions import assert_type

from clerk_hooks import Delivery, inboxes
from clerk_hooks.contrib.django import DjangoInbox
from clerk_hooks.inbox import AsyncInbox, Inbox, next_step
from clerk_hooks.inboxes import AsyncSQLAlchemyInbox, SQLAlchemyInbox, SQLiteInbox
from clerk_hooks.inboxes.sqlite import SQLiteInbox as Same
from clerk_hooks.messages import Message, Record, Selection, Status


def they_are_the_classes_of_the_modules() -> None:
    assert_type(SQLiteInbox("inbox.sqlite3"), Same)


def they_are_inboxes() -> Sequence[Inbox]:
    return [SQLiteInbox("inbox.sqlite3"), SQLAlchemyInbox("sqlite:///inbox.sqlite3")]


def they_are_async_inboxes(engine: AsyncEngine) -> Sequence[AsyncInbox]:
    return [AsyncSQLAlchemyInbox(engine), DjangoInbox()]


def it_is_both() -> Inbox:
    return DjangoInbox("default")


def what_they_return_is_typed(delivery: Delivery) -> None:
    inbox = SQLiteInbox("inbox.sqlite3", retention=timedelta(days=1))
    assert_type(inbox.put(delivery, {"traceparent": "00"}), bool)
    assert_type(inbox.take(5, timedelta(minutes=1), unsettled=True), Sequence[Message])
    for message in inbox.take(5, timedelta(minutes=1), message_id="msg_1"):
        assert_type(inbox.settle(message, next_step(message, None)), bool)
        assert_type(inbox.renew([message], timedelta(minutes=1)), frozenset[str])
    assert_type(inbox.list(Selection(state="dead"), 10), Sequence[Record])
    assert_type(inbox.show("msg_1"), Record | None)
    assert_type(inbox.status(), Status)


async def what_async_ones_return_is_typed(engine: AsyncEngine, delivery: Delivery) -> None:
    inbox = AsyncSQLAlchemyInbox(engine, clock=lambda: 1.0)
    assert_type(await inbox.aput(delivery), bool)
    assert_type(await inbox.atake(5, timedelta(minutes=1)), Sequence[Message])
    assert_type(await inbox.alag(unsettled=True), float | None)


def wrong_uses(inbox: SQLiteInbox, engine: AsyncEngine) -> None:
    SQLAlchemyInbox(engine)  # type: ignore[arg-type]
    inbox.put("msg_1")  # type: ignore[arg-type]
    inbox.take(5)  # type: ignore[call-arg]
    Selection(state="lost")  # type: ignore[arg-type]
    inboxes.MongoInbox  # type: ignore[attr-defined]  # noqa: B018
