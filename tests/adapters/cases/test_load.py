"""Every adapter under load: 1,000 requests from 32 connections, every reply checked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import pytest

from ..application import Request
from ..servers import COMMANDS, TIMEOUT, Answer, Server
from .deliveries import CASES, Case
from .test_deliveries import seen, word

CONNECTIONS = 32
REQUESTS = 1_000
NAMES = ("handled", "async handler", "forged", "nobody listens", "aborted", "too large", "not JSON")


@pytest.mark.parametrize("server", COMMANDS, indirect=True)
def test_replies_do_not_mix_under_load(server: Server) -> None:
    cases = [CASES[NAMES[number % len(NAMES)]] for number in range(REQUESTS)]
    requests = [case.request() for case in cases]

    def converse(start: int) -> list[Answer]:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT)
        try:
            return [ask(connection, request) for request in requests[start::CONNECTIONS]]
        finally:
            connection.close()

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        conversations = list(threads.map(converse, range(CONNECTIONS)))
    for start, answers in enumerate(conversations):
        for case, request, answer in zip(
            cases[start::CONNECTIONS], requests[start::CONNECTIONS], answers, strict=True
        ):
            assert_ends(server, case, request, answer)


def ask(connection: HTTPConnection, request: Request) -> Answer:
    connection.request("POST", "/own", *request)
    return Answer.read(connection.getresponse())


def assert_ends(server: Server, case: Case, request: Request, answer: Answer) -> None:
    assert (answer.status, word(answer)) == (case.status, case.word)
    body, headers = request
    assert seen(server, headers) == (body if case.word == "handled" else None)
