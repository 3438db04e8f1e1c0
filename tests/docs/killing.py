"""Serves an application in processes that kill themselves, each a step later than the one before.

``python -m tests.docs.killing FD MODULE:APP FIRST AHEAD`` serves on an open socket. All that a
process does to the world are its writes to sockets. So the first process kills itself before the
first write of its second POST, the next one after that write, the next one before the second write,
and so on. The first POST of each connects to the database. The last process has no step left to be
killed at, and goes on. FIRST is the first step; nothing is killed from 0 on. AHEAD is by how many
seconds the clock is ahead.

The application is imported once, by the process that forks the others.
"""

from __future__ import annotations

import importlib
import itertools
import os
import signal
import socket
import sys
import time
from asyncio.selector_events import _SelectorSocketTransport as Transport
from typing import Any

import uvicorn


class Killing:
    """Middleware: kills the process at a step of its second POST."""

    def __init__(self, app: Any, step: int) -> None:
        self._app = app
        self._steps_left = step
        self._posts = 0
        self._is_running = False
        write = Transport.write

        def write_or_die(transport: Any, data: Any) -> None:
            self._take_step()
            write(transport, data)
            self._take_step()

        Transport.write = write_or_die

    def _take_step(self) -> None:
        if self._is_running and self._posts == 2:
            self._steps_left -= 1
            if self._steps_left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        is_post = scope["type"] == "http" and scope["method"] == "POST"
        self._posts += is_post
        self._is_running |= is_post
        await self._app(scope, receive, send)
        self._is_running &= not is_post


def main(descriptor: str, app: str, first: str, ahead: str) -> None:
    now = time.time
    time.time = lambda: now() + int(ahead)
    module, _, name = app.partition(":")
    served = getattr(importlib.import_module(module), name)
    listener = socket.socket(fileno=int(descriptor))
    for step in itertools.count(int(first)):
        process = os.fork()
        if process == 0:
            killing = Killing(served, step)
            config = uvicorn.Config(killing, log_level="warning", loop="asyncio", http="h11")
            uvicorn.Server(config).run(sockets=[listener])
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) != -signal.SIGKILL:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
