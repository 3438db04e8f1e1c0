"""Handing over: what becomes of a delivery that an endpoint gives to an inbox or to a function."""

import asyncio
import json
import logging
import queue
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from clerk_hooks import (
    ConfigurationError,
    Delivery,
    Endpoint,
    MemoryStore,
    Observer,
    QueueUnavailable,
    Reply,
    Router,
    StoreUnavailable,
    Verifier,
    sign,
)
from clerk_hooks.observe import Handed, Seen

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"type":"user.created","data":{"id":"user_1","first_name":"a private name"}}'

Receive = Callable[..., Reply]
request_id: ContextVar[str] = ContextVar("request_id", default="")


def signed(body: bytes = BODY) -> tuple[bytes, dict[str, str]]:
    return body, sign(body, secret=SECRET, message_id="msg_1")


def handing(handoff: Any, **settings: Any) -> Endpoint:
    return Endpoint(handoff=handoff, secret=SECRET, **settings)


def outcome(reply: Reply) -> tuple[int, str]:
    content = json.loads(reply.body)
    return reply.status, content.get("outcome") or content["error"]


class KeptInbox:
    """What is put into it, and where that was done."""

    def __init__(self, answer: Any = True) -> None:
        self.answer = answer
        self.kept: list[Delivery] = []
        self.carriers: list[dict[str, str]] = []
        self.places: list[str] = []

    def put(self, delivery: Delivery, carrier: Mapping[str, str]) -> Any:
        self.places.append("here" if threading.current_thread() is main else "in a thread")
        return self._keep(delivery, carrier)

    def _keep(self, delivery: Delivery, carrier: Mapping[str, str]) -> Any:
        self.kept.append(delivery)
        self.carriers.append(dict(carrier))
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


class BothInbox(KeptInbox):
    """One for threads and for event loops."""

    async def aput(self, delivery: Delivery, carrier: Mapping[str, str]) -> Any:
        self.places.append("awaited")
        await asyncio.sleep(0)
        return self._keep(delivery, carrier)


class AwaitedInbox(KeptInbox):
    put = None  # type: ignore[assignment]
    aput = BothInbox.aput


main = threading.main_thread()
each_inbox = pytest.mark.parametrize("make", [KeptInbox, BothInbox])


@each_inbox
def test_a_verified_delivery_is_put_into_the_inbox_and_answered_202(
    make: Callable[..., KeptInbox], receive: Receive
) -> None:
    inbox = make()
    reply = receive(handing(inbox), *signed())
    assert (reply.status, reply.body) == (202, b'{"outcome":"queued"}')
    assert reply.headers["content-type"] == "application/json"
    (delivery,) = inbox.kept
    assert (delivery.message_id, delivery.payload) == ("msg_1", BODY)
    assert inbox.carriers == [{}]


@each_inbox
def test_a_message_that_is_done_is_a_duplicate(
    make: Callable[..., KeptInbox], receive: Receive
) -> None:
    assert outcome(receive(handing(make(answer=False)), *signed())) == (200, "duplicate")


def test_receive_calls_an_inbox_in_the_thread_of_its_caller() -> None:
    inbox = BothInbox()
    handing(inbox).receive(*signed())
    assert inbox.places == ["here"]


def test_areceive_awaits_an_inbox_that_can_be_awaited() -> None:
    for inbox in (BothInbox(), AwaitedInbox()):
        assert asyncio.run(handing(inbox).areceive(*signed())).status == 202
        assert inbox.places == ["awaited"]


def test_areceive_calls_another_inbox_through_run_sync() -> None:
    used: list[str] = []

    async def run_sync(call: Callable[[], object]) -> object:
        used.append("run_sync")
        return call()

    inbox = KeptInbox()
    asyncio.run(handing(inbox).areceive(*signed()))
    asyncio.run(handing(inbox).areceive(*signed(), run_sync=run_sync))
    assert inbox.places == ["in a thread", "here"]
    assert used == ["run_sync"]


