"""Real WSGI servers, each a process of its own on a loopback port, and clients to talk to them.

``python -m tests.adapters.servers waitress|wsgiref FD FOLDER`` serves `application` on an open
socket; gunicorn has a command of its own.
"""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, NamedTuple
from wsgiref.simple_server import WSGIServer, make_server

from .application import build_wsgi_app

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from clerk_hooks import Reply

TIMEOUT = 20.0
ROOT = Path(__file__).parents[2]
GUNICORN = ["--log-level=warning", "--graceful-timeout=1", "--workers=1"]
COMMANDS = {
    "gunicorn-sync": ["gunicorn", *GUNICORN],
    "gunicorn-gthread": ["gunicorn", *GUNICORN, "--worker-class=gthread", "--threads=8"],
    "waitress": ["tests.adapters.servers", "waitress"],
    "wsgiref": ["tests.adapters.servers", "wsgiref"],
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


class Server(NamedTuple):
    """A running server: its kind, one of `COMMANDS`, and where it listens."""

    kind: str
    port: int
    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @contextmanager
    def connection(self) -> Iterator[http.client.HTTPConnection]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        try:
            yield connection
        finally:
            connection.close()

    def ask(
        self, path: str, body: bytes | None, headers: Mapping[str, str], method: str = "POST"
    ) -> Answer:
        with self.connection() as connection:
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
def running(kind: str, folder: Path) -> Iterator[Server]:
    """A server of this kind, answering; stopped at the end, whatever happens."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    server = Server(kind, listener.getsockname()[1], folder)
    with server.log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *_arguments(kind, listener.fileno(), folder)],
            cwd=ROOT,
            pass_fds=[listener.fileno()],
            stdout=output,
            stderr=output,
        )
    listener.close()  # From here on a server that has died refuses connections.
    try:
        try:
            # Connections queue up in the socket until the server takes them: no need to try again.
            assert server.ask("/own", None, {}, "GET").status == 405
        except Exception as error:
            raise AssertionError(f"{kind} did not start: {server.log.read_text()}") from error
        yield server
    finally:
        process.terminate()
        try:
            process.wait(TIMEOUT)
        finally:
            process.kill()


def _arguments(kind: str, descriptor: int, folder: Path) -> list[str]:
    if not kind.startswith("gunicorn"):
        return [*COMMANDS[kind], str(descriptor), str(folder)]
    config = folder / "gunicorn.conf.py"
    config.write_text("control_socket_disable = True\n")  # Old versions ignore it; a flag is fatal.
    app = f"tests.adapters.application:build_wsgi_app({str(folder)!r})"
    return [*COMMANDS[kind], f"--config={config}", f"--bind=fd://{descriptor}", app]


class _ThreadingServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def serve(kind: str, descriptor: int, folder: str) -> None:
    """Serve until terminated, on a socket that listens already."""
    listener = socket.socket(fileno=descriptor)
    app = build_wsgi_app(folder)
    if kind == "waitress":
        import waitress

        waitress.serve(app, sockets=[listener], threads=8)
    else:
        server = make_server("127.0.0.1", 0, app, server_class=_ThreadingServer)
        server.socket.close()
        server.socket = listener
        server.serve_forever()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), sys.argv[3])
