"""Real servers, each a process of its own on a loopback port, and clients to talk to them.

``python -m tests.adapters.servers SERVER FD MODULE:FUNCTION ARGUMENT`` serves the application that
the function makes of the argument, on an open socket; gunicorn has a command of its own.
"""

from __future__ import annotations

import asyncio
import http.client
import importlib
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, NamedTuple
from wsgiref.simple_server import WSGIServer, make_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from clerk_hooks import Reply

# In seconds. They bound a hang, so they are far longer than a busy machine takes.
TIMEOUT = 60.0
START_TIMEOUT = 180.0
ROOT = Path(__file__).parents[2]
GUNICORN = [
    "gunicorn",
    "--log-level=warning",
    "--graceful-timeout=1",
    f"--timeout={START_TIMEOUT:.0f}",  # By default it kills a worker that takes 30 s to start.
    "--workers=1",
]
GTHREAD = [*GUNICORN, "--worker-class=gthread", "--threads=8"]


class Command(NamedTuple):
    """How to start a server: the words of its command, and which application it serves."""

    server: list[str]
    app: str

    @property
    def packages(self) -> set[str]:
        """What must be installed for it."""
        framework = self.app.rpartition("_app:")[0].rpartition(".")[2]
        server = {"uvicorn-standard": "httptools"}.get(self.server[0], self.server[0])
        return {framework, server} - {"wsgi", "asgi"}


# With what `uvicorn` brings by itself, and with what `uvicorn[standard]` adds.
UVICORN: dict[str, dict[str, Any]] = {
    "uvicorn": {"http": "h11", "loop": "asyncio"},
    "uvicorn-standard": {"http": "httptools", "loop": "uvloop"},
}
APPS = "tests.adapters.apps"
COMMANDS = {
    "wsgi-gunicorn-sync": Command(GUNICORN, f"{APPS}.wsgi_app:build"),
    "wsgi-gunicorn-gthread": Command(GTHREAD, f"{APPS}.wsgi_app:build_with_svix"),
    "wsgi-waitress": Command(["waitress"], f"{APPS}.wsgi_app:build"),
    "wsgi-wsgiref": Command(["wsgiref"], f"{APPS}.wsgi_app:build"),
    "flask-gunicorn": Command(GTHREAD, f"{APPS}.flask_app:build"),
    "flask-waitress": Command(["waitress"], f"{APPS}.flask_app:build"),
    "fastapi-uvicorn": Command(["uvicorn"], f"{APPS}.fastapi_app:build"),
    "fastapi-hypercorn": Command(["hypercorn"], f"{APPS}.fastapi_app:build_with_context"),
    "fastapi-uvicorn-standard": Command(
        ["uvicorn-standard"], f"{APPS}.fastapi_app:build_with_context"
    ),
    "asgi-uvicorn": Command(["uvicorn"], f"{APPS}.asgi_app:build_with_svix"),
    "asgi-hypercorn": Command(["hypercorn"], f"{APPS}.asgi_app:build"),
    "asgi-uvicorn-standard": Command(["uvicorn-standard"], f"{APPS}.asgi_app:build"),
    "django-gunicorn": Command(GTHREAD, f"{APPS}.django_app:build_wsgi"),
    "django-uvicorn": Command(["uvicorn"], f"{APPS}.django_app:build_asgi"),
    "django-gunicorn-async-view": Command(GTHREAD, f"{APPS}.django_app:build_wsgi_async"),
    "django-uvicorn-sync-view": Command(["uvicorn"], f"{APPS}.django_app:build_asgi_sync"),
}
WITH_SVIX = [kind for kind, command in COMMANDS.items() if command.app.endswith("_with_svix")]
# All but one of each framework.
OTHER_SERVERS = COMMANDS.keys() - {
    "wsgi-gunicorn-gthread",
    "flask-gunicorn",
    "fastapi-uvicorn",
    "asgi-uvicorn",
    "django-gunicorn",
}
ADDED_BY_SERVERS = {"connection", "date", "server", "via"}


class Answer(NamedTuple):
    """What came back over HTTP, without the headers that servers add."""

    status: int
    headers: dict[str, str]
    body: bytes

    @classmethod
    def read(cls, response: http.client.HTTPResponse) -> Answer:
        headers = {name.lower(): value for name, value in response.getheaders()}
        kept = {name: value for name, value in headers.items() if name not in ADDED_BY_SERVERS}
        return cls(response.status, kept, response.read())

    @classmethod
    def of(cls, reply: Reply) -> Answer:
        """What `reply` must become on the wire."""
        headers = {**reply.headers, "content-length": str(len(reply.body))}
        return cls(reply.status, headers, reply.body)


