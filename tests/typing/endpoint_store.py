"""Your own stores, and `drop_stale`, as type checkers see them. Checked, never run."""

from collections.abc import Sequence
from datetime import timedelta

from typing_extensions import assert_type

from clerk_hooks import Delivery, Endpoint, IdempotencyStore, MemoryStore, Router
from clerk_hooks.events import AnyEvent, UserCreated, UserDeleted, UserEvent, UserUpdated
from clerk_hooks.idempotency import Claim, HandlerRecord, ObjectVersion

router = Router()


class OwnStore:
    """What somebody writes for a database of their own: nothing is inherited."""

    def claim(
        self,
        message_id: str,
        handlers: Sequence[str],
        lease: timedelta,
        object: ObjectVersion | None = None,
    ) -> Claim:
        assert_type(object.time if object else None, int | None)
        return Claim("token", run=tuple(handlers))

    def confirm(
        self, message_id: str, handler: str, token: str, mark: ObjectVersion | None = None
    ) -> bool:
        return True

    def release(self, message_id: str, handlers: Sequence[str], token: str) -> None: ...

    def show(self, message_id: str) -> list[HandlerRecord]:
        return []

    def forget(self, message_id: str) -> int:
        return 0

    def purge(self) -> int:
        return 0


class AwaitedStore:
    """What somebody writes for an asynchronous client."""

    async def aclaim(
        self,
        message_id: str,
        handlers: Sequence[str],
        lease: timedelta,
        object: ObjectVersion | None = None,
    ) -> Claim:
        return Claim("token", run=tuple(handlers))

    async def aconfirm(
        self, message_id: str, handler: str, token: str, mark: ObjectVersion | None = None
    ) -> bool:
        return True

    async def arelease(self, message_id: str, handlers: Sequence[str], token: str) -> None: ...

    async def ashow(self, message_id: str) -> list[HandlerRecord]:
        return []

    async def aforget(self, message_id: str) -> int:
        return 0

    async def apurge(self) -> int:
        return 0


class WithoutAPurge:
    """One that lacks a method."""

    aclaim = AwaitedStore.aclaim
    aconfirm = AwaitedStore.aconfirm
    arelease = AwaitedStore.arelease
    ashow = AwaitedStore.ashow
    aforget = AwaitedStore.aforget


class WithoutMarks(OwnStore):
    """One that knows nothing of objects."""

    def claim(  # type: ignore[override]  # It stands for a class that inherits nothing.
        self, message_id: str, handlers: Sequence[str], lease: timedelta
    ) -> Claim:
        return Claim("token", run=tuple(handlers))


class WithoutPurge:
    """One that lacks a method."""

    claim = OwnStore.claim
    confirm = OwnStore.confirm
    release = OwnStore.release
    show = OwnStore.show
    forget = OwnStore.forget


def endpoints() -> None:
    Endpoint(router, store=OwnStore())
    Endpoint(router, store=AwaitedStore(), lease=timedelta(seconds=30))
    Endpoint(router, store=MemoryStore(retention=timedelta(days=7), max_messages=10))
    Endpoint(router, store=None)
    Endpoint(router, store=WithoutMarks())  # type: ignore[call-overload]
    Endpoint(router, store=WithoutPurge())  # type: ignore[call-overload]
    Endpoint(router, store=MemoryStore)  # type: ignore[call-overload]
    Endpoint(router, store=WithoutAPurge())  # type: ignore[call-overload]
    Endpoint(router, store="redis://localhost")  # type: ignore[call-overload]
    MemoryStore(timedelta(days=7))  # type: ignore[call-arg]
    MemoryStore(retention=3)  # type: ignore[arg-type]


def people(store: IdempotencyStore) -> None:
    assert_type([record.handler for record in store.show("msg_1")], list[str])
    assert_type(store.forget("msg_1"), int)
    assert_type(store.purge(), int)
    assert_type(store.claim("msg_1", ["a"], timedelta(seconds=1)).run, tuple[str, ...])


@router.on("user.created", drop_stale=True)
def one(event: UserCreated) -> None: ...


@router.on("user.created", "user.updated", drop_stale=True, name="saves users")
async def two(event: UserCreated | UserUpdated, delivery: Delivery) -> None: ...


@router.on("user.created", "user.updated", "user.deleted", drop_stale=True)
def three(event: UserCreated | UserUpdated | UserDeleted) -> None: ...


@router.on("user.*", drop_stale=True)
def family(event: UserEvent) -> None: ...


@router.on("*", drop_stale=False)
def everything(event: AnyEvent) -> None: ...


assert_type(one(UserCreated.model_construct()), None)


@router.on("user.created", drop_stale=True)  # type: ignore[type-var]
def of_another_type(event: UserUpdated) -> None: ...


router.on("user.created", drop_stale="yes")  # type: ignore[call-overload]
router.on_unknown(drop_stale=True)  # type: ignore[call-arg]
