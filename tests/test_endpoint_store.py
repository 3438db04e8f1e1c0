"""An endpoint with a store: what runs, what does not run again, and which reply that gets."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from clerk_hooks import AbortDelivery, Delivery, Endpoint, Reply, Router

from .watched_store import SECRET, WAYS, WatchedStore, Way, event

HANDLED = (200, b'{"outcome":"handled"}')
DUPLICATE = (200, b'{"outcome":"duplicate"}')
IN_PROGRESS = b'{"error":"in_progress",'


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    way: Way = request.param
    return way


class Handlers:
    """Handlers of user.created that note that they ran, and raise what they are told to."""

    def __init__(self, *names: str) -> None:
        self.router = Router()
        self.ran: list[str] = []
        self.errors: dict[str, Exception] = {}
        self.then: dict[str, Callable[[], object]] = {}
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        @self.router.on("user.created", name=name)
        def handler(event: object) -> None:
            self.ran.append(name)
            self.then.get(name, lambda: None)()
            if name in self.errors:
                raise self.errors[name]

    def ran_since(self) -> list[str]:
        ran, self.ran = self.ran, []
        return ran


def is_abort(reply: Reply) -> bool:
    return reply.headers.get("webhook-delivery") == "abort-message"


def test_a_duplicate_is_answered_without_running_anything(way: Way) -> None:
    handlers = Handlers("a", "b")
    endpoint, store = way.endpoint(handlers.router)
    assert way.receive(endpoint)[:2] == HANDLED
    assert handlers.ran_since() == ["a", "b"]
    assert way.receive(endpoint)[:2] == DUPLICATE
    assert handlers.ran_since() == []
    assert store.calls == ["claim a b", "confirm a", "confirm b", "claim a b"]


def test_a_duplicate_is_told_at_info(way: Way, caplog: pytest.LogCaptureFixture) -> None:
    endpoint, _ = way.endpoint(Handlers("a").router)
    way.receive(endpoint)
    caplog.set_level("INFO", "clerk_hooks")
    way.receive(endpoint)
    (record,) = caplog.records
    assert (record.levelname, record.outcome) == ("INFO", "duplicate")  # type: ignore[attr-defined]
    assert record.getMessage().startswith("msg_1 user.created: duplicate after ")


def test_each_handler_is_confirmed_before_the_next_one_begins(way: Way) -> None:
    handlers = Handlers("a", "b")
    endpoint, store = way.endpoint(handlers.router)
    seen: list[dict[str, str]] = []
    handlers.then["b"] = lambda: seen.append(store.states())
    way.receive(endpoint)
    assert seen == [{"a": "done", "b": "running"}]


def test_another_message_runs_for_itself(way: Way) -> None:
    handlers = Handlers("a")
    endpoint, _ = way.endpoint(handlers.router)
    assert way.receive(endpoint, message_id="msg_1")[:2] == HANDLED
    assert way.receive(endpoint, message_id="msg_2")[:2] == HANDLED
    assert handlers.ran == ["a", "a"]


def test_what_nobody_handles_is_not_asked_of_the_store(way: Way) -> None:
    endpoint, store = way.endpoint(Handlers("a").router)
    reply = way.receive(endpoint, event("session.created"))
    assert (reply.status, reply.body) == (200, b'{"outcome":"unhandled"}')
    assert store.calls == []


def test_what_cannot_be_read_is_not_asked_of_the_store(way: Way) -> None:
    endpoint, store = way.endpoint(Handlers("a").router)
    assert way.receive(endpoint, b'{"type":"user.created"}').status == 422
    assert store.calls == []


def test_a_retry_runs_only_what_has_failed(way: Way) -> None:
    handlers = Handlers("a", "b", "c")
    handlers.errors["b"] = ValueError()
    endpoint, store = way.endpoint(handlers.router)
    assert way.receive(endpoint).status == 500
    assert handlers.ran_since() == ["a", "b", "c"]
    assert store.states() == {"a": "done", "c": "done"}
    assert way.receive(endpoint).status == 500
    assert handlers.ran_since() == ["b"]
    del handlers.errors["b"]
    assert way.receive(endpoint)[:2] == HANDLED
    assert handlers.ran_since() == ["b"]
    assert way.receive(endpoint)[:2] == DUPLICATE


def test_a_handler_that_is_new_since_runs_on_a_replay(way: Way) -> None:
    handlers = Handlers("a")
    endpoint, _ = way.endpoint(handlers.router)
    way.receive(endpoint)
    handlers.add("b")
    assert way.receive(endpoint)[:2] == HANDLED
    assert handlers.ran == ["a", "b"]


def test_after_forget_all_of_a_message_runs_again(way: Way) -> None:
    handlers = Handlers("a", "b")
    endpoint, store = way.endpoint(handlers.router)
    way.receive(endpoint)
    assert store.forget("msg_1") == 2
    assert way.receive(endpoint)[:2] == HANDLED
    assert handlers.ran == ["a", "b", "a", "b"]


def test_an_abort_stops_svix_and_a_replay_by_hand_runs_it_again(way: Way) -> None:
    handlers = Handlers("a", "b")
    handlers.errors["b"] = AbortDelivery()
    endpoint, store = way.endpoint(handlers.router)
    for ran in (["a", "b"], ["b"]):
        reply = way.receive(endpoint)
        assert (reply.status, is_abort(reply)) == (422, True)
        assert handlers.ran_since() == ran
        assert store.states() == {"a": "done"}


def test_an_abort_beside_a_failure_is_a_failure_and_the_retry_ends_with_the_abort(
    way: Way,
) -> None:
    handlers = Handlers("a", "b")
    handlers.errors = {"a": AbortDelivery(), "b": ValueError()}
    endpoint, _ = way.endpoint(handlers.router)
    reply = way.receive(endpoint)
    assert (reply.status, is_abort(reply)) == (500, False)
    del handlers.errors["b"]
    reply = way.receive(endpoint)
    assert (reply.status, is_abort(reply)) == (422, True)
    assert handlers.ran == ["a", "b", "a", "b"]


def claimed_elsewhere(store: WatchedStore, *names: str) -> None:
    assert store.claim("msg_1", names, timedelta(seconds=60)).run == names
    store.calls.clear()


def test_what_is_being_run_elsewhere_is_not_run_and_comes_back(way: Way) -> None:
    handlers = Handlers("a", "b")
    endpoint = Endpoint(handlers.router, secret=SECRET, store=(store := WatchedStore()))
    claimed_elsewhere(store, "a")
    reply = way.receive(endpoint)
    assert (reply.status, reply.body.startswith(IN_PROGRESS)) == (409, True)
    assert handlers.ran == ["b"]
    assert store.states() == {"a": "running", "b": "done"}


@pytest.mark.parametrize(
    ("error", "status"), [(None, 409), (ValueError(), 500), (AbortDelivery(), 409)]
)
def test_beside_one_that_is_run_elsewhere_a_failure_counts_and_an_abort_does_not(
    way: Way, error: Exception | None, status: int
) -> None:
    handlers = Handlers("a", "b")
    if error is not None:
        handlers.errors["b"] = error
    endpoint = Endpoint(handlers.router, secret=SECRET, store=(store := WatchedStore()))
    claimed_elsewhere(store, "a")
    reply = way.receive(endpoint)
    assert (reply.status, is_abort(reply)) == (status, False)


def test_a_duplicate_of_what_is_being_run_elsewhere_is_not_acknowledged(way: Way) -> None:
    endpoint = Endpoint(Handlers("a").router, secret=SECRET, store=(store := WatchedStore()))
    claimed_elsewhere(store, "a")
    assert way.receive(endpoint).status == 409
    assert store.calls == ["claim a"]


def test_the_lease_of_a_process_that_died_ends(way: Way) -> None:
    now = [1_700_000_000.0]
    handlers = Handlers("a")
    store = WatchedStore(clock=lambda: now[0])
    endpoint = Endpoint(handlers.router, secret=SECRET, store=store)
    claimed_elsewhere(store, "a")
    now[0] += 59.9
    assert way.receive(endpoint).status == 409
    now[0] += 0.1
    assert way.receive(endpoint)[:2] == HANDLED
    assert handlers.ran == ["a"]


def test_a_handler_that_has_not_begun_when_the_lease_is_over_is_left_to_the_retry(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [0.0]
    monkeypatch.setattr("clerk_hooks.claims.perf_counter", lambda: seconds[0])
    handlers = Handlers("a", "b", "c")
    handlers.then["b"] = lambda: seconds.append(seconds.pop() + 5)
    endpoint, store = way.endpoint(handlers.router, lease=timedelta(seconds=5))
    assert way.receive(endpoint).status == 409
    assert handlers.ran_since() == ["a", "b"]
    assert store.states() == {"a": "done", "b": "done"}
    assert store.calls[-1] == "release c"
    assert way.receive(endpoint)[:2] == HANDLED
    assert handlers.ran_since() == ["c"]


@pytest.mark.parametrize(("error", "status"), [(ValueError(), 500), (AbortDelivery(), 409)])
def test_beside_one_that_is_left_to_the_retry_a_failure_counts_and_an_abort_does_not(
    way: Way, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    seconds = [0.0]
    monkeypatch.setattr("clerk_hooks.claims.perf_counter", lambda: seconds[0])
    handlers = Handlers("a", "b")
    handlers.errors["a"] = error
    handlers.then["a"] = lambda: seconds.append(seconds.pop() + 61)
    endpoint, _ = way.endpoint(handlers.router)
    reply = way.receive(endpoint)
    assert (reply.status, is_abort(reply)) == (status, False)
    assert handlers.ran == ["a"]


def test_a_claim_that_was_taken_over_cannot_be_confirmed(
    way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    handlers = Handlers("a", "b")
    endpoint, store = way.endpoint(handlers.router)
    handlers.then["a"] = lambda: store.taken_over("a")
    assert way.receive(endpoint).status == 409
    assert handlers.ran == ["a", "b"]
    assert store.states() == {"a": "running", "b": "done"}
    lost, refused = caplog.records
    assert (lost.levelname, lost.handler, lost.outcome) == ("WARNING", "a", "lost")  # type: ignore[attr-defined]
    assert lost.getMessage().startswith("msg_1: handler a ended after its claim was lost")
    assert refused.reason == "claim_lost"  # type: ignore[attr-defined]


@pytest.mark.parametrize("error", [ValueError(), AbortDelivery()])
def test_what_was_taken_over_is_not_released_by_who_has_lost_it(way: Way, error: Exception) -> None:
    handlers = Handlers("a")
    handlers.errors["a"] = error
    endpoint, store = way.endpoint(handlers.router)
    handlers.then["a"] = lambda: store.taken_over("a")
    way.receive(endpoint)
    assert store.states() == {"a": "running"}


def test_a_handler_gets_the_delivery_as_without_a_store(way: Way) -> None:
    seen: list[Delivery] = []
    router = Router()

    @router.on("user.created")
    def handler(event: object, delivery: Delivery) -> None:
        seen.append(delivery)

    endpoint, _ = way.endpoint(router)
    assert way.receive(endpoint)[:2] == HANDLED
    assert seen[0].message_id == "msg_1"


def test_unknown_events_are_remembered_too(way: Way) -> None:
    ran: list[str] = []
    router = Router()

    @router.on_unknown()
    def unknown(event: object) -> None:
        ran.append("unknown")

    @router.on("*", drop_stale=True)
    def all_of_them(event: object) -> None:
        ran.append("all")

    endpoint, _ = way.endpoint(router)
    body = event("user.promoted", timestamp=5_000)
    assert way.receive(endpoint, body)[:2] == HANDLED
    assert way.receive(endpoint, body)[:2] == DUPLICATE
    assert ran == ["unknown", "all"]
