"""The servers: ``python -m tests.chaos.server SETTINGS``, with a listening socket inherited.

This process accepts nothing itself: it forks the server processes, which share the socket. For each
byte of its standard input it kills one of them with SIGKILL, and forks another in its place. It
prints a line once all of them serve, and ends, and they with it, when its standard input does.
"""

import json
import logging
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from clerk_hooks import Delivery, Endpoint, Router, StoreUnavailable, parse_event
from clerk_hooks.adapters.wsgi import wsgi_app
from clerk_hooks.delivery import claim_of
from clerk_hooks.events import UserCreated, UserDeleted, UserEvent, UserUpdated

from .journal import Journal
from .places import Place
from .plan import SECRET


class Handlers:
    """The handlers: each does its work, which takes a while, and sometimes fails."""

    def __init__(self, place: Place, store: Any, journal: Journal, flaky: float = 0.05) -> None:
        self._place = place
        self._store = store
        self._journal = journal
        self._flaky = flaky

    def router(self) -> Router:
        router = Router()

        @router.on("user.created", "user.updated", "user.deleted", name="mirror", drop_stale=True)
        def mirror(event: UserCreated | UserUpdated | UserDeleted, delivery: Delivery) -> None:
            self._work("mirror", event, delivery)

        @router.on("user.*", name="audit")
        def audit(event: UserEvent, delivery: Delivery) -> None:
            self._work("audit", event, delivery)

        @router.on("user.created", name="welcome")
        def welcome(event: UserCreated, delivery: Delivery) -> None:
            self._work("welcome", event, delivery)

        return router

    def _work(self, handler: str, event: UserEvent, delivery: Delivery) -> None:
        running = claim_of(delivery)
        assert running is not None
        assert event.timestamp is not None
        effect = {
            "message": delivery.message_id,
            "handler": handler,
            "token": running.token,
            "object": event.data.id,
            "time": round(1000 * event.timestamp.timestamp()),
        }
        self._journal.write("begin", *effect.values())
        time.sleep(random.uniform(0, 0.004))
        if random.random() < 0.01:
            time.sleep(1)  # Longer than the sender waits.
        if random.random() < self._flaky:
            raise FlakyError
        if not self._place.is_transactional:
            self._journal.write("effect", *effect.values())
        else:
            at = {"at": time.monotonic_ns(), "worker": self._journal.worker}
            with self._place.transaction(self._store, delivery, {**at, **effect}):
                time.sleep(random.uniform(0, 0.004))
                if random.random() < self._flaky:
                    raise FlakyError  # What it has written must go.
            claim = delivery.message_id, handler, running.token
            self._journal.write("confirmed", *claim)
        time.sleep(random.uniform(0, 0.004))


class FlakyError(Exception):
    """How the handlers fail."""


class Confirming:
    """A store that writes into the journal what it has confirmed."""

    def __init__(self, store: Any, journal: Journal) -> None:
        self._store = store
        self._journal = journal

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def confirm(self, message_id: str, handler: str, token: str, mark: Any = None) -> bool:
        try:
            confirmed: bool = self._store.confirm(message_id, handler, token, mark)
        except StoreUnavailable:
            self._journal.write("unconfirmed", message_id, handler, token)
            raise
        if confirmed:
            self._journal.write("confirmed", message_id, handler, token)
        return confirmed


class Server(ThreadingMixIn, WSGIServer):
    """One thread per request."""

    daemon_threads = True
    place: Place

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        super().process_request_thread(request, client_address)
        self.place.end_thread()

    def handle_error(self, request: object, client_address: object) -> None:
        """A sender that has not waited is nothing to speak of."""


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


def serve(
    listening: socket.socket, place: Place, lease: timedelta, journal: Journal, ready: int
) -> None:
    """One server process, until it is killed; what is written to `ready` says that it serves."""
    begin()
    store = place.open()
    handlers = Handlers(place, store, journal)
    confirming = store if place.is_transactional else Confirming(store, journal)
    endpoint = Endpoint(handlers.router(), secret=SECRET, store=confirming, lease=lease)
    serve_endpoint(listening, place, endpoint, ready)


def begin() -> None:
    """What each process needs first: no log, and numbers of its own."""
    for name in ("clerk_hooks", "sqlalchemy"):
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False
    random.seed()


def serve_endpoint(listening: socket.socket, place: Place, endpoint: Endpoint, ready: int) -> None:
    """Serve an endpoint until the process is killed."""
    server = Server(listening.getsockname(), Quiet, bind_and_activate=False)
    server.socket = listening
    server.place = place
    server.server_name, server.server_port = "127.0.0.1", listening.getsockname()[1]
    server.setup_environ()
    server.set_app(wsgi_app(endpoint))
    os.write(ready, b".")
    server.serve_forever(0.05)


class Herd:
    """Processes that are all alike, until they are killed.

    `serve` is what each does, given its journal and what it writes to once it has begun. The
    journals are in the file at `path`, and have the next of `numbers`.
    """

    def __init__(
        self, serve: Callable[[Journal, int], None], path: Path, numbers: Iterator[int]
    ) -> None:
        self._serve = serve
        self._path = path
        self._numbers = numbers
        self._running: dict[int, Journal] = {}

    def fork(self) -> None:
        """Fork one, and wait until it serves: however slow the machine is, most of them do."""
        is_ready, ready = os.pipe()
        journal = Journal(self._path, next(self._numbers))
        pid = os.fork()
        if pid == 0:
            try:
                signal.signal(signal.SIGINT, signal.SIG_IGN)  # For who has forked it to answer.
                self._serve(journal, ready)
            finally:
                os._exit(1)
        os.close(ready)
        os.read(is_ready, 1)
        os.close(is_ready)
        self._running[pid] = journal

    def kill(self) -> None:
        """Kill one, and write down that it is dead, once it is."""
        pid = random.choice(list(self._running))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self._running.pop(pid).write("killed")

    def replace(self) -> None:
        """Fork another for each that has died by itself, which is written down as well."""
        for pid in list(self._running):
            if os.waitpid(pid, os.WNOHANG)[0]:
                self._running.pop(pid).write("killed")
                self.fork()

    def end(self) -> None:
        while self._running:
            self.kill()


def load(place: Place) -> None:
    """Import and build here what would take each new process longer than it may live."""
    place.open()  # Which connects to nothing.
    for event_type in ("user.created", "user.updated", "user.deleted"):
        parse_event({"type": event_type, "data": {"id": "user_1"}})


def main(settings: dict[str, Any]) -> None:
    listening = socket.socket(fileno=settings["socket"])
    listening.setblocking(False)  # Of several processes that see a connection, one gets it.
    place = Place(**settings["place"])
    load(place)
    lease = timedelta(seconds=settings["lease"])
    herd = Herd(partial(serve, listening, place, lease), Path(settings["journal"]), count(1))
    try:
        for _ in range(settings["processes"]):
            herd.fork()
        print("serving", flush=True)
        while os.read(sys.stdin.fileno(), 1):
            time.sleep(random.uniform(0, 0.01))  # So that it is in the midst of anything.
            herd.kill()
            herd.fork()
    finally:
        herd.end()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
