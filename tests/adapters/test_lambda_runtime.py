"""The Lambda program of the documentation in AWS's own runtime: events in, replies out, as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clerk_hooks import Endpoint, MethodNotAllowed, Reply, Router

from .application import SECRET, payload, signed
from .conftest import require
from .gateway import EVENTS, answer_of, event_of
from .lambda_runtime import PACKAGE, Function, FunctionError, deployed
from .servers import ROOT, Answer

EXAMPLES = ROOT / "docs" / "examples"
EXAMPLE = "aws_lambda_app.handler"
BODY = payload("user.created", name="é 漢 😀")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="AWS's runtime is for Linux")

each_kind = pytest.mark.parametrize("kind", EVENTS)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lambda") / "log"


@pytest.fixture(scope="module")
def function(log: Path) -> Iterator[Function]:
    require(PACKAGE)
    secret = {"CLERK_WEBHOOK_SIGNING_SECRET": SECRET}
    with deployed(EXAMPLE, log, secret, folder=EXAMPLES) as function:
        yield function


def ask(function: Function, kind: str, event: dict[str, Any]) -> Answer:
    return answer_of(kind, json.loads(function.invoke(json.dumps(event).encode())))


@each_kind
@pytest.mark.parametrize("base64", [False, True])
def test_a_delivery_is_handled(function: Function, log: Path, kind: str, base64: bool) -> None:
    body, headers = signed(BODY)
    before = log.read_text().count("welcome")
    answer = ask(function, kind, event_of(kind, body, headers.items(), base64=base64))
    assert (answer.status, answer.body) == (200, b'{"outcome":"handled"}')
    assert log.read_text().count("welcome") == before + 1


@each_kind
def test_a_forged_delivery_is_refused_as_by_the_endpoint(function: Function, kind: str) -> None:
    body, headers = signed(BODY)
    forged = body.replace(b"user.created", b"user.updated")
    answer = ask(function, kind, event_of(kind, forged, headers.items()))
    assert answer == Answer.of(Endpoint(Router(), secret=SECRET).receive(forged, headers))
    assert answer.status == 400


@each_kind
def test_another_method_is_refused(function: Function, kind: str) -> None:
    answer = ask(function, kind, event_of(kind, b"", [], "GET"))
    assert answer == Answer.of(Reply.for_error(MethodNotAllowed()))


def test_an_event_that_is_no_request_fails_with_its_reason(function: Function) -> None:
    with pytest.raises(FunctionError, match="InputTypeError") as raised:
        function.invoke(b'{"Records": []}')
    assert "connect the function to API Gateway" in str(raised.value)


def test_a_function_without_a_secret_does_not_start(tmp_path: Path) -> None:
    require(PACKAGE)
    unset = {"CLERK_WEBHOOK_SIGNING_SECRET": ""}
    with (
        pytest.raises(FunctionError, match="CLERK_WEBHOOK_SIGNING_SECRET"),
        deployed(EXAMPLE, tmp_path / "log", unset, folder=EXAMPLES),
    ):
        pass
