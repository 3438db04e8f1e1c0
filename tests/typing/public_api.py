"""The public functions and classes, as type checkers see them. This file is checked, never run."""

import asyncio
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

from typing_extensions import assert_type

from clerk_hooks import (
    AbortDelivery,
    AsyncIdempotencyStore,
    ClerkHooksError,
    ConfigurationError,
    Delivery,
    Endpoint,
    HandlerError,
    IdempotencyStore,
    MemoryStore,
    MethodNotAllowed,
    Observer,
    Processor,
    Reply,
    Router,
    SecretError,
    SvixVerifier,
    VerificationError,
    Verifier,
    parse_event,
    sign,
    verify,
)
from clerk_hooks.events import AnyEvent
from clerk_hooks.observe import Handed, Running, Seen, Taken
from clerk_hooks.processing import Outcome

body = b"{}"
headers = {"svix-id": "msg_1"}
now = datetime.now(timezone.utc)


def verifying() -> None:
    assert_type(verify(body, headers), Delivery)
    verify("{}", headers, secret="whsec_...")
    verify(bytearray(body), headers, secret=["whsec_...", b"whsec_..."])
    verify(memoryview(body), headers, secret=("whsec_...",), tolerance=timedelta.max)
    verify(body, headers, secret=None, now=now)
    verify(body, headers, now=1_700_000_000)
    verify(body, headers, now=1_700_000_000.5)
    verify({}, headers)  # type: ignore[arg-type]
    verify(None, headers)  # type: ignore[arg-type]
    verify(body)  # type: ignore[call-arg]
    verify(body, headers, "whsec_...")  # type: ignore[call-arg]
    verify(body, headers, secret=5)  # type: ignore[arg-type]
    verify(body, headers, tolerance=300)  # type: ignore[arg-type]
    verify(body, headers, now="2026-01-01")  # type: ignore[arg-type]


def signing() -> None:
    assert_type(sign(body), dict[str, str])
    sign("{}", secret="whsec_...", message_id="msg_1", timestamp=now)
    sign(body, timestamp=1_700_000_000)
    verify(body, sign(body))
    sign({"type": "user.created"})  # type: ignore[arg-type]
    sign(body, "whsec_...")  # type: ignore[call-arg]
    sign(body, timestamp=1.5)  # type: ignore[arg-type]
    sign(body, message_id=5)  # type: ignore[arg-type]


def verifiers() -> None:
    assert_type(Verifier().verify(body, headers), Delivery)
    Verifier("whsec_...", tolerance=timedelta(minutes=1), clock=lambda: 1_700_000_000)
    as_base: Verifier = SvixVerifier("whsec_...")
    assert_type(SvixVerifier().verify(body, headers), Delivery)
    as_base.verify(None, headers)  # type: ignore[arg-type]
    Verifier("whsec_...", timedelta(minutes=1))  # type: ignore[call-arg]
    Verifier(clock=now)  # type: ignore[arg-type]
    SvixVerifier("whsec_...", tolerance=timedelta(minutes=1))  # type: ignore[call-arg]


def deliveries(delivery: Delivery) -> None:
    assert_type(delivery.message_id, str)
    assert_type(delivery.attempted_at, datetime)
    assert_type(delivery.payload, bytes)
    assert_type(delivery.type, str)
    assert_type(delivery.event, AnyEvent)
    assert_type(delivery.json(), dict[str, Any])
    assert_type(Delivery.from_json(delivery.to_json()), Delivery)
    Delivery.from_json(delivery.json())  # type: ignore[arg-type]
    Delivery("msg_1", now, body)
    Delivery("msg_1", 1_700_000_000, body)
    delivery.payload = b""  # type: ignore[misc]
    delivery.event = None  # type: ignore[misc, assignment]
    Delivery("msg_1", now, "{}")
    Delivery("msg_1", now, None)  # type: ignore[arg-type]


def parsing(mapping: Mapping[str, Any]) -> None:
    assert_type(parse_event(body), AnyEvent)
    parse_event("{}")
    parse_event(mapping)
    parse_event({"type": "user.created", "data": {}})
    parse_event(["user.created"])  # type: ignore[arg-type]
    parse_event(None)  # type: ignore[arg-type]


