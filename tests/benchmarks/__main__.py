"""Measure how fast clerk_hooks is: ``python -m tests.benchmarks --help``.

Every row is a ratio of two medians from one run, beside the highest ratio that we accept. Exits 1
where a row is above it. Without arguments: deliveries beside svix and pydantic.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

from svix.webhooks import Webhook

from clerk_hooks import Delivery, Endpoint, Observer, Router, Verifier, verify
from clerk_hooks.events import UserCreated

from . import readings
from .table import Row, print_table
from .timing import fresh_interpreters, seconds_per_call

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SAMPLE = Path(__file__).parents[1] / "samples" / "user_created.json"

FIRST_EVENT = """
import sys
from clerk_hooks import verify
from clerk_hooks.events import UserCreated
body, secret, id, timestamp, signature = sys.argv[1:]
headers = {"svix-id": id, "svix-timestamp": timestamp, "svix-signature": signature}
assert isinstance(verify(body, headers, secret=secret).event, UserCreated)
"""


def main() -> int:
    """Measure and print what the arguments ask for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Without KIND: deliveries beside svix and pydantic. Exits 1 where anything is "
        "slower than accepted.",
    )
    kinds = parser.add_subparsers(dest="kind", metavar="KIND")
    for kind, about in {
        "http": "whole requests, in each framework, beside an endpoint by hand",
        "queue": "an inbox and its worker, beside Celery's `delay` by hand",
        "readings": "the first and the second reading of a payload alone",
        "stores": "the idempotency stores",
    }.items():
        kinds.add_parser(kind, help=about, description=about)
    http_options = kinds.choices["http"]
    http_options.add_argument("names", nargs="*", metavar="NAME", help="only these")
    http_options.add_argument(
        "--store", action="store_true", help="FastAPI with each kind of store instead"
    )
    options = parser.parse_args()
    if options.kind == "http":
        from . import http

        known = http.STORES if options.store else http.SERVERS
        if unknown := {*options.names} - known.keys():
            http_options.error(f"not among {', '.join(known)}: {', '.join(sorted(unknown))}")
        return http.main(options.names, with_store=options.store)
    if options.kind == "stores":
        from . import stores

        return print_table(stores.rows())
    if options.kind == "queue":
        from . import queue

        return print_table(queue.rows())
    if options.kind == "readings":
        return print_table(readings.rows())
    print(f"svix {version('svix')}, pydantic {version('pydantic')}")
    return print_table(chain(deliveries(), readings.rows(), sizes(), interpreters()))


def signed(body: bytes) -> dict[str, str]:
    """The headers of a delivery of `body`, signed by svix now."""
    now = datetime.fromtimestamp(int(time.time()), timezone.utc)
    return {
        "svix-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "svix-timestamp": str(int(now.timestamp())),
        "svix-signature": Webhook(SECRET).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", now, body.decode()),
    }


