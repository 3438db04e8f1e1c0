"""Each adapter beside the endpoint that people write by hand: ``python -m tests.benchmarks http``.

Both stand behind the same server, in one process, and are asked by the same load generator, on
loopback, in rounds that take turns; Lambda functions are served by AWS's own runtime, one event
after the other. What counts is how many requests are answered for a second of the server's CPU
time: that is what a machine with nothing else to do answers in a second, and other work there
changes it little. Exits 1 where the ratio is below the lowest that we accept, by however little.
Names after ``http`` select frameworks.

``python -m tests.benchmarks http --store`` compares FastAPI with a store, of each kind, with the
same endpoint by hand, which remembers nothing. There every delivery is a new message. Two more rows
compare handlers that write to a database, with `store.transaction`, with an endpoint by hand that
has a table of messages; what counts there is how many requests are answered in a second.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from functools import partial
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from statistics import mean, stdev
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from svix.webhooks import Webhook

from tests.adapters.gateway import event_of
from tests.adapters.lambda_runtime import PACKAGE, Function, deployed
from tests.adapters.servers import Command, Server, running
from tests.stores.network import RedisServer
from tests.stores.schemas import POSTGRESQL, postgresql_schema

from . import http_apps, transaction_apps
from .http_apps import BY_HAND, CPU, FOLDER, OURS, REDIS, SECRET
from .load import load
from .sampling import read_share
from .transaction_apps import POSTGRESQL as ENGINE

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY = (Path(__file__).parents[1] / "samples" / "user_created.json").read_bytes()
GUNICORN = ["gunicorn", "--log-level=warning", "--workers=1", "--worker-class=gthread"]
GUNICORN += ["--threads=4", "--keep-alive=60", "--graceful-timeout=1"]
SERVERS = {
    "flask": GUNICORN,
    "django": GUNICORN,
    "wsgi": GUNICORN,
    "lambda": [PACKAGE],
    "fastapi": ["uvicorn-standard"],
    "asgi": ["uvicorn-standard"],
    "django_async": ["uvicorn-standard"],
}
STORES = {"memory": 1.0, "sqlite": 0.55, "redis": 0.55}
"""With a store: the lowest ratio that we accept for each kind."""
TRANSACTIONS = {"transaction_sqlite": 0.7, "transaction_postgresql": 0.7}
"""The same where handlers write to the store's database. There, requests a second count."""
WEBHOOK = Webhook(SECRET)
CONNECTIONS = 4
STARTS = 12
"""How often the server is started: two processes of one program differ by some per cent."""
ROUNDS = 20
SECONDS = 0.06
SETTLING_SECONDS = 0.03
"""What the other side has left in the processor's caches must go."""
WARM_UP_SECONDS = 0.3
SAMPLED_SECONDS = 4.0
AT_LEAST = 1.0