def test_an_inbox_that_can_only_be_awaited_is_refused_by_receive() -> None:
    with pytest.raises(ConfigurationError, match="AwaitedInbox, which can only be awaited") as one:
        handing(AwaitedInbox()).receive(*signed())
    assert one.value.reason == "async_inbox"


@each_inbox
@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (QueueUnavailable("the inbox has no room"), "the inbox has no room"),
        (StoreUnavailable("the disk is full"), "the disk is full"),
        (RuntimeError("a private name"), "the inbox failed with RuntimeError"),
        (asyncio.TimeoutError(), "the inbox failed with TimeoutError"),
    ],
    ids=repr,
)
def test_an_inbox_that_fails_is_answered_503(
    make: Callable[..., KeptInbox],
    receive: Receive,
    error: Exception,
    detail: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    reply = receive(handing(make(answer=error)), *signed())
    assert (reply.status, reply.body) == (503, b'{"error":"queue_unavailable"}')
    (record,) = [one for one in caplog.records if one.name == "clerk_hooks"]
    assert (record.levelno, record.detail) == (logging.WARNING, detail)  # type: ignore[attr-defined]
    assert (record.message_id, record.reason) == ("msg_1", "queue_unavailable")  # type: ignore[attr-defined]


def test_an_inbox_that_raises_stop_iteration_is_answered_503_too(receive: Receive) -> None:
    reply = receive(handing(KeptInbox(answer=StopIteration())), *signed())
    assert outcome(reply) == (503, "queue_unavailable")


@each_inbox
def test_an_inbox_that_is_not_set_up_is_a_mistake_of_the_program(
    make: Callable[..., KeptInbox], receive: Receive
) -> None:
    mistake = ConfigurationError("inside atomic()", reason="outer_transaction")
    with pytest.raises(ConfigurationError) as caught:
        receive(handing(make(answer=mistake)), *signed())
    assert caught.value is mistake


@each_inbox
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_ends_it(
    make: Callable[..., KeptInbox], receive: Receive, kind: type[BaseException]
) -> None:
    with pytest.raises(kind):
        receive(handing(make(answer=kind())), *signed())


@pytest.mark.parametrize("answer", [None, 1, "yes"], ids=repr)
@each_inbox
def test_an_inbox_must_say_whether_it_has_queued_a_delivery(
    make: Callable[..., KeptInbox], receive: Receive, answer: object
) -> None:
    with pytest.raises(ConfigurationError, match="must say whether it has queued a delivery"):
        receive(handing(make(answer=answer)), *signed())


def test_another_kind_of_queue_is_not_taken_for_an_inbox() -> None:
    with pytest.raises(ConfigurationError, match="to use another queue, pass a function"):
        handing(queue.Queue[object]()).receive(*signed())


def test_a_cancelled_request_waits_until_the_inbox_has_answered() -> None:
    """Or a transaction would be left half done."""
    begun, go_on = threading.Event(), threading.Event()

    class Slow(KeptInbox):
        def put(self, delivery: Delivery, carrier: Mapping[str, str]) -> bool:
            begun.set()
            assert go_on.wait(60)
            return bool(self._keep(delivery, carrier))

    inbox = Slow()

    async def main() -> None:
        task = asyncio.ensure_future(handing(inbox).areceive(*signed()))
        await asyncio.to_thread(begun.wait, 60)
        task.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(inbox.kept) == 1

    asyncio.run(main())


def sync_function(answer: Any, calls: list[Delivery]) -> Callable[[Delivery], Any]:
    def handoff(delivery: Delivery) -> Any:
        calls.append(delivery)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return handoff


def async_function(answer: Any, calls: list[Delivery]) -> Callable[[Delivery], Any]:
    async def handoff(delivery: Delivery) -> Any:
        await asyncio.sleep(0)
        return sync_function(answer, calls)(delivery)

    return handoff


def returning_a_coroutine(answer: Any, calls: list[Delivery]) -> Callable[[Delivery], Any]:
    return Returning(async_function(answer, calls))


class Called:
    """An object that can be called."""

    def __init__(self, answer: Any, calls: list[Delivery]) -> None:
        self._handoff = sync_function(answer, calls)

    def __call__(self, delivery: Delivery) -> Any:
        return self._handoff(delivery)


def a_partial(answer: Any, calls: list[Delivery]) -> Callable[[Delivery], Any]:
    async def handoff(_: object, delivery: Delivery) -> Any:
        return sync_function(answer, calls)(delivery)

    return partial(handoff, None)


KINDS: list[Callable[..., Callable[[Delivery], Any]]]
KINDS = [sync_function, async_function, returning_a_coroutine, Called, a_partial]
each_function = pytest.mark.parametrize("make", KINDS)
Make = Callable[[Any, list[Delivery]], Callable[[Delivery], Any]]


@each_function
@pytest.mark.parametrize("answer", [None, True, 0, "", [], print], ids=str)
def test_a_function_that_returns_has_queued_the_delivery(
    make: Make, receive: Receive, answer: object
) -> None:
    calls: list[Delivery] = []
    assert outcome(receive(handing(make(answer, calls)), *signed())) == (202, "queued")
    (delivery,) = calls
    assert (delivery.message_id, delivery.payload) == ("msg_1", BODY)


@each_function
def test_a_function_that_returns_false_has_seen_it_before(make: Make, receive: Receive) -> None:
    assert outcome(receive(handing(make(False, [])), *signed())) == (200, "duplicate")


@each_function
@pytest.mark.parametrize("error", [OSError("a private name"), StopIteration()], ids=repr)
def test_a_function_that_raises_is_answered_503_and_its_traceback_logged_once_a_minute(
    make: Make, receive: Receive, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = handing(make(error, []))
    for _ in range(3):
        assert outcome(receive(endpoint, *signed())) == (503, "queue_unavailable")
    records = [one for one in caplog.records if one.name == "clerk_hooks"]
    failed, *refused = records
    assert (failed.levelno, bool(failed.exc_info)) == (logging.ERROR, True)
    assert [one.levelno for one in refused] == [logging.WARNING] * 3
    assert all("a private name" not in one.getMessage() for one in records)
    assert "the handoff failed with" in refused[0].getMessage()


@each_function
def test_a_function_may_say_itself_what_is_unavailable(
    make: Make, receive: Receive, caplog: pytest.LogCaptureFixture
) -> None:
    error = QueueUnavailable("the broker has no room")
    assert outcome(receive(handing(make(error, [])), *signed())) == (503, "queue_unavailable")
    (record,) = [one for one in caplog.records if one.name == "clerk_hooks"]
    assert record.detail == "the broker has no room"  # type: ignore[attr-defined]


@each_function
def test_a_function_that_ends_the_program_ends_it(make: Make, receive: Receive) -> None:
    with pytest.raises(SystemExit):
        receive(handing(make(SystemExit(), [])), *signed())


@each_function
def test_a_function_that_returns_a_generator_has_done_nothing(make: Make, receive: Receive) -> None:
    with pytest.raises(ConfigurationError, match="the handoff returned a generator"):
        receive(handing(make((each for each in "ab"), [])), *signed())


@each_function
def test_a_function_sees_the_context_variables_of_the_request(make: Make, receive: Receive) -> None:
    seen: list[str] = []

    class Notes(list[Delivery]):
        def append(self, delivery: Delivery) -> None:
            seen.append(request_id.get())
            request_id.set("changed")

    token = request_id.set("request 1")
    receive(handing(make(None, Notes())), *signed())
    assert seen == ["request 1"]
    assert request_id.get() == "request 1"
    request_id.reset(token)


def test_a_sync_function_runs_in_a_daemon_thread(receive: Receive) -> None:
    threads: list[threading.Thread] = []
    handoff = handing(lambda delivery: threads.append(threading.current_thread()))
    receive(handoff, *signed())
    assert threads[0] is not main
    assert threads[0].daemon
    assert threads[0].name == "clerk_hooks handoff"


class Returning:
    """A sync function, as far as anybody can see, that returns what is to be awaited."""

    def __init__(self, function: Callable[[Delivery], Any]) -> None:
        self._function = function

    def __call__(self, delivery: Delivery) -> Any:
        return self._function(delivery)


def test_an_async_function_runs_on_the_loop_of_areceive() -> None:
    loops: list[object] = []

    async def handoff(delivery: Delivery) -> None:
        loops.append(asyncio.get_running_loop())

    async def main() -> None:
        for function in (handoff, Returning(handoff)):
            await handing(function).areceive(*signed())
        assert loops == [asyncio.get_running_loop()] * 2

    asyncio.run(main())


@pytest.mark.parametrize("make", [async_function, returning_a_coroutine])
def test_an_async_function_is_refused_by_receive_inside_a_running_loop(make: Make) -> None:
    calls: list[Delivery] = []

    async def main() -> None:
        handing(make(None, calls)).receive(*signed())

    with pytest.raises(ConfigurationError, match="an async handoff cannot be run") as caught:
        asyncio.run(main())
    assert caught.value.reason == "running_loop"
    assert calls == []


def test_a_sync_function_may_be_called_by_receive_inside_a_running_loop() -> None:
    async def main() -> int:
        return handing(lambda delivery: None).receive(*signed()).status

    assert asyncio.run(main()) == 202


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"[]", b'{"type":"moon.landed"}', b"\xff"])
def test_every_verified_delivery_is_queued_even_if_nobody_can_read_it(
    receive: Receive, body: bytes
) -> None:
    inbox = KeptInbox()
    assert receive(handing(inbox), *signed(body)).status == 202
    assert inbox.kept[0].payload == body


