"""Ten credits for every new user, exactly once, in the session that the app's routes have too.

``python exactly_once_fastapi.py`` creates the tables; serve it with
``uvicorn exactly_once_fastapi:app``.
"""

import asyncio
import os
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import Depends, FastAPI
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from clerk_hooks import Delivery, Endpoint, Router
from clerk_hooks.adapters.fastapi import clerk_router
from clerk_hooks.events import UserCreated
from clerk_hooks.stores.sqlalchemy import AsyncSQLAlchemyStore

engine = create_async_engine(os.environ["DATABASE_URL"])  # postgresql+asyncpg://...
new_session = async_sessionmaker(engine)
store = AsyncSQLAlchemyStore(engine)
router = Router()


class Base(DeclarativeBase):
    """The tables of the application."""


class Credit(Base):
    """Some credits that a user was given. To give them twice would be a loss."""

    __tablename__ = "credits"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    amount: Mapped[int]


async def get_session() -> AsyncGenerator[AsyncSession, None]:
    """A session for a request. It commits nothing: the code that writes knows when it is done."""
    async with new_session() as session:
        yield session


@router.on("user.created")
async def give_credits(event: UserCreated, delivery: Delivery) -> None:
    """One commit has the credits and the note that this handler is done."""
    session = delivery.context_as(AsyncSession)
    async with store.transaction(delivery, session):
        session.add(Credit(user_id=event.data.id, amount=10))


endpoint = Endpoint(router, store=store)

app = FastAPI()
app.include_router(clerk_router(endpoint, "/webhooks/clerk", context=get_session))


@app.get("/credits/{user_id}")
async def credits_of(user_id: str, session: Annotated[AsyncSession, Depends(get_session)]) -> int:
    """The credits of a user."""
    amounts = select(func.coalesce(func.sum(Credit.amount), 0)).where(Credit.user_id == user_id)
    return await session.scalar(amounts) or 0


async def create_tables() -> None:
    """Create what is not there yet."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)


if __name__ == "__main__":
    asyncio.run(create_tables())