def endpoints(router: Router) -> None:
    endpoint = Endpoint(router)
    Endpoint(router, secret=["whsec_..."], max_body=1000)
    Endpoint(router, verifier=SvixVerifier())
    assert_type(endpoint.receive(body, headers), Reply)
    assert_type(endpoint.reply(MethodNotAllowed()), Reply)
    assert_type(endpoint.processor, Processor)
    assert_type(endpoint.verifier, Verifier)
    assert_type(endpoint.max_body, int)
    Endpoint()  # type: ignore[call-overload]
    Endpoint("whsec_...")  # type: ignore[call-overload]
    Endpoint(router, "whsec_...")  # type: ignore[call-overload]
    Endpoint(router, verifier=SvixVerifier)  # type: ignore[call-overload]
    Endpoint(router, max_body="1 MiB")  # type: ignore[call-overload]
    Endpoint(router, lease=60)  # type: ignore[call-overload]
    endpoint.receive({}, headers)  # type: ignore[arg-type]
    endpoint.receive(body)  # type: ignore[call-arg]
    endpoint.reply(ValueError())  # type: ignore[arg-type]


def processors(router: Router, delivery: Delivery) -> None:
    processor = Processor(router, store=MemoryStore(), lease=timedelta(seconds=30))
    assert_type(processor.process(delivery), Outcome)
    processor.process(delivery, handlers=[processors], done=["a"])
    assert_type(processor.router, Router)
    assert_type(processor.store, IdempotencyStore | AsyncIdempotencyStore | None)
    assert_type(processor.lease, timedelta)
    assert_type(delivery.context, object)
    assert_type(delivery.context_as(Router), Router)
    delivery.context_as("Router")  # type: ignore[arg-type]
    delivery.context = 1  # type: ignore[misc]
    Processor()  # type: ignore[call-arg]
    Processor(router, MemoryStore())  # type: ignore[call-arg]
    Processor(router, secret="whsec_...")  # type: ignore[call-arg]
    Processor(router, lease=60)  # type: ignore[arg-type]
    processor.process(body)  # type: ignore[arg-type]
    processor.process(delivery, handlers=["a"])  # type: ignore[list-item]
    processor.process(delivery, run_sync=asyncio.to_thread)  # type: ignore[call-arg]


class Metrics(Observer):
    @contextmanager
    def request(self, seen: Seen) -> Generator[None]:
        yield
        assert_type(seen.delivery, Delivery | None)
        assert_type(seen.event_type, str | None)
        assert_type(seen.reply, Reply | None)
        assert_type(seen.duration, float)

    def handler(self, running: Running) -> AbstractContextManager[object]:
        assert_type(running.event, AnyEvent)
        assert_type(running.handler, str)
        return nullcontext()

    def handoff(self, message: Handed) -> AbstractContextManager[object]:
        assert_type(message.carrier, dict[str, str])
        message.carrier["traceparent"] = "00-1"
        message.carrier["sampled"] = True  # type: ignore[assignment]
        return nullcontext()

    @contextmanager
    def run(self, taken: Taken) -> Generator[None]:
        assert_type(taken.carrier, Mapping[str, str])
        assert_type(taken.accepted_at, float)
        yield
        assert_type(taken.takes, int)
        assert_type(taken.step, Literal["done", "retry", "dead"] | None)


def observers(router: Router) -> None:
    Endpoint(router, observers=[Metrics()])
    Processor(router, observers=(Metrics(), Observer()))
    Endpoint(router, observers=Metrics())  # type: ignore[call-overload]
    Processor(router, observers=[Metrics])  # type: ignore[list-item]


async def awaited(endpoint: Endpoint, processor: Processor, delivery: Delivery) -> None:
    assert_type(await processor.aprocess(delivery), Outcome)
    await processor.aprocess(delivery, handlers=[], done=[], run_sync=asyncio.to_thread)
    assert_type(await endpoint.areceive(body, headers), Reply)
    assert_type(await endpoint.areceive(body, headers, run_sync=asyncio.to_thread), Reply)
    endpoint.areceive(body, headers).status  # type: ignore[attr-defined]  # noqa: B018


def replies(reply: Reply) -> None:
    assert_type(reply.status, int)
    assert_type(reply.body, bytes)
    assert_type(reply.headers, Mapping[str, str])
    status, content, fields = reply
    assert_type((status, content, fields), tuple[int, bytes, Mapping[str, str]])
    assert_type(Reply.for_error(AbortDelivery("no such user")), Reply)
    assert_type(list(reply.headers.items()), list[tuple[str, str]])
    reply.status = 500  # type: ignore[misc]
    reply.headers["x"] = "y"  # type: ignore[index]


def errors() -> None:
    try:
        verify(body, headers)
    except (VerificationError, ConfigurationError) as error:
        assert_type(error, VerificationError | ConfigurationError)
        as_base: ClerkHooksError = error
        assert_type(as_base.reason, str)
        assert_type(as_base.status, int)
    except HandlerError as error:
        assert_type(error.errors, tuple[Exception, ...])
    as_value_error: ValueError = SecretError("unset", reason="missing_secret")
    raise AbortDelivery(reason="no_such_user") from as_value_error
