"""Observers: what they see of requests and handlers, and that they change nothing."""

import asyncio
import logging
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

import pytest

from clerk_hooks import (
    AbortDelivery,
    ConfigurationError,
    Delivery,
    Endpoint,
    HandlerError,
    InProgress,
    InputTypeError,
    MemoryStore,
    MethodNotAllowed,
    Observer,
    Processor,
    Reply,
    Router,
    sign,
)
from clerk_hooks.observe import Handed, Running, Seen, Taken, observed

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"type":"user.created","data":{"id":"user_1"}}'

span: ContextVar[str] = ContextVar("span", default="")
Receive = Callable[..., Reply]


class Notes(Observer):
    """Notes what it sees: when it is entered, and when it is exited."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.seen: list[Seen] = []
        self.running: list[Running] = []
        self.errors: list[BaseException | None] = []

    def request(self, seen: Seen) -> AbstractContextManager[None]:
        self.seen.append(seen)
        assert (seen.delivery, seen.event_type, seen.outcome, seen.reply) == (None,) * 4
        return self._around("request")

    def handler(self, running: Running) -> AbstractContextManager[None]:
        self.running.append(running)
        assert (running.outcome, running.error) == (None, None)
        return self._around(running.handler)

    @contextmanager
    def _around(self, name: str) -> Generator[None]:
        self.notes.append(f"{name} begins")
        token = span.set(f"{span.get()}/{name}")
        try:
            yield
        except BaseException as error:
            self.errors.append(error)
            raise
        finally:
            span.reset(token)
            self.notes.append(f"{name} ends")


@pytest.fixture
def notes() -> Notes:
    return Notes()


def endpoint(router: Router, *observers: Observer, **options: Any) -> Endpoint:
    return Endpoint(router, secret=SECRET, observers=observers, **options)


def signed(body: bytes = BODY) -> tuple[bytes, dict[str, str]]:
    return body, sign(body, secret=SECRET, message_id="msg_1")


def test_requests_and_handlers_are_surrounded(
    router: Router, receive: Receive, notes: Notes
) -> None:
    spans: list[str] = []

    @router.on("user.created", name="sync")
    def sync(event: object) -> None:
        notes.notes.append("sync runs")
        spans.append(span.get())

    @router.on("user.created", name="async")
    async def asynchronous(event: object) -> None:
        await asyncio.sleep(0)
        notes.notes.append("async runs")
        spans.append(span.get())

    reply = receive(endpoint(router, notes), *signed())
    assert notes.notes == [
        "request begins",
        "sync begins",
        "sync runs",
        "sync ends",
        "async begins",
        "async runs",
        "async ends",
        "request ends",
    ]
    assert spans == ["/request/sync", "/request/async"]
    assert span.get() == ""
    (seen,) = notes.seen
    assert seen.delivery is not None
    assert seen.delivery.message_id == "msg_1"
    assert (seen.event_type, seen.outcome, seen.error) == ("user.created", "handled", None)
    assert seen.reply is reply
    assert seen.duration > 0
    for running in notes.running:
        assert (running.delivery, running.event) == (seen.delivery, seen.delivery.event)
        assert (running.outcome, running.error) == ("succeeded", None)
        assert running.duration > 0


def test_a_thread_gets_the_context_of_the_observer(router: Router, notes: Notes) -> None:
    spans: list[tuple[str, bool]] = []
    main = threading.get_ident()
    router.on("user.created", name="a")(
        lambda event: spans.append((span.get(), threading.get_ident() == main))
    )
    asyncio.run(endpoint(router, notes).areceive(*signed()))
    assert spans == [("/request/a", False)]


def test_a_failure_is_seen_by_both(router: Router, receive: Receive, notes: Notes) -> None:
    failure = ValueError()

    @router.on("user.created", name="fails")
    def fails(event: object) -> None:
        raise failure

    @router.on("user.created", name="aborts")
    async def aborts(event: object) -> None:
        raise AbortDelivery

    assert receive(endpoint(router, notes), *signed()).status == 500
    assert [(run.outcome, run.error) for run in notes.running] == [
        ("failed", failure),
        ("aborted", notes.running[1].error),
    ]
    assert notes.errors == [run.error for run in notes.running]  # None of them left the request.
    (seen,) = notes.seen
    assert isinstance(seen.error, HandlerError)
    assert (seen.outcome, seen.reply and seen.reply.status) == ("failed", 500)


def test_a_request_that_is_refused_is_seen(router: Router, receive: Receive, notes: Notes) -> None:
    assert receive(endpoint(router, notes), b"{}", {}).status == 400
    (seen,) = notes.seen
    assert (seen.delivery, seen.event_type, seen.outcome) == (None, None, "refused")
    assert getattr(seen.error, "reason", None) == "missing_header"
    receive(endpoint(router, notes), *signed(b"{"))
    assert (notes.seen[1].event_type, notes.seen[1].outcome) == (None, "refused")
    assert notes.seen[1].delivery is not None


def test_what_an_adapter_refuses_is_seen(router: Router, notes: Notes) -> None:
    reply = endpoint(router, notes).reply(MethodNotAllowed())
    (seen,) = notes.seen
    assert (seen.outcome, seen.reply) == ("refused", reply)


def test_a_mistake_that_an_adapter_passes_on_was_seen_before(router: Router, notes: Notes) -> None:
    mistake = InputTypeError("what `receive` raised")
    with pytest.raises(InputTypeError) as caught:
        endpoint(router, notes).reply(mistake)
    assert caught.value is mistake
    assert notes.seen == []


def test_an_error_that_leaves_the_endpoint_is_seen(
    router: Router, receive: Receive, notes: Notes
) -> None:
    @router.on("user.created", name="ends")
    async def ends(event: object) -> None:
        raise SystemExit

    with pytest.raises(SystemExit) as caught:
        receive(endpoint(router, notes), *signed())
    (seen,), (running,) = notes.seen, notes.running
    assert (seen.outcome, seen.reply, seen.error) == (None, None, caught.value)
    assert (running.outcome, running.error) == ("interrupted", caught.value)
    assert notes.errors == [caught.value, caught.value]


def test_a_handler_that_comes_too_late_is_seen(
    router: Router, receive: Receive, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter([0.0])
    monkeypatch.setattr("clerk_hooks.claims.perf_counter", lambda: next(seconds, 61.0))
    for name in ("a", "b"):
        router.on("user.created", name=name)(lambda event: pytest.fail("was run"))
    assert receive(endpoint(router, notes, store=MemoryStore()), *signed()).status == 409
    (running,) = notes.running  # After it, all are too late.
    assert running.outcome == "late"
    assert isinstance(running.error, InProgress)


def test_a_cancelled_request_is_seen(router: Router, notes: Notes) -> None:
    @router.on("user.created", name="a")
    async def waits(event: object) -> None:
        asyncio.current_task().cancel()  # type: ignore[union-attr]
        await asyncio.sleep(60)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(endpoint(router, notes).areceive(*signed()))
    assert notes.running[0].outcome == "interrupted"
    assert isinstance(notes.seen[0].error, asyncio.CancelledError)


def test_a_processor_shows_its_handlers(router: Router, notes: Notes) -> None:
    router.on("user.created", name="a")(lambda event: None)
    Processor(router, observers=[notes]).process(Delivery("msg_1", 1, BODY))
    assert notes.notes == ["a begins", "a ends"]


def test_an_observer_is_entered_once_even_if_it_is_passed_twice(
    router: Router, receive: Receive, notes: Notes
) -> None:
    router.on("user.created", name="a")(lambda event: None)
    receive(endpoint(router, notes, notes), *signed())
    assert notes.notes == ["request begins", "a begins", "a ends", "request ends"]


def test_observers_are_exited_in_reverse(router: Router, receive: Receive) -> None:
    order: list[str] = []

    class Named(Observer):
        def __init__(self, name: str) -> None:
            self.name = name

        @contextmanager
        def request(self, seen: Seen) -> Generator[None]:  # type: ignore[override]
            order.append(f"{self.name} begins")
            yield
            order.append(f"{self.name} ends")

    receive(endpoint(router, Named("a"), Named("b")), *signed())
    assert order == ["a begins", "b begins", "b ends", "a ends"]


class Broken(Observer):
    """Raises wherever `where` says."""

    def __init__(self, where: str) -> None:
        self.where = where

    def _manager(self) -> AbstractContextManager[None]:
        if self.where == "call":
            raise LookupError("of the observer")
        return _BrokenManager(self.where)

    def request(self, seen: Seen) -> AbstractContextManager[None]:
        return self._manager()

    def handler(self, running: Running) -> AbstractContextManager[None]:
        return self._manager()


class _BrokenManager(AbstractContextManager[None]):
    def __init__(self, where: str) -> None:
        self.where = where

    def __enter__(self) -> None:
        if self.where == "enter":
            raise LookupError("of the observer")

    def __exit__(self, *error: object) -> bool:
        if self.where == "exit":
            raise LookupError("of the observer")
        return self.where == "swallow"


@pytest.mark.parametrize("where", ["call", "enter", "exit", "swallow"])
@pytest.mark.parametrize("error", [None, ValueError(), AbortDelivery()], ids=repr)
def test_an_observer_cannot_change_an_outcome(
    router: Router,
    receive: Receive,
    notes: Notes,
    where: str,
    error: Exception | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    @router.on("user.created", name="a")
    def handler(event: object) -> None:
        if error is not None:
            raise error

    expected = receive(endpoint(router), *signed())
    assert receive(endpoint(router, notes, Broken(where), notes), *signed()) == expected
    assert len(notes.notes) == 4
    ignored = [record for record in caplog.records if hasattr(record, "observer")]
    assert len(ignored) == (0 if where == "swallow" else 2)
    for record in ignored:
        assert record.levelno == logging.ERROR
        assert record.exc_info
        assert isinstance(record.exc_info[1], LookupError)


def test_an_observer_that_overrides_nothing_does_nothing(router: Router, receive: Receive) -> None:
    router.on("user.created", name="a")(lambda event: None)
    assert receive(endpoint(router, Observer()), *signed()).status == 200


@pytest.mark.parametrize("method", ["request", "handler"])
@pytest.mark.parametrize("kind", [asyncio.CancelledError, GeneratorExit])
def test_nor_can_it_by_an_error_that_is_no_exception(
    router: Router, receive: Receive, method: str, kind: type[BaseException]
) -> None:
    def fail(subject: object) -> AbstractContextManager[None]:
        raise kind

    observer = Observer()
    setattr(observer, method, fail)
    router.on("user.created", name="a")(lambda event: None)
    assert receive(endpoint(router, observer), *signed()).status == 200


@pytest.mark.parametrize("where", ["call", "exit"])
def test_an_observer_can_be_interrupted(router: Router, receive: Receive, where: str) -> None:
    class Interrupted(Broken):
        def request(self, seen: Seen) -> AbstractContextManager[None]:
            manager = self._manager()
            manager.__exit__ = interrupt  # type: ignore[method-assign]
            return manager

    def interrupt(*error: object) -> None:
        raise KeyboardInterrupt

    observer = Interrupted(where="")
    if where == "call":
        observer.request = interrupt  # type: ignore[method-assign, assignment]
    router.on("user.created", name="a")(lambda event: None)
    with pytest.raises(KeyboardInterrupt):
        receive(endpoint(router, observer), *signed())


@pytest.mark.parametrize("value", [Observer(), Observer, None, 5])
def test_observers_must_be_several(router: Router, value: Any) -> None:
    with pytest.raises(ConfigurationError, match="observers must be a list of observers, not of"):
        Processor(router, observers=value)


@pytest.mark.parametrize("value", [Notes, object(), None], ids=["class", "object", "none"])
def test_an_observer_must_be_one(router: Router, value: Any) -> None:
    with pytest.raises(ConfigurationError, match="observers must be objects of type Observer, not"):
        Processor(router, observers=[value])


class Queue(Notes):
    """Notes what it sees of queues."""

    def __init__(self) -> None:
        super().__init__()
        self.handed: list[Handed] = []
        self.taken: list[Taken] = []

    def handoff(self, message: Handed) -> AbstractContextManager[None]:
        assert (message.outcome, message.error, message.carrier) == (None, None, {})
        self.handed.append(message)
        return self._around("handoff")

    def run(self, taken: Taken) -> AbstractContextManager[None]:
        assert (taken.step, taken.error) == (None, None)
        self.taken.append(taken)
        return self._around("run")


def taken() -> Taken:
    return Taken(Delivery("msg_1", 1, BODY), {"traceparent": "00-1"}, 1_700_000_000.5, 2)


def test_a_run_of_a_worker_is_surrounded_until_it_is_settled() -> None:
    queue = Queue()
    subject = taken()
    assert subject.event_type == "user.created"
    with observed([queue], subject):
        assert queue.notes == ["run begins"]
        assert span.get() == "/run"
        subject.step = "done"
    assert queue.notes == ["run begins", "run ends"]
    assert queue.taken == [subject]
    assert subject.carrier == {"traceparent": "00-1"}
    assert (subject.accepted_at, subject.takes) == (1_700_000_000.5, 2)
    assert (subject.step, subject.error) == ("done", None)
    assert subject.duration > 0


def test_a_run_that_failed_tells_what_follows_and_why() -> None:
    queue = Queue()
    subject = taken()
    failure = HandlerError()
    with observed([queue], subject):
        subject.step, subject.error = "retry", failure
    assert (subject.step, subject.error) == ("retry", failure)
    assert queue.errors == []  # It did not leave the worker.


@pytest.mark.parametrize("kind", [LookupError, KeyboardInterrupt])
@pytest.mark.parametrize("subject", [taken, lambda: Handed(Delivery("msg_1", 1, BODY))])
def test_an_error_that_leaves_a_run_or_a_handoff_is_seen(
    subject: Callable[[], Taken | Handed], kind: type[BaseException]
) -> None:
    queue = Queue()
    seen = subject()
    with pytest.raises(kind) as caught, observed([queue], seen):
        raise kind
    assert seen.error is caught.value
    assert queue.errors == [caught.value]


@pytest.mark.parametrize("payload", [b"{", b"{}", b'{"type":5}'])
def test_a_delivery_that_cannot_be_read_has_no_type(payload: bytes) -> None:
    delivery = Delivery("msg_1", 1, payload)
    assert Taken(delivery, {}, 0.0, 1).event_type is None
    assert Handed(delivery).event_type is None


@pytest.mark.parametrize("where", ["call", "enter", "exit", "swallow"])
@pytest.mark.parametrize("error", [None, ValueError()], ids=repr)
def test_an_observer_cannot_change_what_follows_a_run(
    where: str, error: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    class BrokenQueue(Broken):
        def run(self, taken: Taken) -> AbstractContextManager[None]:
            return self._manager()

    queue = Queue()
    subject = taken()
    raised: list[Exception] = []
    try:
        with observed([queue, BrokenQueue(where), queue], subject):
            subject.step = "done"
            if error is not None:
                raise error
    except ValueError as caught:
        raised.append(caught)
    assert raised == ([] if error is None else [error])
    assert queue.notes == ["run begins"] * 2 + ["run ends"] * 2
    assert len([one for one in caplog.records if hasattr(one, "observer")]) == (where != "swallow")


def test_observers_that_override_nothing_see_runs_and_handoffs_too() -> None:
    for subject in (taken(), Handed(Delivery("msg_1", 1, BODY))):
        with observed([Observer()], subject):
            pass
