"""The real servers, each started once for all tests of this folder."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from clerk_hooks import Endpoint

from .application import build_endpoints
from .gateway import EVENTS, Gateway
from .servers import COMMANDS, OTHER_SERVERS, Server, running


@pytest.hookimpl(trylast=True)  # After pytest itself has put them in order.
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let the tests of a server follow one another, so that it is started once.

    With ``--one-server``, leave out the tests of all servers but one of each framework.
    """
    places = {kind: place for place, kind in enumerate(COMMANDS)}
    items.sort(key=lambda item: places.get(_kind_of_server(item), -1))
    if config.getoption("one_server"):
        left_out = [item for item in items if _kind_of_server(item) in OTHER_SERVERS]
        items[:] = [item for item in items if _kind_of_server(item) not in OTHER_SERVERS]
        config.hook.pytest_deselected(items=left_out)


def _kind_of_server(item: pytest.Item) -> str:
    """Which of `COMMANDS` the test needs; empty if none."""
    callspec = getattr(item, "callspec", None)
    kind = callspec.params.get("server") if callspec else None
    return kind if kind in COMMANDS else ""


@pytest.fixture(scope="session", params=[*COMMANDS, *EVENTS])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server | Gateway]:
    """An adapter behind a server, a process of its own; for AWS Lambda, behind a `Gateway`."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param in EVENTS:
        with Gateway(request.param, folder) as gateway:
            yield gateway
        return
    command = COMMANDS[request.param]
    for package in command.packages:
        require(package)
    with running(command, folder, kind=request.param) as server:
        yield server
    with pytest.raises(ConnectionRefusedError):  # No process of it is left.
        socket.create_connection(("127.0.0.1", server.port))


@pytest.fixture
def direct(verifier: str, tmp_path: Path) -> Endpoint:
    """The endpoint that the servers have under this verifier, to be called without HTTP."""
    return build_endpoints(tmp_path, svix=verifier == "svix")[verifier]


def require(package: str) -> None:
    """Skip where an optional package is absent; but not in CI."""
    if find_spec(package) is None:
        reason = f"{package} is not installed"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