def test_a_request_that_is_not_verified_reaches_no_handoff(receive: Receive) -> None:
    endpoint = handing(lambda delivery: pytest.fail("was called"), max_body=len(BODY))
    body, headers = signed()
    assert receive(endpoint, body + b" ", headers).status == 413
    assert receive(endpoint, body[:-1], headers).status == 400
    assert receive(endpoint, body, {}).status == 400


FILTERS: list[tuple[tuple[str, ...], dict[str, bool]]] = [
    ((), {"user.created": True, "moon.landed": True}),
    (("user.created",), {"user.created": True, "user.updated": False, "moon.landed": False}),
    (
        ("user.*", "session.created"),
        {
            "user.created": True,
            "user.suspended": True,  # A worker may know it.
            "users.created": False,
            "session.created": True,
            "session.ended": False,
        },
    ),
    (("*",), {"user.created": True, "moon.landed": True}),
]


@pytest.mark.parametrize(("only", "expected"), FILTERS, ids=str)
def test_only_filters_by_type(
    receive: Receive, only: tuple[str, ...], expected: dict[str, bool]
) -> None:
    inbox = KeptInbox()
    endpoint = handing(inbox, only=only)
    for event_type, is_queued in expected.items():
        body = json.dumps({"type": event_type, "data": {"id": "1"}}).encode()
        reply = receive(endpoint, *signed(body))
        assert outcome(reply) == ((202, "queued") if is_queued else (200, "unhandled"))
    assert len(inbox.kept) == sum(expected.values())


