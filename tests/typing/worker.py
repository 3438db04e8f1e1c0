"""What type checkers know of a worker: checked, never run."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta

from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from typing_extensions import assert_type

from clerk_hooks import AsyncInbox, Delivery, Inbox, Processor, RetryPolicy, Worker


def settings(processor: Processor, inbox: Inbox, awaited: AsyncInbox) -> None:
    Worker(processor, inbox)
    Worker(processor, awaited, slots=25, lease=timedelta(minutes=1), max_run=timedelta(hours=1))
    Worker(processor, inbox, policy=RetryPolicy(attempts=3))
    Worker(processor, inbox, 25)  # type: ignore[call-arg]
    Worker(processor, processor)  # type: ignore[arg-type]


def contexts(processor: Processor, inbox: Inbox, engine: Engine) -> None:
    @contextmanager
    def session(delivery: Delivery) -> Generator[Session]:
        with Session(engine) as session:
            yield session

    @asynccontextmanager
    async def async_session(delivery: Delivery) -> AsyncGenerator[AsyncSession]:
        async with AsyncSession() as session:
            yield session

    def neither(delivery: Delivery) -> Session:
        return Session(engine)

    Worker(processor, inbox, context=session)
    Worker(processor, inbox, context=async_session)
    Worker(processor, inbox, context=neither)
    Worker(processor, inbox, context=lambda delivery: Session(engine))
    Worker(processor, inbox, context=session(Delivery("msg_1", 1, b"")))  # type: ignore[arg-type]


async def calls(worker: Worker) -> None:
    assert_type(worker.run(grace=timedelta(seconds=5)), int)
    assert_type(worker.run_one("msg_1"), bool)
    assert_type(worker.run_due(), int)
    assert_type(worker.run_until_idle(), int)
    assert_type(await worker.arun_until_idle(raise_errors=False), int)
