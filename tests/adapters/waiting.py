"""Handlers that wait until a test lets them go, and tell it where they run.

The test listens on a port, which stands in the event; a handler connects to it, tells its facts,
waits for a byte, and says that it is done. So every step is an event, and none a guess at a time.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from clerk_hooks import Endpoint, Router
from clerk_hooks.events import UnknownEvent

from .application import SECRET, Request, payload, signed
from .servers import TIMEOUT

REQUEST_ID = ContextVar("REQUEST_ID", default="unset")
"""Set by a middleware of each application from the header ``x-request-id``."""

Facts = dict[str, Any]


def where() -> Facts:
    """The thread, and the event loop that runs in it."""
    try:
        loop = id(asyncio.get_running_loop())
    except RuntimeError:
        loop = None
    return {"thread": threading.get_ident(), "loop": loop}


def build_endpoint(more: Callable[[], Facts] = dict) -> Endpoint:
    """An endpoint whose handlers wait; `more` adds facts of a framework's own."""
    router = Router()

    def facts() -> bytes:
        return json.dumps({**where(), "request_id": REQUEST_ID.get(), **more()}).encode() + b"\n"

    @router.on_unknown("waiting.sync")
    def wait(event: UnknownEvent) -> None:
        with socket.create_connection(("127.0.0.1", event.data["port"]), TIMEOUT) as connection:
            connection.sendall(facts())
            connection.recv(1)
            connection.sendall(b"done")

    @router.on_unknown("waiting.async")
    async def wait_async(event: UnknownEvent) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", event.data["port"])
        writer.write(facts())
        await reader.read(1)
        writer.write(b"done")
        writer.close()
        await writer.wait_closed()

    return Endpoint(router, secret=SECRET)


class Handler(NamedTuple):
    """A handler that waits, as the test sees it."""

    facts: Facts
    connection: socket.socket

    def let_go(self) -> bytes:
        """Let it go on; what it says at its end."""
        self.connection.sendall(b".")
        said = b""
        while part := self.connection.recv(100):
            said += part
        return said


class Meeting(NamedTuple):
    """Where a handler and its test meet."""

    listener: socket.socket

    def delivery(self, kind: str) -> Request:
        """A delivery to the handler of this kind, `sync` or `async`."""
        port = self.listener.getsockname()[1]
        body, headers = signed(payload(f"waiting.{kind}", port=port))
        return body, {**headers, "x-request-id": "request 7"}

    @contextmanager
    def handler(self) -> Iterator[Handler]:
        """The handler that comes next."""
        connection, _ = self.listener.accept()
        with connection:
            connection.settimeout(TIMEOUT)
            line = b""
            while not line.endswith(b"\n"):
                part = connection.recv(1)
                assert part, "the handler has gone"
                line += part
            yield Handler(json.loads(line), connection)


@contextmanager
def meeting() -> Iterator[Meeting]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(TIMEOUT)
        yield Meeting(listener)