@pytest.mark.parametrize("body", [b"{", b"{}", b"[]", b'{"type":5}'])
def test_a_type_that_cannot_be_read_is_queued_whatever_only_says(
    receive: Receive, body: bytes
) -> None:
    assert receive(handing(KeptInbox(), only=["user.*"]), *signed(body)).status == 202


def test_only_reads_the_type_of_a_large_payload_away_from_the_loop() -> None:
    body = json.dumps({"type": "user.created", "data": "x" * 70_000}).encode()
    used: list[str] = []

    async def run_sync(call: Callable[[], object]) -> object:
        used.append("run_sync")
        return call()

    endpoint = handing(BothInbox(), only=["session.*"])
    for each, expected in ((BODY, []), (body, ["run_sync"])):
        reply = asyncio.run(endpoint.areceive(*signed(each), run_sync=run_sync))
        assert (outcome(reply), used) == ((200, "unhandled"), expected)


@pytest.mark.parametrize(
    ("only", "problem"),
    [
        (("user.craeted",), "did you mean 'user.created'"),
        (("moon.landed",), "unknown event type 'moon.landed'; to hand over a type newer"),
        (("user",), "unknown event type 'user'"),
        ("user.*", "several event types"),
        (5, "several event types"),
        ((5,), "by name, not 5"),
        ((["user.*"],), "by name"),
    ],
    ids=str,
)
def test_a_filter_that_is_misspelt_is_an_error_at_start(only: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        handing(KeptInbox(), only=only)


def test_the_types_of_a_router_are_a_filter(router: Router, receive: Receive) -> None:
    router.on("user.*")(lambda event: None)
    endpoint = handing(KeptInbox(), only=router.event_types)
    assert receive(endpoint, *signed()).status == 202
    assert receive(endpoint, *signed(b'{"type":"session.created"}')).status == 200


def generate(delivery: Delivery) -> Generator[None]:
    yield


async def agenerate(delivery: Delivery) -> Any:
    yield


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"handoff": KeptInbox}, "pass an object of KeptInbox, not the class"),
    ({"handoff": list}, "an inbox, or a function that takes a delivery, not a class"),
    ({"handoff": "amqp://"}, "an inbox, or a function that takes a delivery, not str"),
    ({"handoff": lambda: None}, "a function that takes a delivery: too many"),
    ({"handoff": lambda a, b: None}, "a function that takes a delivery: missing"),
    ({"handoff": generate}, "the handoff generate is a generator function"),
    ({"handoff": agenerate}, "the handoff agenerate is a generator function"),
    ({"handoff": KeptInbox(), "notify": "celery"}, "notify must be a function .* not str"),
    ({"handoff": KeptInbox(), "notify": lambda: None}, "a function that takes a message id"),
    ({"handoff": KeptInbox(), "notify": generate}, "the notify generate is a generator"),
    ({"handoff": KeptInbox(), "handoff_timeout": 5}, "handoff_timeout must be a positive timedel"),
    ({"handoff": KeptInbox(), "handoff_timeout": timedelta(0)}, "must be a positive timedelta"),
    ({"handoff": KeptInbox(), "router": Router()}, "router cannot stand beside a handoff"),
    ({"handoff": KeptInbox(), "store": MemoryStore()}, "store cannot stand beside a handoff"),
    ({"handoff": KeptInbox(), "lease": timedelta(5)}, "lease cannot stand beside a handoff"),
    ({"router": Router(), "notify": print}, "notify needs a handoff"),
    ({"router": Router(), "only": ["user.*"]}, "only needs a handoff"),
    ({"router": Router(), "handoff_timeout": timedelta(1)}, "handoff_timeout needs a handoff"),
    ({}, "router must be a Router, not None; or pass a handoff"),
]


