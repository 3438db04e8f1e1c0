"""Where handlers run behind each server, what they see of the request, and that none is abandoned.

The handlers wait until the test lets them go: see `waiting`.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ..servers import Answer, Server
from ..waiting import Facts, Handler, Meeting, meeting

ASYNC = [
    "fastapi-uvicorn",
    "fastapi-hypercorn",
    "fastapi-uvicorn-standard",
    "asgi-uvicorn",
    "asgi-hypercorn",
    "django-uvicorn",
]
SYNC = ["wsgi-gunicorn-gthread", "flask-gunicorn", "flask-waitress", "django-gunicorn"]
each_server = pytest.mark.parametrize("server", [*ASYNC, *SYNC], indirect=True)
each_async = pytest.mark.parametrize("server", ASYNC, indirect=True)
each_flask = pytest.mark.parametrize("server", ["flask-gunicorn", "flask-waitress"], indirect=True)
each_django = pytest.mark.parametrize(
    "server", ["django-gunicorn", "django-uvicorn"], indirect=True
)
both_kinds = pytest.mark.parametrize("kind", ["sync", "async"])
HANDLED = b'{"outcome":"handled"}'


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
        self._answer = self._thread.submit(server.ask, "/waiting", *meet.delivery(kind))
        self._meet = meet

    def __enter__(self) -> Handler:
        self._stack = self._meet.handler()
        return self._stack.__enter__()

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(None, None, None)  # An unlucky handler is let go by this.
        self._thread.shutdown()

    def answer(self) -> Answer:
        return self._answer.result()


@each_server
@both_kinds
def test_a_handler_runs_to_its_end_and_then_the_request_is_answered(
    server: Server, meet: Meeting, kind: str
) -> None:
    asking = Asking(server, meet, kind)
    with asking as handler:
        assert handler.let_go() == b"done"
    assert (asking.answer().status, asking.answer().body) == (200, HANDLED)


@each_server
@both_kinds
def test_context_variables_of_the_request_reach_the_handler(
    server: Server, meet: Meeting, kind: str
) -> None:
    with Asking(server, meet, kind) as handler:
        assert handler.facts["request_id"] == "request 7"


@each_async
@both_kinds
def test_the_loop_answers_others_while_a_handler_waits(
    server: Server, meet: Meeting, kind: str
) -> None:
    asking = Asking(server, meet, kind)
    with asking as handler:
        assert health(server)["loop"] is not None
        assert handler.let_go() == b"done"
    assert asking.answer().status == 200


@each_async
def test_an_async_handler_runs_on_the_loop_of_the_server(server: Server, meet: Meeting) -> None:
    with Asking(server, meet, "async") as handler:
        there = health(server)
        assert there["loop"] is not None
        assert (handler.facts["loop"], handler.facts["thread"]) == (there["loop"], there["thread"])


@each_async
def test_a_sync_handler_runs_in_another_thread_than_the_loop(server: Server, meet: Meeting) -> None:
    with Asking(server, meet, "sync") as handler:
        assert handler.facts["loop"] is None
        assert handler.facts["thread"] != health(server)["thread"]


@each_server
def test_a_sync_handler_is_not_abandoned_when_the_client_leaves(
    server: Server, meet: Meeting
) -> None:
    body, headers = meet.delivery("sync")
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = (
        f"POST /waiting HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n{lines}\r\n"
    )
    with server.raw() as client:
        client.sendall(head.encode() + body)
        with meet.handler() as handler:
            # Closing with a linger time of zero resets the connection.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            health(server)  # The loop has turned since, and seen it.
            health(server)
            assert handler.let_go() == b"done"
    assert health(server)


@each_flask
@both_kinds
def test_the_request_of_flask_is_there_in_a_handler(
    server: Server, meet: Meeting, kind: str
) -> None:
    with Asking(server, meet, kind) as handler:
        facts = handler.facts
    assert (facts["g"], facts["path"]) == ("request 7", "/waiting")
    assert json.loads(facts["body"])["type"] == f"waiting.{kind}"
    assert facts["app"].endswith("flask_app")


@each_django
def test_a_handler_queries_the_database_and_django_closes_the_connection_it_opened(
    server: Server, meet: Meeting
) -> None:
    before = len(health(server)["open"])
    asking = Asking(server, meet, "sync")
    with asking as handler:
        assert handler.facts["answer"] == 42
        assert any(health(server)["open"][before:])
        handler.let_go()
    assert asking.answer().status == 200
    # Django closes it after the reply: each turn here is a whole request.
    assert any(health(server)["open"][before:] == [False] for _ in range(500))
