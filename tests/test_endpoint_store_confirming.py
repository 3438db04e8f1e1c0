"""Handlers that confirm themselves in their own transactions: the effect, the reply, the log, and
the reply to the next attempt."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from clerk_hooks import (
    AbortDelivery,
    ClaimLost,
    ConfigurationError,
    Delivery,
    Endpoint,
    HandlerError,
    Router,
    sign,
)

from .confirming_store import AwaitedConfirmingStore, ConfirmingStore
from .watched_store import SECRET, event

Handler = Callable[[Delivery, sqlite3.Connection], object]
HANDLED, DUPLICATE = (200, "handled"), (200, "duplicate")
FAILED, LOST, BUSY = (500, "handler_failed"), (409, "claim_lost"), (409, "in_progress")

WAYS = {
    "receive": (False, ConfirmingStore),
    "areceive": (True, ConfirmingStore),
    "areceive, awaited": (True, AwaitedConfirmingStore),
}


class App:
    """An endpoint whose handler writes to the database of the store, in a connection of its own."""

    def __init__(self, way: str, path: Path) -> None:
        self.is_async, kind = WAYS[way]
        self.store = kind(path)
        self.connection = self.store.connect()
        self.router = Router()
        self.endpoint = Endpoint(self.router, secret=SECRET, store=self.store)

    def handle(self, handler: Handler, name: str = "h") -> None:
        """Register a handler that writes its effect, and goes on with `handler`."""

        @self.router.on("user.created", name=name)
        def handle(event: object, delivery: Delivery) -> None:
            self.connection.execute("INSERT INTO effects VALUES (?)", (name,))
            handler(delivery, self.connection)

    def receive(self) -> tuple[int, str]:
        """The status and the outcome, or the error, of the reply to one attempt."""
        body = event()
        headers = sign(body, secret=SECRET, message_id="msg_1")
        if self.is_async:
            reply = asyncio.run(self.endpoint.areceive(body, headers))
        else:
            reply = self.endpoint.receive(body, headers)
        return reply.status, reply.body.decode().split('"')[3]


@pytest.fixture(params=WAYS)
def app(
    request: pytest.FixtureRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Iterator[App]:
    caplog.set_level(logging.INFO, "clerk_hooks")
    app = App(request.param, tmp_path / "store.db")
    with closing(app.connection):
        yield app


def logged(caplog: pytest.LogCaptureFixture, level: str) -> list[str]:
    """The messages and errors that were logged at `level`, from now on back to the last call."""
    assert all(0 <= getattr(record, "duration", 0) < 60 for record in caplog.records)  # Seconds.
    found = [
        f"{record.getMessage()} {record.exc_info[1] if record.exc_info else ''}"
        for record in caplog.records
        if record.levelname == level
    ]
    caplog.clear()
    return found


def nothing() -> None: ...


def fail() -> None:
    raise ValueError("on purpose")


def turns(*actions: Callable[[], object]) -> Callable[[], object]:
    """Each call is one of `actions`, in turn."""
    waiting = iter(actions)

    def act() -> None:
        next(waiting)()

    return act


def in_transaction(app: App, *, then: Callable[[], object] = nothing) -> Handler:
    def handler(delivery: Delivery, connection: sqlite3.Connection) -> None:
        with app.store.transaction(delivery, connection):
            then()

    return handler


def test_what_commits_with_its_confirmation_is_done(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    app.handle(in_transaction(app))
    assert app.receive() == HANDLED
    assert app.store.effects() == ["h"]
    assert app.store.calls == ["claim"]  # Neither asked nor told afterwards.
    assert logged(caplog, "WARNING") == logged(caplog, "ERROR") == []
    assert app.receive() == DUPLICATE


def test_what_raises_in_its_transaction_has_no_effect_and_runs_again(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    app.handle(in_transaction(app, then=turns(fail, nothing)))
    assert app.receive() == FAILED
    assert app.store.effects() == []
    assert [text.rpartition(" ")[2] for text in logged(caplog, "ERROR")] == ["purpose"]
    assert app.receive() == HANDLED
    assert app.store.effects() == ["h"]


def test_what_commits_and_then_raises_is_done(app: App, caplog: pytest.LogCaptureFixture) -> None:
    def handler(delivery: Delivery, connection: sqlite3.Connection) -> None:
        in_transaction(app)(delivery, connection)
        fail()

    app.handle(handler)
    assert app.receive() == FAILED
    assert app.store.effects() == ["h"]
    assert [text.rpartition(" ")[2] for text in logged(caplog, "ERROR")] == ["purpose"]
    assert app.receive() == DUPLICATE
    assert app.store.effects() == ["h"]


def test_what_commits_and_then_aborts_is_done(app: App) -> None:
    def handler(delivery: Delivery, connection: sqlite3.Connection) -> None:
        in_transaction(app)(delivery, connection)
        raise AbortDelivery

    app.handle(handler)
    assert app.receive() == (422, "aborted")
    assert app.receive() == DUPLICATE


def test_an_own_commit_is_found_by_asking(app: App, caplog: pytest.LogCaptureFixture) -> None:
    def handler(delivery: Delivery, connection: sqlite3.Connection) -> None:
        app.store.confirm_in(delivery, connection)
        connection.commit()

    app.handle(handler)
    assert app.receive() == HANDLED
    assert app.store.effects() == ["h"]
    assert app.store.calls == ["claim", "show"]
    assert logged(caplog, "WARNING") == logged(caplog, "ERROR") == []
    assert app.receive() == DUPLICATE


def test_an_own_commit_stands_if_the_handler_raises_later(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    def handler(delivery: Delivery, connection: sqlite3.Connection) -> None:
        app.store.confirm_in(delivery, connection)
        connection.commit()
        fail()

    app.handle(handler)
    assert app.receive() == FAILED
    assert app.store.effects() == ["h"]
    assert [text.rpartition(" ")[2] for text in logged(caplog, "ERROR")] == ["purpose"]
    assert app.receive() == DUPLICATE


NOT_COMMITTED = (
    "the handler h returned before the transaction that confirms it was committed: commit before "
    "returning"
)


def test_what_is_not_committed_before_the_handler_returns_fails(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    app.handle(app.store.confirm_in)
    assert app.receive() == FAILED
    [text] = logged(caplog, "ERROR")
    assert text.endswith(NOT_COMMITTED)
    app.connection.rollback()
    assert app.store.effects() == []
    assert app.receive() == BUSY  # Nobody could release it under the lock: its lease does.
    app.store.now += 61
    assert app.receive() == FAILED


def test_a_commit_that_comes_later_still_counts(app: App) -> None:
    app.handle(app.store.confirm_in)
    assert app.receive() == FAILED
    app.connection.commit()
    assert app.receive() == DUPLICATE
    assert app.store.effects() == ["h"]


def test_a_rollback_before_the_handler_returns_fails_and_is_released(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    ends = iter([app.connection.rollback, app.connection.commit])

    def handler(delivery: Delivery, connection: sqlite3.Connection) -> None:
        app.store.confirm_in(delivery, connection)
        next(ends)()

    app.handle(handler)
    assert app.receive() == FAILED
    assert app.store.effects() == []
    [text] = logged(caplog, "ERROR")
    assert text.endswith(NOT_COMMITTED)
    assert app.receive() == HANDLED
    assert app.store.effects() == ["h"]


def test_what_another_attempt_has_confirmed_does_not_count_as_committed(app: App) -> None:
    def handler(delivery: Delivery, connection: sqlite3.Connection) -> None:
        app.store.confirm_in(delivery, connection)
        connection.rollback()
        connection.execute("UPDATE claims SET token = 'of another attempt', state = 'done'")
        connection.commit()

    app.handle(handler)
    assert app.receive() == FAILED
    assert app.store.effects() == []


def test_what_raises_with_its_transaction_open_is_left_to_its_lease(app: App) -> None:
    def handler(delivery: Delivery, connection: sqlite3.Connection) -> None:
        app.store.confirm_in(delivery, connection)
        fail()

    app.handle(handler)
    assert app.receive() == FAILED
    app.connection.rollback()
    assert app.receive() == BUSY
    assert app.store.effects() == []


def test_a_claim_that_was_taken_over_rolls_back_and_is_a_409(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    app.handle(in_transaction(app, then=lambda: take_over(app)))
    assert app.receive() == LOST
    assert app.store.effects() == []
    assert logged(caplog, "ERROR") == []


def take_over(app: App) -> None:
    """As if another attempt had claimed the handler; in the transaction, because of its lock."""
    app.connection.execute("UPDATE claims SET token = 'of another attempt'")


def test_the_loss_of_a_claim_is_one_warning(app: App, caplog: pytest.LogCaptureFixture) -> None:
    app.handle(in_transaction(app, then=lambda: take_over(app)))
    app.receive()
    lost, refused = logged(caplog, "WARNING")
    assert lost == (
        "msg_1: handler h ended after its claim was lost: another attempt took it over, or the "
        "message was forgotten "
    )
    assert "refused" in refused
    assert app.store.calls == ["claim"]


def test_a_lost_claim_that_the_handler_ignores_is_a_409_all_the_same(app: App) -> None:
    def handler(delivery: Delivery, connection: sqlite3.Connection) -> None:
        with suppress(ClaimLost):
            in_transaction(app, then=lambda: take_over(app))(delivery, connection)

    app.handle(handler)
    assert app.receive() == LOST
    assert app.store.effects() == []


def test_what_fails_because_its_claim_was_lost_fails(app: App) -> None:
    def handler(delivery: Delivery, connection: sqlite3.Connection) -> None:
        with pytest.raises(ClaimLost):
            in_transaction(app, then=lambda: take_over(app))(delivery, connection)
        fail()

    app.handle(handler)
    assert app.receive() == FAILED


def test_the_loss_of_another_claim_is_a_failure(app: App) -> None:
    def handler(delivery: Delivery, connection: sqlite3.Connection) -> None:
        raise ClaimLost

    app.handle(handler)
    assert app.receive() == FAILED


def test_two_handlers_of_one_message_confirm_each_its_own(app: App) -> None:
    app.handle(in_transaction(app), "a")
    app.handle(in_transaction(app, then=turns(fail, nothing)), "b")
    assert app.receive() == FAILED
    assert app.store.effects() == ["a"]
    assert app.receive() == HANDLED
    assert app.store.effects() == ["a", "b"]
    assert app.receive() == DUPLICATE


def test_a_handler_cannot_confirm_another_with_the_delivery_that_it_kept(app: App) -> None:
    kept: list[Delivery] = []
    app.handle(lambda delivery, connection: kept.append(delivery) or connection.rollback(), "a")

    def later(delivery: Delivery, connection: sqlite3.Connection) -> None:
        in_transaction(app)(kept[0], connection)

    app.handle(later, "b")
    assert app.receive() == FAILED
    app.connection.rollback()
    assert {record.handler: record.state for record in app.store.show("msg_1")}["a"] == "done"


def test_a_confirmation_outside_its_handler_changes_nothing(app: App) -> None:
    kept: list[Delivery] = []

    def handler(delivery: Delivery, connection: sqlite3.Connection) -> None:
        kept.append(delivery)
        fail()

    app.handle(handler)
    assert app.receive() == FAILED
    app.connection.rollback()
    transaction = app.store.transaction(kept[0], app.connection)
    with pytest.raises(ConfigurationError, match="has ended"):
        transaction.__enter__()
    assert [record.state for record in app.store.show("msg_1")] == ["running"]


def test_a_store_that_cannot_say_whether_it_was_committed_is_a_503(app: App) -> None:
    def handler(delivery: Delivery, connection: sqlite3.Connection) -> None:
        app.store.confirm_in(delivery, connection)
        connection.commit()
        app.store.path = Path("/nowhere/store.db")

    path = app.store.path
    app.handle(handler)
    assert app.receive() == (503, "store_unavailable")
    app.store.path = path
    assert app.receive() == DUPLICATE
    assert app.store.effects() == ["h"]


def async_app(path: Path) -> tuple[App, Any]:
    """An app whose handlers are async; the second one registers one."""
    app = App("areceive, awaited", path)
    return app, app.router.on("user.created", name="h")


def test_a_confirmation_that_is_not_awaited_fails_the_handler(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app, register = async_app(tmp_path / "store.db")

    @register
    async def handler(event: object, delivery: Delivery) -> None:
        app.connection.execute("INSERT INTO effects VALUES ('h')")
        app.store.aconfirm_in(delivery, app.connection)
        app.connection.commit()

    with closing(app.connection):
        assert app.receive() == FAILED
        [text] = logged(caplog, "ERROR")
        assert text.endswith(
            "the handler h did not await its confirmation, which therefore did nothing: await it"
        )
        assert app.receive() == FAILED  # It was released: it is not done.


def test_a_confirmation_that_is_awaited_confirms(tmp_path: Path) -> None:
    app, register = async_app(tmp_path / "store.db")

    @register
    async def handler(event: object, delivery: Delivery) -> None:
        app.connection.execute("INSERT INTO effects VALUES ('h')")
        await app.store.aconfirm_in(delivery, app.connection)
        app.connection.commit()

    with closing(app.connection):
        assert app.receive() == HANDLED
        assert app.receive() == DUPLICATE
        assert app.store.effects() == ["h"]


def test_a_cancellation_waits_until_the_store_has_said_whether_it_was_committed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Slow(AwaitedConfirmingStore):
        async def ashow(self, message_id: str) -> Any:
            asked.set()
            await answer.wait()
            return await super().ashow(message_id)

    async def main(*, commits: bool) -> None:
        nonlocal asked, answer
        asked, answer = asyncio.Event(), asyncio.Event()
        router = Router()
        store = Slow(tmp_path / f"{commits}.db")

        @router.on("user.created", name="h")
        async def handler(event: object, delivery: Delivery) -> None:
            with closing(store.connect()) as connection:
                store.confirm_in(delivery, connection)
                if commits:
                    connection.commit()

        body = event()
        endpoint = Endpoint(router, secret=SECRET, store=store)
        headers = sign(body, secret=SECRET, message_id="msg_1")
        request = asyncio.create_task(endpoint.areceive(body, headers))
        await asked.wait()
        request.cancel()
        await asyncio.sleep(0)
        answer.set()
        with pytest.raises(asyncio.CancelledError):
            await request
        assert [record.state for record in store.show("msg_1")] == (["done"] if commits else [])

    asked = answer = asyncio.Event()
    asyncio.run(main(commits=True))
    assert logged(caplog, "ERROR") == []
    asyncio.run(main(commits=False))
    [text] = logged(caplog, "ERROR")
    assert text.endswith(NOT_COMMITTED)


def test_a_processor_names_a_handler_that_committed_and_raised_as_done(app: App) -> None:
    def handler(delivery: Delivery, connection: sqlite3.Connection) -> None:
        in_transaction(app)(delivery, connection)
        fail()

    app.handle(handler)
    delivery, processor = Delivery("msg_1", 1, event()), app.endpoint.processor

    def process() -> object:
        if app.is_async:
            return asyncio.run(processor.aprocess(delivery))
        return processor.process(delivery)

    with pytest.raises(HandlerError) as caught:
        process()
    assert (caught.value.failed, caught.value.done) == (("h",), ("h",))