class Side(NamedTuple):
    """What one application has answered so far: requests, in seconds, for CPU seconds."""

    requests: int = 0
    seconds: float = 0.0
    cpu: float = 0.0

    def add(self, requests: int, seconds: float, cpu: float) -> Side:
        return Side(self.requests + requests, self.seconds + seconds, self.cpu + cpu)

    @property
    def per_second(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds

    @property
    def rate(self) -> float:
        """Requests for a second of CPU time."""
        return self.requests / self.cpu


def main(names: list[str], *, with_store: bool) -> int:
    """Compare and print everything, or what the names select."""
    print(
        f"{CONNECTIONS} connections; {STARTS} processes, in each of which both sides took turns, "
        f"{ROUNDS} times {SECONDS} s; the ratio is the mean of theirs, ± two standard errors\n\n"
        f"{'':30}{'requests a second':>18}{'a second of CPU time':>22}\n"
        f"{'':30}{'by hand':>9}{'ours':>9}{'by hand':>11}{'ours':>9}{'ratio':>15}"
        f"{'at least':>10}{'our share':>11}"
    )
    missed = 0
    for name, server, at_least in rows(names, with_store=with_store):
        if server == [PACKAGE] and find_spec(PACKAGE) is None:
            print(f"{name}: {PACKAGE} is not installed; it is for Linux")
            continue
        by_hand, ours = zip(*compare(name, server), strict=True)
        share = profile(name, server)
        measure = attrgetter("per_second" if name in TRANSACTIONS else "rate")
        ratios = [measure(one) / measure(other) for one, other in zip(ours, by_hand, strict=True)]
        ratio, error = mean(ratios), 2 * stdev(ratios) / len(ratios) ** 0.5
        is_missed = ratio < at_least
        missed += is_missed
        print(
            f"{f'{name}, {server[0]}':30}{mean(side.per_second for side in by_hand):>9,.0f}"
            f"{mean(side.per_second for side in ours):>9,.0f}"
            f"{mean(side.rate for side in by_hand):>11,.0f}"
            f"{mean(side.rate for side in ours):>9,.0f}"
            f"{f'{ratio:.3f} ±{error:.3f}':>15}{at_least:>10.2f}{share:>11.0%}"
            f"{'  MISSED' if is_missed else ''}",
            flush=True,
        )
    return 1 if missed else 0


def rows(names: list[str], *, with_store: bool) -> Iterator[tuple[str, list[str], float]]:
    """The name, the server and the lowest ratio of each row."""
    if not with_store:
        for name in names or SERVERS:
            yield name, SERVERS[name], AT_LEAST
        return
    with ExitStack() as stack:
        for name in names or [*STORES, *TRANSACTIONS]:
            if name == "redis":
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                redis = RedisServer(folder, persistent=False)
                redis.start()
                stack.callback(redis.stop)
                os.environ[REDIS] = redis.url
            if name == "transaction_postgresql":
                schema = stack.enter_context(postgresql_schema())
                options = f"?options=-csearch_path%3D{schema}"
                os.environ[ENGINE] = f"postgresql+psycopg://{POSTGRESQL}{options}"
            if name in TRANSACTIONS:
                yield name, GUNICORN, TRANSACTIONS[name]
            else:
                yield f"fastapi_{name}", SERVERS["fastapi"], STORES[name]


class HttpServer:
    """Both applications behind their server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def load(self, path: str, seconds: float) -> tuple[int, float]:
        """How many requests are answered over all connections, and in how many seconds."""
        make = partial(request, path)
        return load(self._server.port, make, connections=CONNECTIONS, seconds=seconds)

    def ask(self, path: str, seconds: float) -> None:
        """Ask for so long, one request after the other."""
        ends = perf_counter() + seconds
        with self._server.connection() as connection:
            while perf_counter() < ends:
                body, headers = signed()
                connection.request("POST", path, body, headers)
                assert connection.getresponse().read() == b'{"outcome":"handled"}'

    def cpu_seconds(self) -> float:
        """The CPU time that the process has used."""
        return float(self._server.ask(CPU, None, {}, "GET").body)


class LambdaFunction:
    """Both functions in AWS's runtime, which gives them one event after the other."""

    def __init__(self, function: Function) -> None:
        self._function = function

    def load(self, path: str, seconds: float) -> tuple[int, float]:
        """How many events are answered, and in how many seconds."""
        event = invocation(path)
        started = perf_counter()
        count = 0
        while (passed := perf_counter() - started) < seconds:
            reply = self._function.invoke(event)
            assert b"200" in reply
            assert b"handled" in reply
            count += 1
        return count, passed

    def ask(self, path: str, seconds: float) -> None:
        """Ask for so long."""
        self.load(path, seconds)

    def cpu_seconds(self) -> float:
        """The CPU time that the process has used."""
        return float(json.loads(self._function.invoke(invocation(CPU)))["body"])


@contextmanager
def serving(name: str, server: list[str], folder: Path) -> Iterator[HttpServer | LambdaFunction]:
    """Both applications of a framework, in a process."""
    if server == [PACKAGE]:
        handler = f"{http_apps.__package__}.functions.handler"
        with deployed(handler, folder / "log", {FOLDER: str(folder)}) as function:
            yield LambdaFunction(function)
    else:
        apps = transaction_apps if name in TRANSACTIONS else http_apps
        command = Command(server, f"{apps.__name__}:{name}")
        with running(command, folder, ready=OURS) as process:
            yield HttpServer(process)


def signed() -> tuple[bytes, dict[str, str]]:
    """A delivery of a user, signed by svix now; a new message each time."""
    message_id = f"msg_{os.urandom(20).hex()}"
    now = datetime.fromtimestamp(int(time.time()), timezone.utc)
    return BODY, {
        "svix-id": message_id,
        "svix-timestamp": str(int(now.timestamp())),
        "svix-signature": WEBHOOK.sign(message_id, now, BODY.decode()),
    }


def request(path: str, delivery: tuple[bytes, dict[str, str]] | None = None) -> bytes:
    """A delivery, by default a new one, as Svix sends it over HTTP."""
    body, headers = delivery or signed()
    fields = {
        "host": "localhost",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "user-agent": "Svix-Webhooks/1.62.0",
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def invocation(path: str) -> bytes:
    """The delivery as an HTTP API of API Gateway passes it on, in the event recorded for tests."""
    body, headers = signed()
    event = event_of("lambda-api_gateway_v2", body, headers.items())
    return json.dumps(event | {"rawPath": path}).encode()


def compare(name: str, server: list[str]) -> Iterator[tuple[Side, Side]]:
    """What each of the two, by hand and ours, has answered in each process."""
    for _ in range(STARTS):
        sides = {BY_HAND: Side(), OURS: Side()}
        with (
            tempfile.TemporaryDirectory() as folder,
            serving(name, server, Path(folder)) as process,
        ):
            for path in sides:
                process.load(path, WARM_UP_SECONDS)
            for number in range(ROUNDS):
                for path in (BY_HAND, OURS) if number % 2 else (OURS, BY_HAND):
                    process.load(path, SETTLING_SECONDS)
                    before = process.cpu_seconds()
                    answered = process.load(path, SECONDS)
                    sides[path] = sides[path].add(*answered, process.cpu_seconds() - before)
        yield sides[BY_HAND], sides[OURS]


def profile(name: str, server: list[str]) -> float:
    """The share of the server's time that our code takes, handler included.

    The code runs in the server's main thread, which gunicorn's sync worker has it do.
    """
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent, "sampled")
        folder.mkdir()
        words = ["gunicorn", "--log-level=warning"] if server is GUNICORN else server
        with serving(name, words, folder) as process:
            process.ask(OURS, SAMPLED_SECONDS)
        return read_share(folder)
