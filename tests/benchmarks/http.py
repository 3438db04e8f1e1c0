"""Each adapter beside the endpoint that people write by hand: ``python -m tests.benchmarks http``.

Both are served by the same server and asked by the same load generator, on loopback, in interleaved
rounds; what counts is the median of the rounds' ratios. Exits 1 where one is below the lowest that
we accept.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from svix.webhooks import Webhook

from tests.adapters.servers import Command, running

from . import http_apps
from .http_apps import PATH, SECRET
from .load import requests_per_second
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
ROUNDS = 31
SECONDS = 0.2
SAMPLED_SECONDS = 4.0
AT_LEAST = 1.0


class Comparison(NamedTuple):
    """Requests per second of both, and the share of our server's time that is our code's."""

    name: str
    by_hand: float
    ours: float
    ratio: float
    share: float


def main() -> int:
    """Compare and print everything."""
    print(f"{CONNECTIONS} connections, medians of {ROUNDS} interleaved rounds of {SECONDS} s\n")
    heads = ("by hand/s", "ours/s", "ratio", "at least", "our share")
    print(f"{'':28}" + "".join(f"{head:>11}" for head in heads))
    missed = 0
    for name, server in SERVERS.items():
        missed += show(compare(name, server))
    return 1 if missed else 0


def show(row: Comparison) -> bool:
    """Print a row; whether it misses what we accept."""
    flag = "  MISSED" if row.ratio < AT_LEAST else ""
    numbers = f"{row.by_hand:>11,.0f}{row.ours:>11,.0f}{row.ratio:>11.2f}{AT_LEAST:>11.2f}"
    print(f"{row.name:28}{numbers}{row.share:>11.0%}{flag}", flush=True)
    return bool(flag)


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


def compare(name: str, server: list[str]) -> Comparison:
    """Both applications of a framework, each behind a server of its own."""
    with ExitStack() as stack:
        ports: dict[str, int] = {}
        folders: dict[str, Path] = {}
        for kind in ("by_hand", "ours"):
            folders[kind] = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            command = Command(server, f"{http_apps.__name__}:{name}_{kind}")
            serving = running(command, folders[kind], ready=PATH)
            ports[kind] = stack.enter_context(serving).port
        rates: dict[str, list[float]] = {kind: [] for kind in ports}
        for round_ in range(ROUNDS + 1):
            for kind, port in ports.items():
                rate = requests_per_second(
                    port, request(), connections=CONNECTIONS, seconds=SECONDS
                )
                if round_:  # The first round warms up.
                    rates[kind].append(rate)
        pairs = zip(rates["ours"], rates["by_hand"], strict=True)
        return Comparison(
            f"{name}, {server[0]}",
            statistics.median(rates["by_hand"]),
            statistics.median(rates["ours"]),
            statistics.median(ours / by_hand for ours, by_hand in pairs),
            profile(name, server),
        )


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
