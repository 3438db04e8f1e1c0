"""A recipe of docs/examples/recipes, served by the command that it names; and what it talks to."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from clerk_hooks import sign

from .. import forking
from .pages import ROOT, SECRET, SOURCE

RECIPES = ROOT / "docs" / "examples" / "recipes"
TIMEOUT = 30
POSTGRESQL = os.environ.get("POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


class Reply(NamedTuple):
    status: int
    body: dict[str, Any]


class Recipe(NamedTuple):
    """A program that is being served."""

    port: int
    output: Path

    def deliver(
        self,
        event_type: str,
        data: Mapping[str, object],
        *,
        message_id: str | None = None,
        path: str = "/webhooks/clerk",
        secret: str = SECRET,
    ) -> Reply:
        """Send one event as Svix would."""
        payload = json.dumps({"type": event_type, "data": data}).encode()
        connection = HTTPConnection("localhost", self.port, timeout=TIMEOUT)
        try:
            headers = sign(payload, secret=secret, message_id=message_id)
            connection.request("POST", path, payload, headers)
            response = connection.getresponse()
            return Reply(response.status, json.loads(response.read()))
        finally:
            connection.close()


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    return {
        **os.environ,
        "CLERK_WEBHOOK_SIGNING_SECRET": SECRET,
        "PYTHONPATH": os.pathsep.join([str(RECIPES), str(SOURCE.parent)]),
        "PYTHONUNBUFFERED": "1",
        **settings,
    }


def run(name: str, folder: Path, settings: Mapping[str, str]) -> None:
    """Run a recipe as a program, as it says before it is served."""
    done = forking.run(
        [RECIPES / f"{name}.py"], cwd=folder, env=environment(settings), timeout=TIMEOUT
    )
    assert done.returncode == 0, done.stdout + done.stderr


def command_of(name: str) -> list[str]:
    text = " ".join((RECIPES / f"{name}.py").read_text("utf-8").split())
    command = re.search(r"``((?:gunicorn|uvicorn) [^`]+)``", text)
    assert command is not None, name
    return shlex.split(command[1])


@contextmanager
def serving(name: str, folder: Path, settings: Mapping[str, str]) -> Iterator[Recipe]:
    """A recipe behind the server that it names itself."""
    server, *arguments = command_of(name)
    listener = socket.create_server(("127.0.0.1", 0))
    recipe = Recipe(listener.getsockname()[1], folder / "output")
    descriptor = str(listener.fileno())
    if server == "gunicorn":
        (folder / "gunicorn.conf.py").write_text("control_socket_disable = True\n")
        arguments += ["--bind", f"fd://{descriptor}", "--threads", "4"]
    else:
        arguments += ["--fd", descriptor]
    with recipe.output.open("wb") as output:
        process = forking.start(
            ["-m", server, *arguments],
            cwd=folder,
            env=environment(settings),
            pass_fds=[listener.fileno()],
            stdout=output,
            stderr=output,
        )
    listener.close()  # From here on a server that has died refuses connections.
    try:
        yield recipe
    finally:
        process.terminate()
        process.wait(TIMEOUT)


@contextmanager
def database() -> Iterator[str]:
    """The URL of a new database of PostgreSQL; skips where no server answers."""
    import psycopg

    try:
        server = psycopg.connect(POSTGRESQL, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError:
        if os.environ.get("CI"):
            pytest.fail("no PostgreSQL answers")
        pytest.skip("no PostgreSQL answers: set POSTGRESQL_URL")
    name = f"clerk_hooks_{uuid4().hex}"
    with server:
        server.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
        try:
            yield f"{POSTGRESQL.rpartition('/')[0]}/{name}"
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]


class Received(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Service(NamedTuple):
    """An HTTP service on this machine: what it got, and what it is to answer."""

    url: str
    received: list[Received]
    answers: list[tuple[int, Any]]
    """The next answers; 200 with an empty object where there is none."""


@contextmanager
def service() -> Iterator[Service]:
    """A real server, for programs that call one."""
    received: list[Received] = []
    answers: list[tuple[int, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            received.append(Received(self.command, self.path, headers, json.loads(body or "null")))
            status, content = answers.pop(0) if answers else (200, {})
            payload = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PATCH = answer  # noqa: N815 - the names that http.server looks for

        def log_message(self, *arguments: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Service(f"http://127.0.0.1:{server.server_port}", received, answers)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def user(id: str = "user_1", **fields: object) -> dict[str, object]:
    """The data of a user with one address."""
    return {
        "id": id,
        "first_name": "Ada",
        "last_name": "Lovelace",
        "primary_email_address_id": "idn_1",
        "email_addresses": [{"id": "idn_1", "email_address": "ada@example.com"}],
        **fields,
    }
