"""Web processes and workers: ``python -m tests.chaos.queue.servers SETTINGS``.

It works as ``tests.chaos.server`` does. An order ends a web process (``s``), a worker (``w``), or
about half of the connections to the database (``c``). A worker that dies by itself is replaced.
"""

import json
import os
import random
import select
import signal
import socket
import sys
import time
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from clerk_hooks import AbortDelivery, Delivery, Endpoint, Processor, RetryPolicy, Router, Worker
from clerk_hooks.events import UnknownEvent

from ..journal import Journal
from ..places import Place
from ..plan import SECRET
from ..server import Confirming, FlakyError, Handlers, Herd, begin, load, serve_endpoint

WEB, WORKER, CONNECTIONS = b"s", b"w", b"c"


def serve(listening: socket.socket, place: Place, journal: Journal, ready: int) -> None:
    """One web process, until it is killed."""
    begin()
    endpoint = Endpoint(handoff=place.open_inbox(place.open()), secret=SECRET)
    serve_endpoint(listening, place, endpoint, ready)


def work(place: Place, settings: dict[str, Any], journal: Journal, ready: int) -> None:
    """One worker, until it is killed."""
    begin()
    store = place.open(settings["connections"])
    router = Handlers(place, store, journal, settings["flaky"]).router()
    router.include(faults(journal, Path(settings["mended"])))
    confirming = store if place.is_transactional else Confirming(store, journal)
    lease = timedelta(seconds=settings["lease"])
    worker = Worker(
        Processor(router, store=confirming, lease=lease),
        place.open_inbox(store),
        slots=settings["slots"],
        policy=RetryPolicy(
            settings["attempts"], timedelta(seconds=0.2), longest=timedelta(seconds=2)
        ),
        lease=lease,
    )
    place.prepare(worker)
    os.write(ready, b".")
    worker.run()


def faults(journal: Journal, mended: Path) -> Router:
    """The handlers that never end well until there is a file at `mended`."""
    router = Router()

    def begins(delivery: Delivery, handler: str) -> bool:
        journal.write("begin", delivery.message_id, handler)
        return not mended.exists()

    @router.on_unknown("chaos.kills", name="kills")
    def kills(event: UnknownEvent, delivery: Delivery) -> None:
        if begins(delivery, "kills"):
            os.kill(os.getpid(), signal.SIGKILL)

    @router.on_unknown("chaos.raises", name="raises")
    def raises(event: UnknownEvent, delivery: Delivery) -> None:
        if begins(delivery, "raises"):
            raise FlakyError

    @router.on_unknown("chaos.aborts", name="aborts")
    def aborts(event: UnknownEvent, delivery: Delivery) -> None:
        if begins(delivery, "aborts"):
            raise AbortDelivery("nobody wants it")

    return router


def main(settings: dict[str, Any]) -> None:
    """Fork all processes, and do what is ordered."""
    listening = socket.socket(fileno=settings["socket"])
    listening.setblocking(False)  # Of several processes that see a connection, one gets it.
    place = Place(**settings["place"])
    load(place)
    path, numbers = Path(settings["journal"]), count(1)
    herds = {
        WEB: Herd(partial(serve, listening, place), path, numbers),
        WORKER: Herd(partial(work, place, settings), path, numbers),
    }
    connections = Journal(path, 0)
    try:
        for kind, number in ((WEB, settings["webs"]), (WORKER, settings["workers"])):
            for _ in range(number):
                herds[kind].fork()
        print("serving", flush=True)
        while True:
            herds[WORKER].replace()
            if not select.select([sys.stdin], [], [], 0.02)[0]:
                continue
            if not (order := os.read(sys.stdin.fileno(), 1)):
                break
            time.sleep(random.uniform(0, 0.01))  # So that it is in the midst of anything.
            if order == CONNECTIONS:
                connections.write("ended", str(place.end_connections()))
            else:
                herds[order].kill()
                herds[order].fork()
    finally:
        for herd in herds.values():
            herd.end()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