@pytest.mark.parametrize(
    ("settings", "problem"), MISTAKES, ids=[problem for _, problem in MISTAKES]
)
def test_a_mixture_that_means_nothing_is_refused_at_start(
    settings: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        Endpoint(secret=SECRET, **settings)


def test_a_function_that_does_not_tell_what_it_takes_is_called(receive: Receive) -> None:
    assert receive(handing(print), *signed()).status == 202
    kept: list[Delivery] = []
    assert receive(handing(kept.append), *signed()).status == 202
    assert len(kept) == 1


def test_a_handoff_takes_the_other_settings_of_an_endpoint() -> None:
    verifier = Verifier(SECRET)
    endpoint = Endpoint(handoff=print, verifier=verifier, max_body=5, observers=[Observer()])
    assert (endpoint.verifier, endpoint.max_body) == (verifier, 5)
    assert endpoint.handoff is print
    assert Endpoint(Router(), secret=SECRET).handoff is None


def test_an_endpoint_with_a_handoff_has_no_processor() -> None:
    with pytest.raises(ConfigurationError, match="has no processor"):
        handing(KeptInbox()).processor  # noqa: B018


def test_a_context_cannot_go_with_a_delivery(receive: Receive) -> None:
    inbox = KeptInbox()
    endpoint = handing(inbox)
    body, headers = signed()
    with pytest.raises(ConfigurationError, match="a context cannot go with a delivery"):
        endpoint.receive(body, headers, context=object())
    with pytest.raises(ConfigurationError, match="a context cannot go with a delivery"):
        asyncio.run(endpoint.areceive(body, headers, context=object()))
    assert inbox.kept == []
    # A stranger cannot cause that error.
    assert endpoint.receive(body, {}, context=object()).status == 400


def test_a_queued_delivery_is_logged(receive: Receive, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "clerk_hooks")
    receive(handing(KeptInbox()), *signed())
    (record,) = [one for one in caplog.records if one.name == "clerk_hooks"]
    assert record.getMessage().startswith("msg_1 user.created: queued after ")
    assert (record.levelno, record.outcome) == (logging.INFO, "queued")  # type: ignore[attr-defined]


class Notes(Observer):
    """Adds to the carrier, and notes what it sees."""

    def __init__(self, carrier: Any = None) -> None:
        self.carrier = carrier or {}
        self.seen: list[Seen] = []
        self.handed: list[Handed] = []
        self.notes: list[str] = []

    def request(self, seen: Seen) -> AbstractContextManager[None]:
        self.seen.append(seen)
        return self._around("request")

    @contextmanager
    def handoff(self, message: Handed) -> Generator[None]:
        self.handed.append(message)
        with self._around("handoff"):
            message.carrier |= self.carrier
            yield

    @contextmanager
    def _around(self, name: str) -> Generator[None]:
        self.notes.append(f"{name} begins")
        try:
            yield
        finally:
            self.notes.append(f"{name} ends")


def test_an_observer_sees_the_handoff_inside_of_the_request(receive: Receive) -> None:
    notes = Notes({"traceparent": "00-1"})
    inbox = KeptInbox()
    reply = receive(handing(inbox, observers=[notes, notes]), *signed())
    assert notes.notes == ["request begins", "handoff begins", "handoff ends", "request ends"]
    assert inbox.carriers == [{"traceparent": "00-1"}]
    (seen,), (handed,) = notes.seen, notes.handed
    assert (seen.outcome, seen.reply, seen.error) == ("queued", reply, None)
    assert (handed.outcome, handed.error, handed.event_type) == ("queued", None, "user.created")
    assert handed.delivery == inbox.kept[0]
    assert 0 < handed.duration <= seen.duration


@pytest.mark.parametrize("make", [KeptInbox, BothInbox])
def test_an_observer_sees_how_a_handoff_ended(
    make: Callable[..., KeptInbox], receive: Receive
) -> None:
    notes = Notes()
    receive(handing(make(answer=False), observers=[notes]), *signed())
    receive(handing(make(answer=OSError()), observers=[notes]), *signed())
    receive(handing(make(), observers=[notes], only=["session.*"]), *signed())
    duplicate, failed = notes.handed
    assert (duplicate.outcome, duplicate.error) == ("duplicate", None)
    assert failed.outcome is None
    assert isinstance(failed.error, QueueUnavailable)
    assert isinstance(failed.error.__cause__, OSError)
    assert [seen.outcome for seen in notes.seen] == ["duplicate", "refused", "unhandled"]


def test_what_a_handoff_publishes_is_inside_of_what_an_observer_opens(receive: Receive) -> None:
    class Spans(Observer):
        @contextmanager
        def handoff(self, message: Handed) -> Generator[None]:
            token = request_id.set("span")
            yield
            request_id.reset(token)

    seen: list[str] = []
    endpoint = handing(lambda delivery: seen.append(request_id.get()), observers=[Spans()])
    receive(endpoint, *signed())
    assert seen == ["span"]


BIG = "x" * 2000
CARRIERS: dict[str, tuple[Any, dict[str, str]]] = {
    "what fits": ({"a": "é" * 1023, "b": ""}, {"a": "é" * 1023, "b": ""}),
    "all but one byte": ({"a": "é" * 1023, "bc": ""}, {"a": "é" * 1023}),
    "what comes after it": ({"a": BIG, "baggage": "y" * 99, "c": "z"}, {"a": BIG, "c": "z"}),
    "a name": ({"x" * 2049: "", "a": "b"}, {"a": "b"}),
    "a number": ({"a": 5, "b": "c"}, {"b": "c"}),
    "a name that is a number": ({5: "a", "b": "c"}, {"b": "c"}),
    "half a character and nothing else": ({"\ud800": ""}, {}),
    "half a character": ({"a": "\ud800", "\ud800": "a", "b": "c"}, {"b": "c"}),
}


@pytest.mark.parametrize("kind", CARRIERS)
def test_a_carrier_holds_two_kilobytes_and_warns_of_the_rest(
    receive: Receive, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    given, expected = CARRIERS[kind]
    inbox = KeptInbox()
    reply = receive(handing(inbox, observers=[Notes(given)]), *signed())
    assert reply.status == 202
    assert inbox.carriers == [expected]
    warnings = [one for one in caplog.records if hasattr(one, "left_out")]
    assert len(warnings) == (given != expected)
    for one in warnings:
        assert one.levelno == logging.WARNING
        assert len(one.getMessage()) < 500


def test_the_warning_of_a_carrier_stays_short(
    receive: Receive, caplog: pytest.LogCaptureFixture
) -> None:
    given = {f"{number:02}" + "x" * 60: BIG for number in range(12)}
    receive(handing(KeptInbox(), observers=[Notes(given)]), *signed())
    (warning,) = [one for one in caplog.records if hasattr(one, "left_out")]
    expected = ", ".join(f"{number:02}" + "x" * 48 for number in range(10))
    assert warning.__dict__["left_out"] == expected
    assert expected in warning.getMessage()


@pytest.mark.parametrize("carrier", [None, 5, "text", ["a"]], ids=repr)
def test_an_observer_that_replaces_the_carrier_changes_no_outcome(
    receive: Receive, carrier: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Replacing(Observer):
        def handoff(self, message: Handed) -> AbstractContextManager[object]:
            message.carrier = carrier
            return super().handoff(message)

    inbox = KeptInbox()
    assert receive(handing(inbox, observers=[Replacing()]), *signed()).status == 202
    assert inbox.carriers == [{}]
    assert "out of the carrier" in caplog.text


def test_what_an_observer_does_to_the_carrier_later_is_not_seen_by_the_inbox(
    receive: Receive,
) -> None:
    notes = Notes({"a": "b"})

    class Late(KeptInbox):
        def put(self, delivery: Delivery, carrier: Mapping[str, str]) -> bool:
            notes.handed[0].carrier["late"] = "c"
            return bool(self._keep(delivery, carrier))

    inbox = Late()
    receive(handing(inbox, observers=[notes]), *signed())
    assert inbox.carriers == [{"a": "b"}]


@pytest.mark.parametrize("where", ["call", "enter", "exit"])
@pytest.mark.parametrize("answer", [True, False, OSError()], ids=repr)
def test_an_observer_that_fails_changes_no_outcome(
    receive: Receive, where: str, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Observer):
        def handoff(self, message: Handed) -> AbstractContextManager[object]:
            if where == "call":
                raise LookupError
            return around()

    @contextmanager
    def around() -> Generator[None]:
        if where == "enter":
            raise LookupError
        try:
            yield
        finally:
            if where == "exit":
                raise LookupError

    expected = receive(handing(KeptInbox(answer)), *signed())
    assert receive(handing(KeptInbox(answer), observers=[Broken()]), *signed()) == expected
    assert len([one for one in caplog.records if hasattr(one, "observer")]) == 1


def sync_notify(calls: list[str], error: Exception | None = None) -> Callable[[str], Any]:
    def notify(message_id: str) -> None:
        calls.append(message_id)
        if error is not None:
            raise error

    return notify


def async_notify(calls: list[str], error: Exception | None = None) -> Callable[[str], Any]:
    async def notify(message_id: str) -> None:
        await asyncio.sleep(0)
        sync_notify(calls, error)(message_id)

    return notify


each_notify = pytest.mark.parametrize("make", [sync_notify, async_notify])
HANDOFFS: list[Callable[[Any], Any]] = [KeptInbox, lambda answer: sync_function(answer, [])]


@each_notify
@pytest.mark.parametrize("handoff", HANDOFFS, ids=["inbox", "function"])
def test_a_worker_is_notified_of_what_was_queued(
    make: Callable[..., Any], handoff: Callable[[Any], Any], receive: Receive
) -> None:
    calls: list[str] = []
    for answer, status in ((True, 202), (False, 200), (OSError(), 503)):
        endpoint = handing(handoff(answer), notify=make(calls))
        assert receive(endpoint, *signed()).status == status
    assert calls == ["msg_1"]


def test_nobody_is_notified_of_what_only_leaves_out(receive: Receive) -> None:
    endpoint = handing(KeptInbox(), only=["session.*"], notify=lambda _: pytest.fail("was called"))
    assert receive(endpoint, *signed()).status == 200


def test_a_notification_comes_after_the_put(receive: Receive) -> None:
    inbox = KeptInbox()
    kept: list[int] = []
    receive(handing(inbox, notify=lambda _: kept.append(len(inbox.kept))), *signed())
    assert kept == [1]


@each_notify
def test_a_notification_that_fails_changes_nothing_and_is_logged_once_a_minute(
    make: Callable[..., Any],
    receive: Receive,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("clerk_hooks.logs.monotonic", lambda: clock[0])
    endpoint = handing(KeptInbox(), notify=make([], OSError("a private name")))
    told: list[int] = []
    for seconds in (0.0, 30.0, 29.9, 0.1, 59.9, 0.1):
        clock[0] += seconds
        assert receive(endpoint, *signed()).status == 202
        told.append(len([one for one in caplog.records if one.name == "clerk_hooks"]))
    assert told == [1, 1, 1, 2, 2, 3]
    record = caplog.records[0]
    assert record.levelno == logging.WARNING
    assert "msg_1: no worker was notified: notify failed with OSError" in record.getMessage()
    assert record.exc_info


def test_a_notification_in_a_running_loop_is_a_mistake_that_is_only_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> int:
        return handing(KeptInbox(), notify=async_notify([])).receive(*signed()).status

    assert asyncio.run(main()) == 202
    assert "an async notify cannot be run by a synchronous call" in caplog.text


def test_a_notification_that_returns_a_generator_is_logged(
    receive: Receive, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = handing(KeptInbox(), notify=lambda _: (each for each in "ab"))
    assert receive(endpoint, *signed()).status == 202
    assert "the notify returned a generator" in caplog.text


def test_a_notification_runs_in_a_thread_unless_it_says_otherwise(receive: Receive) -> None:
    class Notify:
        def __init__(self, *, is_eager: bool) -> None:
            self._is_eager = is_eager
            self.threads: list[str] = []

        def runs_in_caller(self) -> bool:
            return self._is_eager

        def __call__(self, message_id: str) -> None:
            self.threads.append(threading.current_thread().name)

    for is_eager, expected in ((False, "clerk_hooks notify"), (True, main.name)):
        notify = Notify(is_eager=is_eager)
        receive(handing(KeptInbox(), notify=notify), *signed())
        assert notify.threads == [expected]
