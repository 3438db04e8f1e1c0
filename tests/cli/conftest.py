"""The command line, in this process and in others, and an HTTP server that notes what it gets."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, NamedTuple

import pytest

from clerk_hooks import Endpoint, Reply, Router
from clerk_hooks.cli import run as run_app
from clerk_hooks.testing import SECRET

from .. import forking

PATH = "/webhooks/clerk"
VARIABLES = {"CLERK_WEBHOOK_SIGNING_SECRET": SECRET, "COLUMNS": "300"}
TERMINAL_VARIABLES = {"COLUMNS", "FORCE_COLOR", "GITHUB_ACTIONS", "NO_COLOR", "PY_COLORS", "TERM"}
"""Variables that change how rich and typer print."""


class Result(NamedTuple):
    """What a command has ended with."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Run = Callable[..., Result]


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    no_secret_in_environment: None,
) -> Run:
    """Runs the command line with arguments, in an environment as `environment` makes it."""
    for name in TERMINAL_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)

    def call(*arguments: object, **variables: str) -> Result:
        capsys.readouterr()
        with monkeypatch.context() as context:
            context.setattr(sys, "argv", ["clerk-hooks", *map(str, arguments)])
            for name, value in variables.items():
                context.setenv(name, value)
            try:
                status = run_app()
            except SystemExit as error:
                status = int(error.code or 0)
        return Result(status, *capsys.readouterr())

    return call


class Request(NamedTuple):
    """What the server got."""

    path: str
    body: bytes
    headers: dict[str, str]

    @property
    def message_id(self) -> str:
        return self.headers["svix-id"]


Answer = Callable[[Request], Reply]


class Application:
    """A server; `answer` decides what is answered, and `requests` has all it got, in order."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self._lock = Lock()
        application = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                names = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.path, body, names)
                with application._lock:
                    application.requests.append(request)
                reply = application.answer(request)
                self.send_response_only(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that has been killed is no error of the server."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}{PATH}"

    def types(self) -> list[str]:
        import json

        return [json.loads(request.body)["type"] for request in self.requests]


def ok(request: Request) -> Reply:
    """Accepts anything, forged or not."""
    return Reply(200, b"ok", {})


@pytest.fixture
def endpoint() -> Endpoint:
    """Handles everything, but for a failure with ``user.deleted``."""
    router = Router()

    @router.on("user.deleted")
    def fail(event: object) -> None:
        raise RuntimeError("the database is down")

    @router.on("user.created", "user.updated", "session.*")
    def handle(event: object) -> None:
        pass

    return Endpoint(router, secret=SECRET)


Serve = Callable[[Answer], Application]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers, and stops them at the end."""
    started: list[tuple[Application, Thread]] = []

    def start(answer: Answer) -> Application:
        application = Application(answer)
        thread = Thread(target=application.server.serve_forever, args=(0.02,))
        thread.start()
        started.append((application, thread))
        return application

    yield start
    for application, thread in started:
        application.server.shutdown()
        thread.join()
        application.server.server_close()


@pytest.fixture
def app(serve: Serve, endpoint: Endpoint) -> Application:
    """The endpoint behind a server."""
    return serve(lambda request: endpoint.receive(request.body, request.headers))


@pytest.fixture
def accepts_all(serve: Serve) -> Application:
    """An application that verifies nothing."""
    return serve(ok)


def environment(**variables: str) -> dict[str, str]:
    """That of a command in another process: the tests' own, except for the terminal."""
    kept = {name: value for name, value in os.environ.items() if name not in TERMINAL_VARIABLES}
    return {**kept, **VARIABLES, **variables}


def spawn(
    *arguments: str, script: str | None = None, is_new: bool = False, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m clerk_hooks`` or a script; a socket left open would be on its stderr."""
    program = ["-m", "clerk_hooks"] if script is None else ["-c", script]
    return forking.run(
        ["-W", "error", *program, *arguments], env=environment(**variables), is_new=is_new
    )
