"""A process that has imported what worker.py needs, and forks a worker for each connection.

Each start of Python would take a second of CPU for the imports, and tests start over a hundred
workers. A worker has the connection as its standard input and output. A guard between the two
processes says first which process the worker is, and at last how it ended.

``python -m tests.stores.nursery PATH`` listens on a Unix socket there, until its standard input
ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from clerk_hooks import parse_event


class Worker:
    """A process that does a task of worker.py."""

    def __init__(self, connection: socket.socket, task: str, settings: dict[str, Any]) -> None:
        self._connection = connection
        self._lines = connection.makefile()
        self._process = self.hear()["process"]
        self._tell(json.dumps([task, settings]))

    def hear(self) -> Any:
        """The next thing that it says; the last one is how it ended."""
        return json.loads(self._lines.readline())

    def tell(self) -> None:
        """Tell it to go on."""
        self._tell("")

    def _tell(self, line: str) -> None:
        self._connection.sendall(f"{line}\n".encode())

    def signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self._process, number)

    def kill(self) -> None:
        """End it, unless it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGKILL)
        self._lines.read()
        self._lines.close()
        self._connection.close()


class Nursery:
    """The process, from its first worker on."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, task: str, settings: dict[str, Any]) -> Worker:
        """A worker that does a task."""
        if self._process is None:
            self._folder = tempfile.TemporaryDirectory()
            self._path = f"{self._folder.name}/socket"
            self._process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "tests.stores.nursery", self._path],
                cwd=Path(__file__).parents[2],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            assert self._process.stdout is not None
            assert self._process.stdout.readline() == b"listening\n"
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(600)
        connection.connect(self._path)
        return Worker(connection, task, settings)

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.communicate()
            self._folder.cleanup()
            self._process = None


def main(path: str) -> None:
    load()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # Nobody asks how a guard ended.
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen(64)
        print("listening", flush=True)
        while listening in select.select([listening, sys.stdin], [], [])[0]:
            connection = listening.accept()[0]
            if os.fork() == 0:
                guard(connection)
            connection.close()


def load() -> None:
    """Import and build what workers need, as far as it is installed; connect to nothing."""
    from .worker import PAYLOAD, build

    parse_event(PAYLOAD)
    for kind, url in (
        ("sqlite", "never-opened"),
        ("redis", "redis://127.0.0.1 prefix"),
        ("async redis", "redis://127.0.0.1 prefix"),
        ("sync", "sqlite:///never-opened"),
        ("sync", "postgresql+psycopg://"),
        ("sync", "mysql+pymysql://"),
        ("async", "sqlite+aiosqlite:///never-opened"),
        ("async", "postgresql+asyncpg://"),
        ("django", "sqlite:///never-opened"),
        ("django", "postgresql+psycopg://"),
    ):
        with contextlib.suppress(ImportError):
            build(kind, url)


def guard(connection: socket.socket) -> None:
    """Fork the worker, and say on its connection which process it is and how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    process = os.fork()
    if process == 0:
        work(connection)
    connection.sendall(json.dumps({"process": process}).encode() + b"\n")
    ended = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    connection.sendall(json.dumps({"ended": ended}).encode() + b"\n")
    os._exit(0)


def work(connection: socket.socket) -> None:
    """Do the task that the first line names."""
    from .worker import main

    try:
        for standard in (sys.stdin, sys.stdout):
            os.dup2(connection.fileno(), standard.fileno())
        main(*json.loads(sys.stdin.readline()))
    except BaseException:
        traceback.print_exc()
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
