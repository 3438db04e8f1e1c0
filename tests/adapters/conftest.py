"""The real servers, each started once for all tests of this folder."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from clerk_hooks import Endpoint

from .application import VERIFIERS, build_endpoints
from .servers import COMMANDS, Server, running


@pytest.fixture(scope="session", params=list(COMMANDS))
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with running(request.param, tmp_path_factory.mktemp(request.param)) as server:
        yield server
    with pytest.raises(ConnectionRefusedError):  # No process of it is left.
        socket.create_connection(("127.0.0.1", server.port))


@pytest.fixture(params=VERIFIERS)
def verifier(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def direct(verifier: str, tmp_path: Path) -> Endpoint:
    """The endpoint that the servers have under this verifier, to be called without HTTP."""
    return build_endpoints(tmp_path)[verifier]
