"""FastAPI's dependencies around handlers, as type checkers see them. Checked, never run."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from typing_extensions import assert_type

from clerk_hooks import Delivery, Endpoint, Router, Verifier
from clerk_hooks.adapters.fastapi import Received, clerk_router
from clerk_hooks.events import UserCreated

router = Router()
endpoint = Endpoint(router)


async def get_session() -> AsyncIterator[AsyncSession]:
    yield AsyncSession()


async def get_generated() -> AsyncGenerator[AsyncSession, None]:
    yield AsyncSession()


def get_sync() -> Iterator[Session]:
    yield Session()


async def get_tenant(request: Request) -> str:
    return request.headers["host"]


class Services:
    def __init__(self, session: Annotated[AsyncSession, Depends(get_session)]) -> None:
        self.session = session


def limit() -> None: ...


@router.on("user.created")
async def handler(event: UserCreated, delivery: Delivery) -> None:
    assert_type(delivery.context, object)
    assert_type(delivery.context_as(AsyncSession), AsyncSession)
    assert_type(delivery.context_as(Services).session, AsyncSession)


def routers(app: FastAPI) -> None:
    app.include_router(clerk_router(endpoint, "/1", context=get_session))
    app.include_router(clerk_router(endpoint, "/2", context=get_generated))
    app.include_router(clerk_router(endpoint, "/3", context=get_sync))
    app.include_router(clerk_router(endpoint, "/4", context=get_tenant))
    app.include_router(clerk_router(endpoint, "/5", context=Services))
    clerk_router(endpoint, dependencies=[Depends(limit)], include_in_schema=True)
    clerk_router(endpoint, "/6", get_session)  # type: ignore[call-arg, arg-type]
    clerk_router(endpoint, context=AsyncSession())  # type: ignore[arg-type]
    clerk_router(endpoint, dependencies=[limit])  # type: ignore[list-item]


received = Received(endpoint, context=get_session)
ReceivedDelivery = Annotated[Delivery, Depends(Received(endpoint))]


def routes(app: FastAPI) -> None:
    @app.post("/1")
    async def one(delivery: Annotated[Delivery, Depends(received)]) -> str:
        return assert_type(delivery, Delivery).message_id

    @app.post("/2")
    def two(delivery: ReceivedDelivery) -> None:
        assert_type(delivery, Delivery)

    app.dependency_overrides[received] = limit
    Received(Verifier())  # type: ignore[arg-type]
    Received(endpoint, get_session)  # type: ignore[call-arg]
    Received(endpoint, context="get_session")  # type: ignore[arg-type]


async def called_by_hand(request: Request, delivery: Delivery) -> None:
    assert_type(await received(request, delivery), Delivery)