class Connection(http.client.HTTPConnection):
    """A connection that reads the answer also where it came, and ended all, before all was sent."""

    def __init__(self, port: int, timeout: float = TIMEOUT) -> None:
        super().__init__("127.0.0.1", port, timeout=timeout)

    def send(self, data: Any) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            super().send(data)


class Server(NamedTuple):
    """A running server: its kind, one of `COMMANDS`, and where it listens."""

    kind: str
    port: int
    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @contextmanager
    def connection(self, timeout: float = TIMEOUT) -> Iterator[Connection]:
        connection = Connection(self.port, timeout)
        try:
            yield connection
        finally:
            connection.close()

    def ask(
        self,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        method: str = "POST",
        timeout: float = TIMEOUT,
    ) -> Answer:
        with self.connection(timeout) as connection:
            connection.request(method, path, body, dict(headers))
            return Answer.read(connection.getresponse())

    @contextmanager
    def raw(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT) as client:
            yield client

    def exchange(self, data: bytes, *, end: bool = False) -> Answer | None:
        """Send raw bytes on a new connection, and end it for sending if asked to."""
        with self.raw() as client:
            client.sendall(data)
            if end:
                client.shutdown(socket.SHUT_WR)
            return read_answer(client)


def read_answer(client: socket.socket) -> Answer | None:
    """The next answer on a raw socket; None where the server hangs up without one."""
    response = http.client.HTTPResponse(client, method="POST")
    try:
        response.begin()
        return Answer.read(response)
    except (http.client.RemoteDisconnected, ConnectionError):
        return None
    finally:
        response.close()


@contextmanager
def running(
    command: Command, folder: Path, *, kind: str = "", ready: str = "/own"
) -> Iterator[Server]:
    """A server that answers 405 to a GET of `ready`; stopped at the end, whatever happens."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    server = Server(kind, listener.getsockname()[1], folder)
    with server.log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *_arguments(command, listener.fileno(), folder)],
            cwd=ROOT,
            pass_fds=[listener.fileno()],
            stdout=output,
            stderr=output,
        )
    listener.close()  # From here on a server that has died refuses connections.
    try:
        try:
            # Connections queue up in the socket until the server takes them: no need to try again.
            assert server.ask(ready, None, {}, "GET", START_TIMEOUT).status == 405
        except Exception as error:
            raise AssertionError(f"{command} did not start: {server.log.read_text()}") from error
        yield server
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process, by force if need be."""
    process.terminate()
    try:
        process.wait(TIMEOUT)
    finally:
        process.kill()


def _arguments(command: Command, descriptor: int, folder: Path) -> list[str]:
    if command.server[0] != "gunicorn":
        served = [str(descriptor), command.app, str(folder)]
        return ["tests.adapters.servers", *command.server, *served]
    config = folder / "gunicorn.conf.py"
    config.write_text("control_socket_disable = True\n")  # Old versions ignore it; a flag is fatal.
    settings = [f"--config={config}", f"--bind=fd://{descriptor}"]
    return [*command.server, *settings, f"{command.app}({str(folder)!r})"]


class _ThreadingServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def serve(server: str, listener: socket.socket, app: Any) -> None:
    """Serve until terminated, on a socket that listens already."""
    if server == "waitress":
        import waitress

        waitress.serve(app, sockets=[listener], threads=8)
    elif server in UVICORN:
        import uvicorn

        config = uvicorn.Config(app, log_level="warning", **UVICORN[server])
        uvicorn.Server(config).run(sockets=[listener])
    elif server == "hypercorn":
        import hypercorn.asyncio

        settings = hypercorn.Config()
        settings.bind = [f"fd://{listener.fileno()}"]
        asyncio.run(hypercorn.asyncio.serve(app, settings))
    else:
        simple = make_server("127.0.0.1", 0, app, server_class=_ThreadingServer)
        simple.socket.close()
        simple.socket = listener
        simple.serve_forever()


if __name__ == "__main__":
    _, name, descriptor, factory, argument = sys.argv
    module, _, function = factory.partition(":")
    application = getattr(importlib.import_module(module), function)(argument)
    serve(name, socket.socket(fileno=int(descriptor)), application)
