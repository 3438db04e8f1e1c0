"""Late and out-of-order events, through an endpoint: what is stale is answered and not run."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from clerk_hooks import Endpoint, Reply, Router
from clerk_hooks.idempotency import ObjectVersion

from .watched_store import SECRET, WAYS, WatchedStore, Way, event

NOON = 1_700_000_000_000
LEASE = timedelta(seconds=60)


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    way: Way = request.param
    return way


class Receiver:
    """An endpoint with one handler of users that drops stale events, and one that does not."""

    def __init__(self, way: Way, store: WatchedStore | None = None) -> None:
        self.way = way
        self.ran: list[str] = []
        self.then: Callable[[], object] = lambda: None
        self.router = Router()
        types = ("user.created", "user.updated", "user.deleted")

        @self.router.on(*types, name="drops", drop_stale=True)
        def drops(event: Any) -> None:
            self.ran.append("drops")
            self.then()

        self.store = store or way.store()
        self.endpoint = Endpoint(self.router, secret=SECRET, store=self.store)
        self.messages = 0

    def also(self, name: str, *types: str, drop_stale: bool = False) -> None:
        on: Any = self.router.on

        @on(*types, name=name, drop_stale=drop_stale)
        def also(event: Any) -> None:
            self.ran.append(name)

    def receive(self, type: str, time: Any = None, object_id: str = "user_1", **more: Any) -> str:
        """Deliver an event as a message of its own; returns the outcome, or the reason."""
        if time is not None:
            more["updated_at"] = time
        self.messages += 1
        return word(self.way.receive(self.endpoint, event(type, object_id, **more), self.message))

    @property
    def message(self) -> str:
        return f"msg_{self.messages}"


def word(reply: Reply) -> str:
    """The outcome or the reason in the body, which has the status that goes with it."""
    content = json.loads(reply.body)
    statuses = {"in_progress": 409, "handler_failed": 500}
    assert reply.status == statuses.get(content.get("error"), 200)
    return str(content.get("outcome") or content["error"])


@pytest.fixture
def receiver(way: Way) -> Receiver:
    return Receiver(way)


def test_an_older_event_is_answered_and_not_run(receiver: Receiver) -> None:
    assert receiver.receive("user.updated", NOON) == "handled"
    assert receiver.receive("user.updated", NOON - 1) == "stale"
    assert receiver.receive("user.created", NOON - 1000) == "stale"
    assert receiver.ran == ["drops"]


def test_an_event_of_the_same_time_or_a_newer_one_is_run(receiver: Receiver) -> None:
    for time in (NOON, NOON, NOON + 1):
        assert receiver.receive("user.updated", time) == "handled"


def test_a_stale_event_moves_no_mark_and_stays_stale(receiver: Receiver) -> None:
    receiver.receive("user.updated", NOON)
    receiver.receive("user.updated", NOON - 2)
    assert receiver.receive("user.updated", NOON - 1) == "stale"
    stale = event("user.updated", updated_at=NOON - 1)
    assert word(receiver.way.receive(receiver.endpoint, stale, receiver.message)) == "stale"


def test_objects_are_told_apart_by_their_ids(receiver: Receiver) -> None:
    receiver.receive("user.updated", NOON, "user_1")
    assert receiver.receive("user.updated", NOON - 1, "user_2") == "handled"


def test_objects_are_told_apart_by_their_families(receiver: Receiver) -> None:
    receiver.also("of_organizations", "organization.updated", drop_stale=True)
    receiver.receive("user.updated", NOON, "the_same_id")
    assert receiver.receive("organization.updated", NOON - 1, "the_same_id") == "handled"


def test_after_a_deletion_all_but_deletions_are_stale(receiver: Receiver) -> None:
    assert receiver.receive("user.deleted", timestamp=NOON) == "handled"
    assert receiver.receive("user.updated", NOON + 1000) == "stale"
    assert receiver.receive("user.created", NOON - 1000) == "stale"
    assert receiver.receive("user.updated") == "stale"
    assert receiver.receive("user.deleted", timestamp=NOON - 1000) == "handled"


def test_a_deletion_is_run_however_old_it_is(receiver: Receiver) -> None:
    receiver.receive("user.updated", NOON)
    assert receiver.receive("user.deleted", timestamp=NOON - 1000) == "handled"
    assert receiver.receive("user.updated", NOON + 1) == "stale"


def test_an_event_without_a_time_is_run_and_moves_no_mark(receiver: Receiver) -> None:
    receiver.receive("user.updated", NOON)
    assert receiver.receive("user.updated") == "handled"
    assert receiver.receive("user.updated", NOON) == "handled"
    assert receiver.receive("user.updated", NOON - 1) == "stale"


def test_the_time_of_the_envelope_counts_where_the_data_has_none(receiver: Receiver) -> None:
    receiver.receive("user.updated", timestamp=NOON)
    assert receiver.receive("user.updated", timestamp=NOON - 1) == "stale"
    assert receiver.receive("user.updated", NOON, timestamp=NOON - 1) == "handled"


def test_naive_times_are_utc_and_offsets_count(receiver: Receiver) -> None:
    assert receiver.receive("user.updated", "2023-11-14T22:13:20") == "handled"
    assert receiver.receive("user.updated", NOON - 1) == "stale"
    assert receiver.receive("user.updated", "2023-11-15T03:43:19.999+05:30") == "stale"
    assert receiver.receive("user.updated", "2023-11-15T03:43:20+05:30") == "handled"


def test_handlers_that_take_all_events_run_beside(receiver: Receiver) -> None:
    receiver.also("takes_all", "user.updated")
    receiver.receive("user.updated", NOON)
    assert receiver.receive("user.updated", NOON - 1) == "handled"
    assert receiver.ran == ["drops", "takes_all", "takes_all"]


def test_a_handler_that_takes_all_events_moves_no_mark(way: Way) -> None:
    receiver = Receiver(way)
    receiver.also("takes_all", "organization.updated")
    assert receiver.receive("organization.updated", NOON, "org_1") == "handled"
    receiver.also("drops_too", "organization.updated", drop_stale=True)
    assert receiver.receive("organization.updated", NOON - 1, "org_1") == "handled"
    assert receiver.ran == ["takes_all", "takes_all", "drops_too"]


def test_all_handlers_that_drop_stale_events_share_one_mark(receiver: Receiver) -> None:
    receiver.also("drops_updates", "user.updated", drop_stale=True)
    receiver.receive("user.created", NOON)
    assert receiver.receive("user.updated", NOON - 1) == "stale"
    assert receiver.ran == ["drops"]


def test_a_handler_of_the_same_message_is_not_made_stale_by_one_before_it(
    receiver: Receiver,
) -> None:
    receiver.also("drops_too", "user.updated", "user.deleted", drop_stale=True)
    assert receiver.receive("user.updated", NOON) == "handled"
    assert receiver.receive("user.deleted", timestamp=NOON) == "handled"
    assert receiver.ran == 2 * ["drops", "drops_too"]


def test_what_failed_moves_no_mark(receiver: Receiver) -> None:
    receiver.then = lambda: 1 / 0
    assert receiver.receive("user.updated", NOON) == "handler_failed"
    receiver.then = lambda: None
    assert receiver.receive("user.updated", NOON - 1) == "handled"


def test_what_failed_moves_no_mark_though_another_handler_has_succeeded(
    receiver: Receiver,
) -> None:
    receiver.also("takes_all", "user.updated")
    receiver.then = lambda: 1 / 0
    assert receiver.receive("user.updated", NOON) == "handler_failed"
    receiver.then = lambda: None
    receiver.receive("user.updated", NOON - 1)
    assert receiver.ran == ["drops", "takes_all", "drops", "takes_all"]


def test_a_retry_is_stale_once_a_newer_event_was_handled(receiver: Receiver) -> None:
    receiver.then = lambda: 1 / 0
    receiver.receive("user.updated", NOON)
    first = receiver.message
    receiver.then = lambda: None
    receiver.receive("user.updated", NOON + 1)
    retry = event("user.updated", updated_at=NOON)
    assert word(receiver.way.receive(receiver.endpoint, retry, first)) == "stale"


def test_another_message_of_an_object_waits_while_one_is_handled(way: Way) -> None:
    meanwhile = Receiver(WAYS["receive"], WatchedStore())
    receiver = Receiver(way, meanwhile.store)
    meanwhile.messages = 100
    replies: list[str] = []

    def deliver() -> None:
        replies.append(meanwhile.receive("user.updated", NOON + 1))
        replies.append(meanwhile.receive("user.updated", NOON + 1, "user_2"))

    receiver.then = deliver
    assert receiver.receive("user.updated", NOON) == "handled"
    assert replies == ["in_progress", "handled"]
    assert meanwhile.receive("user.updated", NOON + 1) == "handled"


def test_a_process_that_died_holds_an_object_until_its_lease_ends(way: Way) -> None:
    now = [1_700_000_000.0]
    receiver = Receiver(way, WatchedStore(clock=lambda: now[0]))
    version = ObjectVersion("user", "user_1", NOON, False, frozenset({"drops"}))
    receiver.store.claim("msg_of_the_dead", ["drops"], LEASE, version)
    assert receiver.receive("user.updated", NOON + 1) == "in_progress"
    now[0] += 60
    assert receiver.receive("user.updated", NOON + 1) == "handled"
    assert receiver.store.claim("msg_of_the_dead", ["drops"], LEASE, version).stale == ("drops",)


def test_without_drop_stale_messages_of_one_object_do_not_wait(way: Way) -> None:
    version = ObjectVersion("organization", "org_1", NOON, False, frozenset({"drops"}))
    receiver = Receiver(way, WatchedStore())
    receiver.store.claim("msg_elsewhere", ["drops"], LEASE, version)
    receiver.also("takes_all", "organization.updated")
    assert receiver.receive("organization.updated", NOON, "org_1") == "handled"


def test_done_and_stale_together_are_stale_and_done_alone_a_duplicate(receiver: Receiver) -> None:
    receiver.also("takes_all", "user.updated")
    receiver.receive("user.updated", NOON)
    body = event("user.updated", updated_at=NOON - 1)
    way, endpoint = receiver.way, receiver.endpoint
    assert word(way.receive(endpoint, body, "msg_late")) == "handled"
    assert word(way.receive(endpoint, body, "msg_late")) == "stale"
    newest = event("user.updated", updated_at=NOON)
    assert word(way.receive(endpoint, newest, "msg_1")) == "duplicate"


def test_unknown_events_have_no_mark(receiver: Receiver) -> None:
    receiver.also("all", "*", drop_stale=True)
    assert receiver.receive("user.promoted", NOON) == "handled"
    assert receiver.receive("user.promoted", NOON - 1) == "handled"
    assert receiver.ran == ["all", "all"]


# --- an event whose place in the order cannot be read ---


@pytest.mark.parametrize(
    "times", [{"time": "soon"}, {"timestamp": "soon"}], ids=["updated_at", "timestamp"]
)
def test_an_event_without_a_readable_time_fails_only_the_handlers_that_need_it(
    way: Way, times: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    app = Receiver(way)
    app.also("greets", "user.updated")
    for _ in range(2):
        assert app.receive("user.updated", **times) == "handler_failed"
        app.messages -= 1
    assert app.ran == ["greets"]
    assert app.store.states() == {"greets": "done"}
    assert "UnreadableValue" in caplog.text
    app.messages += 1
    assert app.receive("user.updated", time=NOON) == "handled"
    assert app.ran == ["greets", "drops", "greets"]


def test_where_every_handler_needs_the_time_the_store_is_not_asked(way: Way) -> None:
    app = Receiver(way)
    assert app.receive("user.updated", time="soon") == "handler_failed"
    assert app.ran == []
    assert app.store.calls == []
