"""A store that fails: nothing is acknowledged, nothing more is run, and the reply says so."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from typing import Any

import pytest

from clerk_hooks import (
    AbortDelivery,
    ConfigurationError,
    Endpoint,
    InProgress,
    InputTypeError,
    Router,
    StoreUnavailable,
    sign,
)

from .watched_store import SECRET, WAYS, AwaitedStore, WatchedStore, Way, event

UNAVAILABLE = (503, b'{"error":"store_unavailable"}')
ERRORS = [
    StoreUnavailable("a private address"),
    ConnectionError("a private address"),
    TimeoutError(),
    StopIteration(),
    MemoryError(),
    RecursionError(),
    concurrent.futures.CancelledError(),
    AbortDelivery(),
    InProgress(),
    InputTypeError(),
]
each_error = pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    way: Way = request.param
    return way


@pytest.fixture
def ran() -> list[str]:
    return []


@pytest.fixture
def router(ran: list[str]) -> Router:
    """Two handlers that succeed, and between them one that fails if it is told to."""
    router = Router()
    for name in ("a", "b", "c"):
        router.on("user.created", name=name)(noting(ran, name))
    return router


def noting(ran: list[str], name: str, error: BaseException | None = None) -> Callable[..., None]:
    def handler(event: object) -> None:
        ran.append(name)
        if error is not None:
            raise error

    return handler


@each_error
def test_failing_at_the_claim_nothing_is_run(
    way: Way, router: Router, ran: list[str], error: Exception
) -> None:
    endpoint, store = way.endpoint(router)
    store.fails("claim", error)
    assert way.receive(endpoint)[:2] == UNAVAILABLE
    assert ran == []
    assert store.calls == ["claim a b c"]
    store.before.clear()
    assert way.receive(endpoint).status == 200


@each_error
def test_failing_at_a_confirm_nothing_more_is_run_and_the_rest_is_released(
    way: Way, router: Router, ran: list[str], error: Exception
) -> None:
    endpoint, store = way.endpoint(router)
    store.fails("confirm", error)
    assert way.receive(endpoint)[:2] == UNAVAILABLE
    assert ran == ["a"]
    assert store.calls[1:] == ["confirm a", "release b c"]
    assert store.states() == {"a": "running"}


@each_error
def test_failing_at_a_release_nothing_more_is_run(
    way: Way, ran: list[str], error: Exception
) -> None:
    router = Router()
    router.on("user.created", name="a")(noting(ran, "a", ValueError()))
    router.on("user.created", name="b")(noting(ran, "b"))
    endpoint, store = way.endpoint(router)
    store.fails("release", error)
    assert way.receive(endpoint)[:2] == UNAVAILABLE
    assert ran == ["a"]
    assert store.calls[1:] == ["release a", "release b"]


def test_the_reply_to_an_abort_that_cannot_be_released_does_not_stop_svix(
    way: Way, ran: list[str]
) -> None:
    router = Router()
    router.on("user.created", name="a")(noting(ran, "a", AbortDelivery()))
    endpoint, store = way.endpoint(router)
    store.fails("release", OSError())
    reply = way.receive(endpoint)
    assert reply[:2] == UNAVAILABLE
    assert "webhook-delivery" not in reply.headers


@each_error
def test_a_release_that_fails_at_the_end_does_not_hide_what_ended_the_run(
    way: Way, router: Router, error: Exception
) -> None:
    endpoint, store = way.endpoint(router)
    store.fails("confirm", StoreUnavailable("the first"))
    store.fails("release", error)
    assert way.receive(endpoint)[:2] == UNAVAILABLE


def test_the_log_says_what_the_store_raised(
    way: Way, router: Router, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint, store = way.endpoint(router)
    store.fails("claim", ConnectionResetError("a private address"))
    way.receive(endpoint)
    (record,) = caplog.records
    assert (record.levelname, record.reason) == ("WARNING", "store_unavailable")  # type: ignore[attr-defined]
    assert "ConnectionResetError" in record.getMessage()
    assert "a private address" not in record.getMessage()


@pytest.mark.parametrize("method", ["claim", "confirm", "release"])
def test_a_mistake_in_the_setup_of_the_store_is_raised(
    way: Way, ran: list[str], method: str
) -> None:
    router = Router()
    error = ValueError() if method == "release" else None
    router.on("user.created", name="a")(noting(ran, "a", error))
    endpoint, store = way.endpoint(router)
    store.fails(method, ConfigurationError("a detail"))
    with pytest.raises(ConfigurationError, match="a detail"):
        way.receive(endpoint)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_releases_what_was_claimed(
    way: Way, ran: list[str], kind: type[BaseException]
) -> None:
    router = Router()
    router.on("user.created", name="a")(noting(ran, "a"))
    router.on("user.created", name="b")(noting(ran, "b", kind()))
    router.on("user.created", name="c")(noting(ran, "c"))
    endpoint, store = way.endpoint(router)
    with pytest.raises(kind):
        way.receive(endpoint)
    assert ran == ["a", "b"]
    assert store.states() == {"a": "done"}


@pytest.mark.parametrize("kind", [KeyboardInterrupt, asyncio.CancelledError])
def test_what_ends_the_program_is_raised_even_where_nothing_can_be_released(
    way: Way, ran: list[str], kind: type[BaseException]
) -> None:
    router = Router()

    @router.on("user.created", name="a")
    async def ends(event: object) -> None:
        task = asyncio.current_task()
        if kind is KeyboardInterrupt or not way.is_async or task is None:
            raise KeyboardInterrupt
        task.cancel()
        await asyncio.sleep(0)

    endpoint, store = way.endpoint(router)
    store.fails("release", ConnectionError())
    with pytest.raises(kind if way.is_async else KeyboardInterrupt):
        way.receive(endpoint)
    assert store.calls == ["claim a", "release a"]


def test_a_mistake_of_the_caller_releases_what_was_claimed(ran: list[str]) -> None:
    router = Router()
    router.on("user.created", name="a")(noting(ran, "a"))

    @router.on("user.created")
    async def asynchronous(event: object) -> None: ...

    endpoint, store = WAYS["receive"].endpoint(router)

    async def main() -> None:
        WAYS["receive"].receive(endpoint)

    with pytest.raises(ConfigurationError, match="areceive"):
        asyncio.run(main())
    assert (ran, store.states()) == ([], {})


class Eager(WatchedStore):
    """A store whose `aclaim` fails before there is anything to await."""

    def aclaim(self, *arguments: Any) -> Any:
        raise ConnectionError


class CancelsItself(AwaitedStore):
    """A store that cancels what it awaits, as clients do on timeouts."""

    async def aclaim(self, *arguments: Any) -> Any:
        raise asyncio.CancelledError


class NotAwaitable(WatchedStore):
    """A store whose `aclaim` is not asynchronous at all."""

    def aclaim(self, *arguments: Any) -> Any:
        return self.claim(*arguments)


@pytest.mark.parametrize("store", [Eager, CancelsItself, NotAwaitable])
def test_an_awaited_store_may_fail_in_its_own_ways(
    router: Router, ran: list[str], store: type[WatchedStore]
) -> None:
    way = Way(True, store)
    endpoint, _ = way.endpoint(router)
    assert way.receive(endpoint)[:2] == UNAVAILABLE
    assert ran == []


def test_a_store_that_is_called_in_a_thread_leaves_the_loop_free(router: Router) -> None:
    store, turned = WatchedStore(), threading.Event()
    for method in ("claim", "confirm"):
        store.before[method] = lambda: turned.wait(60) or pytest.fail("the loop stands still")
    endpoint = Endpoint(router, secret=SECRET, store=store)

    async def main() -> int:
        body = event()
        request = asyncio.ensure_future(endpoint.areceive(body, sign(body, secret=SECRET)))
        await asyncio.sleep(0)
        turned.set()
        return (await request).status

    assert asyncio.run(main()) == 200
    assert threading.get_ident() not in store.threads


def test_a_store_with_methods_to_await_is_awaited_in_the_loop(router: Router) -> None:
    way = WAYS["areceive, awaited"]
    endpoint, store = way.endpoint(router)
    assert way.receive(endpoint).status == 200
    assert store.threads == {threading.get_ident()}


def test_receive_calls_the_store_in_its_own_thread(router: Router) -> None:
    way = WAYS["receive"]
    endpoint, store = way.endpoint(router)
    assert way.receive(endpoint).status == 200
    assert store.threads == {threading.get_ident()}
