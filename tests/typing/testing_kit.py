"""The test kit, as type checkers see it. This file is checked, never run."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis.strategies import SearchStrategy
from typing_extensions import assert_type

from clerk_hooks import Delivery, Endpoint, Reply, Router
from clerk_hooks.events import KnownEvent, UnknownEvent, UserCreated, UserDeleted
from clerk_hooks.pytest_plugin import ClerkAdeliver, ClerkDeliver, ClerkSample
from clerk_hooks.testing import (
    SECRET,
    Cause,
    Explanation,
    SignedRequest,
    adeliver,
    deliver,
    delivery,
    explain,
    sample,
    sample_payload,
    signed_request,
    variants_of,
)
from clerk_hooks.testing.strategies import any_event, events, payloads


def samples() -> None:
    assert_type(sample(UserCreated), UserCreated)
    assert_type(sample(UserCreated, {"first_name": None}), UserCreated)
    assert_type(sample(UserDeleted, variant="old", seed=1), UserDeleted)
    assert_type(sample("user.created"), KnownEvent)
    assert_type(sample(UserCreated).data.primary_email, str | None)
    event = sample("session.created", seed=1)
    if event.type == "session.created":
        assert_type(event.data.user_id, str | None)
    assert_type(sample_payload("user.created"), dict[str, Any])
    assert_type(sample_payload(UserCreated, {"first_name": None}), dict[str, Any])
    assert_type(variants_of("user.created"), tuple[str, ...])
    sample(UnknownEvent)  # type: ignore[type-var]
    sample(int)  # type: ignore[type-var]
    sample(UserCreated, variant="none")  # type: ignore[call-overload]
    sample(UserCreated, seed="1")  # type: ignore[call-overload]
    sample()  # type: ignore[call-overload]


def requests(mapping: Mapping[str, Any], now: datetime) -> None:
    request = signed_request(sample(UserCreated))
    assert_type(request, SignedRequest)
    assert_type(request.body, bytes)
    assert_type(request.headers, dict[str, str])
    assert_type(request.message_id, str)
    assert_type(request.signed_at, datetime)
    assert_type(request.old(), SignedRequest)
    assert_type(request.old(timedelta(days=1)).forged().retry(), SignedRequest)
    body, headers = request
    assert_type(body, bytes)
    assert_type(headers, dict[str, str])
    signed_request(mapping, secret=["whsec_...", "whsec_..."], message_id="msg_1", signed_at=now)
    signed_request(b"{}", secret=SECRET)
    signed_request(5)  # type: ignore[arg-type]
    signed_request(b"{}", SECRET)  # type: ignore[call-arg]
    signed_request(b"{}", signed_at=5)  # type: ignore[arg-type]


def deliveries(endpoint: Endpoint, app: object) -> None:
    assert_type(deliver(endpoint, sample("user.created")), Reply)
    deliver(app, signed_request(b"{}"), path="/hooks", secret=SECRET)
    deliver(app, {"type": "user.created", "data": {}})
    deliver(app)  # type: ignore[call-arg]
    endpoint.receive(*signed_request(b"{}"))


async def async_deliveries(endpoint: Endpoint, app: object) -> None:
    assert_type(await adeliver(endpoint, sample("user.created")), Reply)
    await adeliver(app, signed_request(b"{}"), path="/hooks", secret=SECRET)
    await adeliver(app)  # type: ignore[call-arg]


def verified_deliveries(router: Router, now: datetime) -> None:
    assert_type(delivery(sample(UserCreated)), Delivery)
    router.dispatch(delivery({"type": "user.created", "data": {}}, message_id="msg_1"))
    delivery(b"{}", attempted_at=now)
    delivery(5)  # type: ignore[arg-type]
    delivery(b"{}", attempted_at="today")  # type: ignore[arg-type]


def explanations() -> None:
    explanation = explain(b"{}", {"svix-id": "msg_1"}, secret="whsec_...", other_secrets=["x"])
    assert_type(explanation, Explanation)
    assert_type(explanation.verified, bool)
    assert_type(explanation.cause, Cause | None)
    assert_type(explanation.advice, str)
    explain(None, {}, now=datetime.now(timezone.utc))
    explain(b"{}")  # type: ignore[call-arg]
    explain(b"{}", {}, now="today")  # type: ignore[arg-type]


def strategies() -> None:
    assert_type(events(UserCreated), SearchStrategy[UserCreated])
    assert_type(events("user.created"), SearchStrategy[KnownEvent])
    assert_type(any_event(), SearchStrategy[KnownEvent])
    assert_type(payloads(UserCreated), SearchStrategy[dict[str, Any]])
    events(int)  # type: ignore[type-var]


def fixtures(clerk_sample: ClerkSample, clerk_deliver: ClerkDeliver) -> None:
    assert_type(clerk_sample(UserCreated, {"first_name": None}), UserCreated)
    assert_type(clerk_sample("user.created", variant="google"), KnownEvent)
    assert_type(clerk_deliver(None, clerk_sample(UserCreated), path="/hooks"), Reply)
    clerk_deliver(None, b"{}", secret=SECRET)  # type: ignore[call-arg]


async def async_fixtures(clerk_sample: ClerkSample, clerk_adeliver: ClerkAdeliver) -> None:
    assert_type(await clerk_adeliver(None, clerk_sample(UserCreated), path="/hooks"), Reply)
    await clerk_adeliver(None, b"{}", secret=SECRET)  # type: ignore[call-arg]
