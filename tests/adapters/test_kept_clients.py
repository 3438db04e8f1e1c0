"""Async clients that a module keeps work at every delivery behind every synchronous server."""

from __future__ import annotations

import json
import os
import sys
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ..stores.backends import REDIS
from ..stores.schemas import POSTGRESQL, lacks
from .application import payload, signed
from .apps import kept_app
from .conftest import require
from .gateway import EVENTS, event_of
from .lambda_runtime import PACKAGE, deployed
from .servers import GTHREAD, GUNICORN, Command, running

DELIVERIES = 300
APP = f"{kept_app.__name__}:build"
KINDS = {
    "gunicorn-sync": (Command(GUNICORN, f"{APP}_wsgi"), 1),
    "gunicorn-gthread": (Command([*GUNICORN, "-kgthread", "--threads=4"], f"{APP}_wsgi"), 16),
    "gunicorn-forked": (Command([*GUNICORN, "--preload"], f"{APP}_forked"), 4),
    "wsgiref": (Command(["wsgiref"], f"{APP}_wsgi"), 4),  # A new thread for each request.
    "flask": (Command(GTHREAD, f"{APP}_flask"), 4),
    "django": (Command(GTHREAD, f"{APP}_django"), 4),
}


class Service(BaseHTTPRequestHandler):
    """Answers, and keeps connections open, as real services do."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Asks how many deliveries were handled; the services are there meanwhile."""
    import redis
    import sqlalchemy

    cache = redis.Redis.from_url(REDIS)
    name = f"kept-{uuid.uuid4().hex}"
    try:
        cache.ping()
        engine = sqlalchemy.create_engine(f"postgresql+psycopg://{POSTGRESQL}")
        with engine.connect():
            pass
        engine.dispose()
    except (redis.RedisError, sqlalchemy.exc.OperationalError) as error:
        lacks(f"PostgreSQL or Redis does not answer: {error}")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv(kept_app.HTTP, f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv(kept_app.POSTGRESQL, f"postgresql://{POSTGRESQL}")
    monkeypatch.setenv(kept_app.REDIS, REDIS)
    monkeypatch.setenv(kept_app.COUNTER, name)
    yield lambda: int(cache.get(name) or 0)  # type: ignore[arg-type]
    cache.delete(name)
    cache.close()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("kind", KINDS)
def test_behind_a_server(kind: str, counter: Any, tmp_path: Path) -> None:
    command, connections = KINDS[kind]
    for package in {command.server[0], "flask", "django"} - {"wsgiref"}:
        require(package)
    body = payload("user.created")

    with running(command, tmp_path, kind=kind) as server:

        def deliver(number: int) -> int:
            return server.ask("/own", *signed(body)).status

        with ThreadPoolExecutor(connections) as pool:
            statuses = [*pool.map(deliver, range(DELIVERIES))]
        assert statuses == [200] * DELIVERIES, server.log.read_text()
    assert counter() == DELIVERIES


@pytest.mark.skipif(sys.platform != "linux", reason="AWS's runtime is for Linux")
def test_on_aws_lambda(counter: Any, tmp_path: Path) -> None:
    require(PACKAGE)
    body = payload("user.created")
    log = tmp_path / "log"
    with deployed(f"{kept_app.__name__}.function", log, os.environ) as function:
        for _ in range(DELIVERIES):
            request = event_of(next(iter(EVENTS)), body, signed(body)[1].items())
            reply = json.loads(function.invoke(json.dumps(request).encode()))
            assert reply["statusCode"] == 200, log.read_text()
    assert counter() == DELIVERIES
