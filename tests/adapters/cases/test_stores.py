"""Every adapter with a store: what was handled, is being handled elsewhere, or cannot be known.

The test has the store's file open too, as one more process that the endpoint runs in.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clerk_hooks import Endpoint
from clerk_hooks.router import registry_of

from ..application import build_endpoints, close_stores
from ..servers import Answer, Server
from .deliveries import sent
from .test_deliveries import seen, word

each_kind = pytest.mark.parametrize(
    "event_type", ["user.created", "session.created"], ids=["sync", "async"]
)


@pytest.fixture
def local(server: Server) -> Iterator[dict[str, Endpoint]]:
    """The endpoints that the server has, on the same file, to be called without HTTP."""
    endpoints = build_endpoints(server.folder)
    yield endpoints
    close_stores(endpoints)


@pytest.fixture
def stored(local: dict[str, Endpoint]) -> Endpoint:
    return local["stored"]


@each_kind
def test_a_delivery_that_comes_again_is_a_duplicate_and_its_handler_does_not_run_again(
    server: Server, stored: Endpoint, event_type: str
) -> None:
    body, headers = sent(event_type)
    first = server.ask("/stored", body, headers)
    assert (first.status, word(first)) == (200, "handled")
    assert first == Answer.of(stored.receive(*sent(event_type)))
    second = server.ask("/stored", body, headers)
    assert (second.status, word(second)) == (200, "duplicate")
    assert second == Answer.of(stored.receive(body, headers))
    assert seen(server, headers) == body  # Once.


@each_kind
def test_a_delivery_that_is_handled_elsewhere_is_in_progress_until_it_is_released(
    server: Server, stored: Endpoint, event_type: str
) -> None:
    body, headers = sent(event_type)
    processor = stored.processor
    assert processor.store is not None
    names = [handler.name for handler in registry_of(processor.router).handlers_for(event_type)]
    claim = processor.store.claim(headers["svix-id"], names, processor.lease)
    answer = server.ask("/stored", body, headers)
    assert (answer.status, word(answer)) == (409, "in_progress")
    assert answer == Answer.of(stored.receive(body, headers))
    assert seen(server, headers) is None

    processor.store.release(headers["svix-id"], names, claim.token)
    answer = server.ask("/stored", body, headers)
    assert (answer.status, word(answer)) == (200, "handled")
    assert answer == Answer.of(stored.receive(*sent(event_type)))
    assert seen(server, headers) == body


@each_kind
def test_nothing_is_handled_while_the_store_does_not_answer(
    server: Server, local: dict[str, Endpoint], event_type: str
) -> None:
    body, headers = sent(event_type)
    answer = server.ask("/down", body, headers)
    assert (answer.status, word(answer)) == (503, "store_unavailable")
    assert answer == Answer.of(local["down"].receive(body, headers))
    assert seen(server, headers) is None
