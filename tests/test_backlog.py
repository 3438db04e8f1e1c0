"""A web process warns, now and then, when nobody takes what it queues."""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from clerk_hooks import Delivery, Endpoint, QueueUnavailable, Reply, sign
from clerk_hooks.logs import Seldom

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"type":"user.created","data":{"id":"user_1"}}'

Receive = Callable[..., Reply]


class SyncInbox:
    def __init__(self, lag: Any) -> None:
        self.answer = lag
        self.asked: list[str] = []

    def put(self, delivery: Delivery, carrier: Mapping[str, str]) -> bool:
        return True

    def lag(self) -> float | None:
        is_here = threading.current_thread() is threading.main_thread()
        return self._said("here" if is_here else "in a thread")

    def _said(self, place: str) -> Any:
        self.asked.append(place)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


class BothInbox(SyncInbox):
    async def aput(self, delivery: Delivery, carrier: Mapping[str, str]) -> bool:
        return True

    async def alag(self) -> float | None:
        return self._said("awaited")


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]


def deliver(receive: Receive, inbox: SyncInbox, times: int = 1) -> None:
    endpoint = Endpoint(handoff=inbox, secret=SECRET)
    for _ in range(times):
        assert receive(endpoint, BODY, sign(BODY, secret=SECRET)).status == 202


@pytest.mark.parametrize("kind", [SyncInbox, BothInbox])
def test_messages_that_wait_for_over_five_minutes_are_a_warning_once_a_minute(
    kind: type[SyncInbox], receive: Receive, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = kind(301.2)
    deliver(receive, inbox, times=3)
    assert len(inbox.asked) == 1
    (warning,) = warnings(caplog)
    assert "the oldest message has been due for 301 s" in warning


@pytest.mark.parametrize(
    "lag", [None, 0.0, 300.0, QueueUnavailable(), ValueError("a bug of the inbox")], ids=repr
)
def test_anything_else_is_not(lag: Any, receive: Receive, caplog: pytest.LogCaptureFixture) -> None:
    for kind in (SyncInbox, BothInbox):
        inbox = kind(lag)
        deliver(receive, inbox)
        assert len(inbox.asked) == 1
    assert warnings(caplog) == []


def test_the_inbox_is_asked_where_it_is_called_to_keep_a_delivery() -> None:
    body, headers = BODY, sign(BODY, secret=SECRET)
    for kind, place in ((SyncInbox, "in a thread"), (BothInbox, "awaited")):
        inbox = kind(None)
        Endpoint(handoff=inbox, secret=SECRET).receive(body, headers)
        asyncio.run(Endpoint(handoff=inbox, secret=SECRET).areceive(body, headers))
        assert inbox.asked == ["here", place]


def test_there_is_another_look_after_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("clerk_hooks.logs.monotonic", lambda: now[0])
    is_time = Seldom(60)
    assert [is_time(), is_time()] == [True, False]
    now[0] += 60
    assert [is_time(), is_time()] == [True, False]
