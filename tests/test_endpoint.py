"""The endpoint: what it is built from, and what it leaves to the caller."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from clerk_hooks import (
    AbortDelivery,
    ConfigurationError,
    Delivery,
    Endpoint,
    InputTypeError,
    MemoryStore,
    Router,
    SecretError,
    SvixVerifier,
    Verifier,
    sign,
)
from clerk_hooks.endpoint import DEFAULT_MAX_BODY
from clerk_hooks.reply import Reply

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
BODY = b'{"type":"user.created","data":{"id":"user_1"}}'

Receive = Callable[[Endpoint, Any, Any], Reply]


def status(endpoint: Endpoint, secret: str = SECRET) -> int:
    return endpoint.receive(BODY, sign(BODY, secret=secret)).status


def test_the_secret_is_passed(router: Router) -> None:
    assert status(Endpoint(router, secret=SECRET)) == 200
    assert status(Endpoint(router, secret=OTHER_SECRET)) == 400


def test_several_secrets_are_passed_while_rotating(router: Router) -> None:
    endpoint = Endpoint(router, secret=[OTHER_SECRET, SECRET])
    assert status(endpoint) == status(endpoint, OTHER_SECRET) == 200


def test_without_a_secret_the_environment_has_it(
    router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLERK_WEBHOOK_SIGNING_SECRET", SECRET)
    assert status(Endpoint(router)) == 200
    assert status(Endpoint(router), OTHER_SECRET) == 400


@pytest.mark.usefixtures("no_secret_in_environment")
def test_no_secret_anywhere_is_an_error_at_start(router: Router) -> None:
    with pytest.raises(SecretError, match="CLERK_WEBHOOK_SIGNING_SECRET is not set"):
        Endpoint(router)


@pytest.mark.usefixtures("no_secret_in_environment")
@pytest.mark.parametrize("make", [Verifier, SvixVerifier])
def test_a_verifier_has_its_own_secret(router: Router, make: Callable[[str], Verifier]) -> None:
    endpoint = Endpoint(router, verifier=make(SECRET))
    assert status(endpoint) == 200
    assert status(endpoint, OTHER_SECRET) == 400


def test_a_verifier_decides(router: Router) -> None:
    late = Verifier(SECRET, clock=lambda: 1_700_000_300)
    headers = sign(BODY, secret=SECRET, timestamp=1_700_000_000)
    assert Endpoint(router, verifier=late).receive(BODY, headers).status == 200
    assert Endpoint(router, secret=SECRET).receive(BODY, headers).status == 400


def test_secret_and_verifier_are_one_too_many(router: Router) -> None:
    with pytest.raises(ConfigurationError, match="not both"):
        Endpoint(router, secret=SECRET, verifier=Verifier(SECRET))


@pytest.mark.parametrize("value", [SECRET, Verifier, 5], ids=["secret", "class", "number"])
def test_a_verifier_must_be_one(router: Router, value: Any) -> None:
    with pytest.raises(ConfigurationError, match="verifier must be a Verifier, not ") as caught:
        Endpoint(router, verifier=value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("value", [None, SECRET, Router], ids=["none", "secret", "class"])
def test_a_router_must_be_one(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="router must be a Router, not ") as caught:
        Endpoint(value, secret=SECRET)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("value", [MemoryStore, "redis://localhost", object()])
def test_a_store_must_be_one(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="store must be an IdempotencyStore or an Async"):
        Endpoint(Router(), secret=SECRET, store=value)


@pytest.mark.parametrize("value", [timedelta(0), timedelta(seconds=-1), 60, None], ids=repr)
def test_a_lease_is_a_positive_timedelta(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="lease must be a positive timedelta"):
        Endpoint(Router(), secret=SECRET, store=MemoryStore(), lease=value)
    assert Endpoint(Router(), secret=SECRET).processor.lease == timedelta(seconds=60)


@pytest.mark.parametrize("value", [-1, 1.5, "1000", None, True, float("inf")], ids=repr)
def test_max_body_must_be_a_number_of_bytes(router: Router, value: Any) -> None:
    with pytest.raises(ConfigurationError, match="max_body must be a number of bytes"):
        Endpoint(router, secret=SECRET, max_body=value)


def test_what_it_is_made_of_can_be_read(router: Router) -> None:
    verifier = Verifier(SECRET)
    endpoint = Endpoint(router, verifier=verifier, max_body=5)
    assert endpoint.processor.router is router
    assert (endpoint.verifier, endpoint.max_body) == (verifier, 5)
    assert Endpoint(router, secret=SECRET).max_body == DEFAULT_MAX_BODY == 1024 * 1024


def test_no_representation_shows_the_secret(router: Router) -> None:
    endpoint = Endpoint(router, secret=SECRET)
    shown = f"{endpoint!r} {endpoint.verifier!r} {vars(endpoint)!r}"
    assert SECRET.removeprefix("whsec_") not in shown


@pytest.mark.parametrize("body", [None, {"type": "user.created"}, 5, ["a"]], ids=repr)
def test_a_body_that_is_none_is_a_mistake_of_the_caller(
    router: Router, receive: Receive, body: Any
) -> None:
    with pytest.raises(InputTypeError, match="pass the raw request body"):
        receive(Endpoint(router, secret=SECRET), body, sign(BODY, secret=SECRET))


@pytest.mark.parametrize("headers", [None, "svix-id: msg_1", 5, [5]], ids=repr)
def test_headers_that_are_none_are_a_mistake_of_the_caller(
    router: Router, receive: Receive, headers: Any
) -> None:
    with pytest.raises(InputTypeError, match="pass the request's headers"):
        receive(Endpoint(router, secret=SECRET), BODY, headers)


def test_an_async_handler_inside_a_running_loop_is_a_mistake_of_the_caller(
    router: Router,
) -> None:
    @router.on("user.created")
    async def handler(event: object) -> None:
        pytest.fail("was run")

    async def main() -> None:
        Endpoint(router, secret=SECRET).receive(BODY, sign(BODY, secret=SECRET))

    with pytest.raises(ConfigurationError, match="areceive"):
        asyncio.run(main())


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_is_not_answered(
    router: Router, receive: Receive, kind: type[BaseException]
) -> None:
    @router.on("user.created")
    def ends(event: object) -> None:
        raise kind

    with pytest.raises(kind):
        receive(Endpoint(router, secret=SECRET), BODY, sign(BODY, secret=SECRET))


def test_handlers_that_are_registered_later_are_seen(router: Router, receive: Receive) -> None:
    endpoint = Endpoint(router, secret=SECRET)
    seen: list[object] = []
    router.on("user.created")(seen.append)
    receive(endpoint, BODY, sign(BODY, secret=SECRET))
    assert len(seen) == 1


def test_a_handler_gets_the_verified_delivery(router: Router, receive: Receive) -> None:
    seen: list[Any] = []
    router.on("user.created")(lambda event, delivery: seen.append((event, delivery)))
    headers = sign(BODY, secret=SECRET, message_id="msg_1")
    receive(Endpoint(router, secret=SECRET), BODY, headers)
    ((event, delivery),) = seen
    assert (event.type, event.data.id) == ("user.created", "user_1")
    assert (delivery.message_id, delivery.payload) == ("msg_1", BODY)


def test_areceive_runs_sync_handlers_through_run_sync(router: Router) -> None:
    ran: list[str] = []

    async def run_sync(call: Callable[[], object]) -> object:
        ran.append("run_sync")
        return call()

    router.on("user.created")(lambda event: ran.append("handler"))
    endpoint = Endpoint(router, secret=SECRET)
    headers = sign(BODY, secret=SECRET)
    assert asyncio.run(endpoint.areceive(BODY, headers, run_sync=run_sync)).status == 200
    assert ran == ["run_sync", "handler"]


def test_a_cancelled_request_is_not_answered(router: Router) -> None:
    @router.on("user.created")
    async def handler(event: object) -> None:
        asyncio.current_task().cancel()  # type: ignore[union-attr]
        await asyncio.sleep(0)
        raise AbortDelivery

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(
            Endpoint(router, secret=SECRET).areceive(BODY, sign(BODY, secret=SECRET))
        )  # fmt: skip


@pytest.mark.parametrize("is_async", [False, True], ids=["receive", "areceive"])
@pytest.mark.parametrize("store", [None, MemoryStore], ids=["alone", "store"])
def test_handlers_get_the_context_of_the_request(
    router: Router, is_async: bool, store: Callable[[], MemoryStore] | None
) -> None:
    seen: list[object] = []
    inner = Router()

    @inner.on("user.created")
    def nested(event: object, delivery: Delivery) -> None:
        seen.append(delivery.context)

    @router.on("user.created", name="sync")
    def sync(event: object, delivery: Delivery) -> None:
        seen.append(delivery.context)
        inner.dispatch(delivery)

    @router.on("user.created", name="async")
    async def asynchronous(event: object, delivery: Delivery) -> None:
        seen.append(delivery.context)

    session = object()
    endpoint = Endpoint(router, secret=SECRET, store=store and store())
    request = (BODY, sign(BODY, secret=SECRET))
    if is_async:
        reply = asyncio.run(endpoint.areceive(*request, context=session))
    else:
        reply = endpoint.receive(*request, context=session)
    assert reply.status == 200
    assert seen == [session] * 3