def deliveries() -> Iterator[Row]:
    """The life of one user.created, from the signature to its handler."""
    body = SAMPLE.read_bytes()
    headers = signed(body)
    webhook, verifier = Webhook(SECRET), Verifier(SECRET)

    def svix_loads() -> object:
        webhook.verify(body, headers)
        return json.loads(body)

    def svix_validate() -> object:
        webhook.verify(body, headers)
        return UserCreated.model_validate(json.loads(body))

    def ignore(event: object) -> None: ...

    async def await_nothing(event: object) -> None: ...

    def loop_per_delivery() -> object:
        event = verifier.verify(body, headers).event
        return asyncio.run(await_nothing(event))

    nobody, one, crowd, awaited = Router(), Router(), Router(), Router()
    awaited.on("user.created")(await_nothing)
    nobody.on("session.created")(ignore)
    for router in (one, crowd):
        router.on("user.created")(ignore)
    for _ in range(10_000):
        crowd.on("session.created")(lambda event: None)
    calls: dict[str, Callable[[], object]] = {
        "svix": lambda: webhook.verify(body, headers),
        "svix, loads": svix_loads,
        "svix, loads, validate": svix_validate,
        "Verifier": lambda: verifier.verify(body, headers),
        "verify": lambda: verify(body, headers, secret=SECRET),
        "event": lambda: verifier.verify(body, headers).event,
        "nobody": receive(nobody, body, headers),
        "one": receive(one, body, headers),
        "crowd": receive(crowd, body, headers),
        "observed": receive(one, body, headers, observers=[Observer()]),
        "awaited": receive(awaited, body, headers),
        "asyncio.run": loop_per_delivery,
    }
    t = seconds_per_call(calls, slice_seconds=0.02)
    size = f"{len(body)} B"
    yield Row(f"Verifier.verify / svix verify ({size})", t["Verifier"] / t["svix"], 0.6)
    yield Row("verify(...), the one-liner / svix verify", t["verify"] / t["svix"], 0.6)
    yield Row("verify, typed event / svix verify + json.loads", t["event"] / t["svix, loads"], 1.0)
    yield Row(
        "verify, typed event / svix verify + json.loads + the same model",
        t["event"] / t["svix, loads, validate"],
        0.65,
    )
    yield Row(
        "receive, nobody listens / svix verify + json.loads", t["nobody"] / t["svix, loads"], 0.6
    )
    yield Row(
        "receive, one sync handler - verify, typed event", 1e6 * (t["one"] - t["event"]), 5, "us"
    )
    yield Row("receive with 10,000 handlers of other types / without", t["crowd"] / t["one"], 1.05)
    yield Row(
        "receive, one sync handler, with an observer - without",
        1e6 * (t["observed"] - t["one"]),
        5,
        "us",
    )
    yield Row(
        "receive, one async handler / verify, typed event, asyncio.run",
        t["awaited"] / t["asyncio.run"],
        1.75,
    )


def receive(
    router: Router, body: bytes, headers: dict[str, str], **options: Any
) -> Callable[[], object]:
    """One call of `Endpoint.receive`, checked once."""
    endpoint = Endpoint(router, secret=SECRET, **options)
    assert endpoint.receive(body, headers).status == 200
    return lambda: endpoint.receive(body, headers)


def sizes() -> Iterator[Row]:
    """Verification of larger bodies: emails, and users with much metadata."""
    webhook, verifier = Webhook(SECRET), Verifier(SECRET)
    for size in (1_500, 10_000, 100_000, 1_000_000):
        for kind, filling in (("ASCII", "x"), ("other", "é")):
            body = json.dumps({"type": "x", "data": filling * size}, ensure_ascii=False)
            payload = body.encode()[: size - 2].decode(errors="ignore").encode() + b'"}'
            headers = signed(payload)

            def theirs(body: bytes = payload, headers: dict[str, str] = headers) -> None:
                webhook.verify(body, headers)

            def ours(body: bytes = payload, headers: dict[str, str] = headers) -> Delivery:
                return verifier.verify(body, headers)

            t = seconds_per_call({"theirs": theirs, "ours": ours})
            name = f"Verifier.verify / svix verify, body of {size:,} B, {kind} text"
            yield Row(name, t["ours"] / t["theirs"], 0.6 if size == 1_000_000 else 1.0)


def interpreters() -> Iterator[Row]:
    """What a cold start costs, in time and memory."""
    body = SAMPLE.read_bytes()
    headers = signed(body)
    arguments = [body.decode(), SECRET, *headers.values()]
    measured = fresh_interpreters(
        {
            "svix": ["-c", "import svix.webhooks"],
            "pydantic": ["-c", "from pydantic import BaseModel"],
            "clerk_hooks": ["-c", "import clerk_hooks"],
            "event": ["-c", FIRST_EVENT, *arguments],
        }
    )
    (svix, svix_memory), (event, event_memory) = measured["svix"], measured["event"]
    yield Row(
        "import clerk_hooks / import svix.webhooks (new interpreters)",
        measured["clerk_hooks"][0] / svix,
        0.2,
    )
    yield Row("new interpreter to first typed event / import svix.webhooks", event / svix, 0.5)
    yield Row(
        "import clerk_hooks / from pydantic import BaseModel (new interpreters)",
        measured["clerk_hooks"][0] / measured["pydantic"][0],
        0.6,
    )
    yield Row(
        "peak memory, first typed event / import svix.webhooks", event_memory / svix_memory, 0.7
    )


if __name__ == "__main__":
    sys.exit(main())
