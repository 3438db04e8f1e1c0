"""Async handlers behind uWSGI: they run if it has threads, also in workers; else a clear error.

uWSGI has to be compiled, so it is in no extra: these tests are skipped where it is not installed.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import RemoteDisconnected
from pathlib import Path

import pytest

from .application import payload, signed
from .servers import ROOT, START_TIMEOUT, Server, stop

UWSGI = Path(sys.executable).with_name("uwsgi")
PROGRAM = """
import asyncio
from clerk_hooks import Endpoint, Router, parse_event
from clerk_hooks.adapters.wsgi import wsgi_app
from tests.adapters.application import SECRET

router = Router()

@router.on("user.created")
async def handler(event):
    await asyncio.sleep(0)

@router.on("user.deleted")
def plain(event): ...

if {before_the_fork}:
    router.dispatch(parse_event({{"type": "user.created", "data": {{"id": "user_1"}}}}))
application = wsgi_app(Endpoint(router, secret=SECRET))
"""

pytestmark = pytest.mark.skipif(not UWSGI.exists(), reason="uWSGI is not installed")


@contextmanager
def uwsgi(folder: Path, *options: str, before_the_fork: bool = False) -> Iterator[Server]:
    program = folder / "program.py"
    program.write_text(PROGRAM.format(before_the_fork=before_the_fork))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Server("uwsgi", port, folder)
    command = [UWSGI, f"--http-socket=127.0.0.1:{port}", f"--wsgi-file={program}", *options]
    with server.log.open("wb") as output:
        process = subprocess.Popen(
            [*command, f"--virtualenv={sys.prefix}", "--die-on-term", "--need-app"],
            cwd=ROOT,
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + START_TIMEOUT
        while deliver(server, "user.deleted") != 200:
            assert process.poll() is None, server.log.read_text()
            assert time.monotonic() < deadline, server.log.read_text()
            time.sleep(0.05)
        yield server
    finally:
        stop(process)


def deliver(server: Server, event_type: str) -> int | None:
    """The status of the reply; None if there is none."""
    try:
        return server.ask("/", *signed(payload(event_type))).status
    except (ConnectionError, RemoteDisconnected):
        return None


def test_without_threads_async_handlers_are_a_clear_error(tmp_path: Path) -> None:
    with uwsgi(tmp_path) as server:
        assert deliver(server, "user.created") != 200
        assert deliver(server, "user.deleted") == 200
    assert "uWSGI runs without threads (enable-threads = true)" in server.log.read_text()


@pytest.mark.parametrize("options", [["--enable-threads"], ["--threads=2"]], ids=" ".join)
@pytest.mark.parametrize("before_the_fork", [False, True])
def test_with_threads_they_run_in_every_worker(
    tmp_path: Path, options: list[str], before_the_fork: bool
) -> None:
    workers = ["--master", "--processes=2"]
    with uwsgi(tmp_path, *workers, *options, before_the_fork=before_the_fork) as server:
        assert [deliver(server, "user.created") for _ in range(20)] == [200] * 20
