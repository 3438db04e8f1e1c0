"""Each adapter beside the endpoint that people write by hand: ``python -m tests.benchmarks http``.

Both are served by the same server and asked by the same load generator, on loopback, in interleaved
rounds. What counts is how many requests are answered for a second of the server's CPU time: that is
what a machine with nothing else to do answers in a second, and other work there changes it little.
Exits 1 where the ratio is below the lowest that we accept. Names after ``http`` select frameworks.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from svix.webhooks import Webhook

from tests.adapters.servers import Command, Server, running

from . import http_apps
from .http_apps import CPU_PATH, PATH, SECRET
from .load import load
from .sampling import read_share

SAMPLE = Path(__file__).parents[1] / "samples" / "user_created.json"
GUNICORN = ["gunicorn", "--log-level=warning", "--workers=1", "--worker-class=gthread"]
GUNICORN += ["--threads=4", "--keep-alive=60", "--graceful-timeout=1"]
SERVERS = {
    "flask": GUNICORN,
    "django": GUNICORN,
    "wsgi": GUNICORN,
    "lambda": GUNICORN,  # Behind a gateway of our own, the same for both.
    "fastapi": ["uvicorn-standard"],
    "asgi": ["uvicorn-standard"],
    "django_async": ["uvicorn-standard"],
}
CONNECTIONS = 4
STARTS = 8
"""How often both servers are started: two processes of one program differ by some per cent."""
ROUNDS = 5
SECONDS = 0.2
SAMPLED_SECONDS = 4.0
AT_LEAST = 1.0


class Side(NamedTuple):
    """What one application has answered so far: requests, in seconds, for CPU seconds."""

    requests: int = 0
    seconds: float = 0.0
    cpu: float = 0.0

    def add(self, requests: int, seconds: float, cpu: float) -> Side:
        return Side(self.requests + requests, self.seconds + seconds, self.cpu + cpu)


def main() -> int:
    """Compare and print everything."""
    print(
        f"{CONNECTIONS} connections; both servers started {STARTS} times, and asked in {ROUNDS} "
        f"interleaved rounds of {SECONDS} s\n\n"
        f"{'':32}{'requests a second':>22}{'a second of CPU time':>24}\n"
        f"{'':32}{'by hand':>11}{'ours':>11}{'by hand':>13}{'ours':>11}{'ratio':>8}"
        f"{'at least':>10}{'our share':>11}"
    )
    missed = 0
    for name in sys.argv[2:] or SERVERS:
        server = SERVERS[name]
        by_hand, ours = compare(name, server)
        share = profile(name, server)
        rates = by_hand.requests / by_hand.cpu, ours.requests / ours.cpu
        ratio = rates[1] / rates[0]
        missed += ratio < AT_LEAST
        print(
            f"{f'{name}, {server[0]}':32}{by_hand.requests / by_hand.seconds:>11,.0f}"
            f"{ours.requests / ours.seconds:>11,.0f}{rates[0]:>13,.0f}{rates[1]:>11,.0f}"
            f"{ratio:>8.2f}{AT_LEAST:>10.2f}{share:>11.0%}{'  MISSED' if ratio < AT_LEAST else ''}",
            flush=True,
        )
    return 1 if missed else 0


def signed() -> tuple[bytes, dict[str, str]]:
    """A delivery of a user, signed by svix now."""
    body = SAMPLE.read_bytes()
    now = datetime.fromtimestamp(int(time.time()), timezone.utc)
    return body, {
        "svix-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "svix-timestamp": str(int(now.timestamp())),
        "svix-signature": Webhook(SECRET).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", now, body.decode()),
    }


def request() -> bytes:
    """The delivery as Svix sends it over HTTP."""
    body, headers = signed()
    fields = {
        "host": "localhost",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "user-agent": "Svix-Webhooks/1.62.0",
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {PATH} HTTP/1.1\r\n{lines}\r\n".encode() + body


def compare(name: str, server: list[str]) -> tuple[Side, Side]:
    """Both applications of a framework, each behind servers of its own."""
    sides = dict.fromkeys(("by_hand", "ours"), Side())
    for _ in range(STARTS):
        with ExitStack() as stack:
            servers: dict[str, Server] = {}
            for kind in sides:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                command = Command(server, f"{http_apps.__name__}:{name}_{kind}")
                servers[kind] = stack.enter_context(running(command, folder, ready=PATH))
            for round_ in range(ROUNDS + 1):
                for kind, each in servers.items():
                    before = cpu_seconds(each)
                    answered = load(each.port, request(), connections=CONNECTIONS, seconds=SECONDS)
                    if round_:  # The first round warms up.
                        sides[kind] = sides[kind].add(*answered, cpu_seconds(each) - before)
    return sides["by_hand"], sides["ours"]


def cpu_seconds(server: Server) -> float:
    """The CPU time that the server's process has used."""
    return float(server.ask(CPU_PATH, None, {}, "GET").body)


def profile(name: str, server: list[str]) -> float:
    """The share of the server's time that our code takes, handler included.

    The code runs in the server's main thread, which gunicorn's sync worker has it do.
    """
    body, headers = signed()
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent, "sampled")
        folder.mkdir()
        words = ["gunicorn", "--log-level=warning"] if server is GUNICORN else server
        command = Command(words, f"{http_apps.__name__}:{name}_ours")
        with running(command, folder, ready=PATH) as serving, serving.connection() as connection:
            ends = perf_counter() + SAMPLED_SECONDS
            while perf_counter() < ends:
                connection.request("POST", PATH, body, headers)
                assert connection.getresponse().read() == b'{"outcome":"handled"}'
        return read_share(folder)
