"""A connection to a service that a test can cut or freeze, and a Redis that it can kill."""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from .schemas import lacks


class Proxy:
    """Passes on what clients send to a service, and back; until it is told to cut or to freeze."""

    def __init__(self, host: str, port: int) -> None:
        self._service = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self.is_frozen = False
        self._is_closed = False
        self._thread = threading.Thread(target=self._pass_on)
        self._thread.start()

    def cut(self) -> None:
        """End every connection that there is."""
        self._tell(b"c")

    def close(self) -> None:
        if self._is_closed:
            return
        self._tell(b"x")
        self._thread.join(10)
        for held in (self._listener, self._wake, self._woken, self._selector):
            held.close()

    def _tell(self, order: bytes) -> None:
        self._wake.sendall(order)
        if order == b"c":
            self._wake.recv(1)  # It is done.

    def _pass_on(self) -> None:
        while not self._is_closed:
            for key, _ in self._selector.select():
                source = key.fileobj
                assert isinstance(source, socket.socket)
                if source is self._woken:
                    self._obey(source.recv(1))
                    break
                if source is self._listener:
                    self._accept()
                elif source in self._pairs:
                    self._move(source)

    def _obey(self, order: bytes) -> None:
        for one in list(self._pairs):
            self._drop(one)
        if order == b"x":
            self._is_closed = True
        else:
            self._woken.sendall(b".")

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        service = socket.create_connection(self._service)
        self._pairs |= {client: service, service: client}
        for one in (client, service):
            self._selector.register(one, selectors.EVENT_READ)

    def _move(self, source: socket.socket) -> None:
        try:
            data = source.recv(65536)
            if data and not self.is_frozen:
                self._pairs[source].sendall(data)
        except OSError:
            data = b""
        if not data:
            other = self._pairs[source]
            self._drop(source)
            self._drop(other)

    def _drop(self, one: socket.socket) -> None:
        if self._pairs.pop(one, None) is not None:
            self._selector.unregister(one)
            one.close()


@contextlib.contextmanager
def proxy(host: str, port: int) -> Iterator[Proxy]:
    one = Proxy(host, port)
    try:
        yield one
    finally:
        one.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class RedisServer:
    """A Redis of the test's own."""

    def __init__(self, folder: Path, *options: str, persistent: bool = True) -> None:
        found = shutil.which("redis-server")
        if found is None:
            lacks("redis-server is not installed")
        self.port = free_port()
        self._command = [
            *(str(found), "--port", str(self.port), "--dir", str(folder)),
            *("--save", "", "--appendonly", "yes" if persistent else "no"),
            *("--appendfsync", "always"),
            *options,
        ]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self, *, is_loading: bool = False) -> None:
        """Start it; where `is_loading`, do not wait until it has loaded its data."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if (b"Server initialized" if is_loading else b"Ready to accept connections") in line:
                return
        raise AssertionError("Redis did not start")

    def signal(self, number: int) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.communicate()
            self._process = None
