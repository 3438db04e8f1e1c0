"""Where handlers run behind each server, what they see of the request, and that none is abandoned.

The handlers wait until the test lets them go: see `waiting`.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ..conftest import require
from ..servers import APPS, GTHREAD, Answer, Command, Server, running
from ..waiting import Facts, Handler, Meeting, meeting

ASYNC = {
    "fastapi-uvicorn": Command(["uvicorn"], f"{APPS}.fastapi_app:build_waiting"),
    "fastapi-hypercorn": Command(["hypercorn"], f"{APPS}.fastapi_app:build_waiting"),
    "fastapi-uvicorn-standard": Command(["uvicorn-standard"], f"{APPS}.fastapi_app:build_waiting"),
    "asgi-uvicorn": Command(["uvicorn"], f"{APPS}.asgi_app:build_waiting"),
    "asgi-hypercorn": Command(["hypercorn"], f"{APPS}.asgi_app:build_waiting"),
    "django-uvicorn": Command(["uvicorn"], f"{APPS}.django_app:build_asgi_waiting"),
}
SYNC = {
    "wsgi-gunicorn": Command(GTHREAD, f"{APPS}.wsgi_app:build_waiting"),
    "flask-gunicorn": Command(GTHREAD, f"{APPS}.flask_app:build_waiting"),
    "flask-waitress": Command(["waitress"], f"{APPS}.flask_app:build_waiting"),
    "django-gunicorn": Command(GTHREAD, f"{APPS}.django_app:build_wsgi_waiting"),
}
each_sync = pytest.mark.parametrize("waiter", SYNC, indirect=True)
each_async = pytest.mark.parametrize("waiter", ASYNC, indirect=True)
each_django = pytest.mark.parametrize(
    "waiter", ["django-gunicorn", "django-uvicorn"], indirect=True
)
both_kinds = pytest.mark.parametrize("kind", ["sync", "async"])
HANDLED = b'{"outcome":"handled"}'


@pytest.fixture(scope="session", params=[*ASYNC, *SYNC])
def waiter(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server whose handlers wait."""
    command = {**ASYNC, **SYNC}[request.param]
    for package in command.packages:
        require(package)
    folder: Path = tmp_path_factory.mktemp(f"waiting-{request.param}")
    with running(command, folder, kind=request.param, ready="/health", status=200) as server:
        yield server


@pytest.fixture
def meet() -> Iterator[Meeting]:
    with meeting() as meet:
        yield meet


def health(server: Server) -> Facts:
    answer = server.ask("/health", None, {}, "GET")
    assert answer.status == 200
    facts: Facts = json.loads(answer.body)
    return facts


class Asking:
    """A request whose handler waits: within the block the handler is there and the reply is not."""

    def __init__(self, server: Server, meet: Meeting, kind: str) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._answer = self._thread.submit(server.ask, "/own", *meet.delivery(kind))
        self._meet = meet

    def __enter__(self) -> Handler:
        self._stack = self._meet.handler()
        return self._stack.__enter__()

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(None, None, None)  # An unlucky handler is let go by this.
        self._thread.shutdown()

    def answer(self) -> Answer:
        return self._answer.result()


@both_kinds
def test_a_handler_runs_to_its_end_and_then_the_request_is_answered(
    waiter: Server, meet: Meeting, kind: str
) -> None:
    asking = Asking(waiter, meet, kind)
    with asking as handler:
        assert handler.let_go() == b"done"
    assert (asking.answer().status, asking.answer().body) == (200, HANDLED)


@both_kinds
def test_context_variables_of_the_request_reach_the_handler(
    waiter: Server, meet: Meeting, kind: str
) -> None:
    with Asking(waiter, meet, kind) as handler:
        assert handler.facts["request_id"] == "request 7"


@each_async
@both_kinds
def test_the_loop_answers_others_while_a_handler_waits(
    waiter: Server, meet: Meeting, kind: str
) -> None:
    asking = Asking(waiter, meet, kind)
    with asking as handler:
        assert health(waiter)["loop"] is not None
        assert handler.let_go() == b"done"
    assert asking.answer().status == 200


@each_async
def test_an_async_handler_runs_on_the_loop_of_the_server(waiter: Server, meet: Meeting) -> None:
    with Asking(waiter, meet, "async") as handler:
        there = health(waiter)
        assert there["loop"] is not None
        assert (handler.facts["loop"], handler.facts["thread"]) == (there["loop"], there["thread"])


@each_async
def test_a_sync_handler_runs_in_another_thread_than_the_loop(waiter: Server, meet: Meeting) -> None:
    with Asking(waiter, meet, "sync") as handler:
        assert handler.facts["loop"] is None
        assert handler.facts["thread"] != health(waiter)["thread"]


def test_a_sync_handler_is_not_abandoned_when_the_client_leaves(
    waiter: Server, meet: Meeting
) -> None:
    body, headers = meet.delivery("sync")
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST /own HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n{lines}\r\n"
    with waiter.raw() as client:
        client.sendall(head.encode() + body)
        with meet.handler() as handler:
            # Closing with a linger time of zero resets the connection.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            health(waiter)  # The loop has turned since, and seen it.
            health(waiter)
            assert handler.let_go() == b"done"
    assert health(waiter)


@pytest.mark.parametrize("waiter", ["flask-gunicorn", "flask-waitress"], indirect=True)
@both_kinds
def test_the_request_of_flask_is_there_in_a_handler(
    waiter: Server, meet: Meeting, kind: str
) -> None:
    with Asking(waiter, meet, kind) as handler:
        facts = handler.facts
    assert (facts["g"], facts["path"]) == ("request 7", "/own")
    assert json.loads(facts["body"])["type"] == f"waiting.{kind}"
    assert facts["app"].endswith("flask_app")


@each_django
def test_a_handler_queries_the_database_and_django_closes_the_connection_it_opened(
    waiter: Server, meet: Meeting
) -> None:
    before = len(health(waiter)["open"])
    asking = Asking(waiter, meet, "sync")
    with asking as handler:
        assert handler.facts["answer"] == 42
        assert any(health(waiter)["open"][before:])
        handler.let_go()
    assert asking.answer().status == 200
    # Django closes it after the reply: each turn here is a whole request.
    assert any(health(waiter)["open"][before:] == [False] for _ in range(500))
