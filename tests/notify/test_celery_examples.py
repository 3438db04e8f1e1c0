"""The programs of docs/examples with Celery: the commands that they name, and a delivery."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("celery")

import clerk_hooks
from clerk_hooks import sign

from .. import forking
from ..stores.network import RedisServer
from .workers import celery_worker, rabbitmq, until

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
USER = {
    "id": "user_1",
    "primary_email_address_id": "idn_1",
    "email_addresses": [{"id": "idn_1", "email_address": "ada@example.com"}],
}
PAYLOAD = json.dumps({"type": "user.created", "data": USER}).encode()

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the servers are given an open socket")


class Example:
    """A copy of a folder of docs/examples, with an environment of its own."""

    def __init__(self, name: str, folder: Path, **variables: str) -> None:
        self.folder = folder / name
        shutil.copytree(EXAMPLES / name, self.folder, ignore=shutil.ignore_patterns("__pycache__"))
        self.variables = {
            "CLERK_WEBHOOK_SIGNING_SECRET": SECRET,
            "PYTHONPATH": str(Path(clerk_hooks.__file__).parents[1]),
            "PYTHONUNBUFFERED": "1",
            **variables,
        }

    def command(self, name: str, program: str) -> list[str]:
        """The command of `program` that the file `name` names."""
        text = (self.folder / name).read_text("utf-8")
        found = re.search(rf"``({program} [^`]+)``", text)
        assert found is not None
        return shlex.split(found[1])

    @contextmanager
    def serving(self, name: str, program: str) -> Iterator[HTTPConnection]:
        """The web process."""
        listener = socket.create_server(("127.0.0.1", 0))
        descriptor = str(listener.fileno())
        bind = ["--bind", f"fd://{descriptor}"] if program == "gunicorn" else ["--fd", descriptor]
        (self.folder / "gunicorn.conf.py").write_text("control_socket_disable = True\n")
        with (self.folder / "web.log").open("wb") as output:
            process = forking.start(
                ["-m", *self.command(name, program), *bind],
                cwd=self.folder,
                env={**os.environ, **self.variables},
                pass_fds=[listener.fileno()],
                stdout=output,
                stderr=output,
            )
        port = listener.getsockname()[1]
        listener.close()
        with closing(HTTPConnection("localhost", port, timeout=30)) as connection:
            try:
                yield connection
            finally:
                process.terminate()
                process.wait(30)

    def check(self, connection: HTTPConnection, name: str, *options: str) -> None:
        """A delivery to the web process is run by the worker that the file `name` names."""
        _, _, app, _ = self.command(name, "celery -A")
        with celery_worker(app, *options, folder=self.folder, **self.variables) as worker:
            connection.request("POST", "/webhooks/clerk", PAYLOAD, sign(PAYLOAD, secret=SECRET))
            reply = connection.getresponse()
            found = reply.status, reply.read()
            assert found == (202, b'{"outcome":"queued"}'), (self.folder / "web.log").read_text()
            until(lambda: "welcome ada@example.com" in worker.log.read_text(), worker)
            assert "welcome" not in (self.folder / "web.log").read_text()


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    pytest.importorskip("redis", minversion="6.1")  # Of which kombu knows how to use it.
    server = RedisServer(tmp_path, persistent=False)
    server.start()
    yield server.url
    server.stop()


def test_the_example_for_fastapi(tmp_path: Path, redis_url: str) -> None:
    for module in ("fastapi", "sqlalchemy"):
        pytest.importorskip(module)
    example = Example("celery_fastapi", tmp_path, CELERY_BROKER_URL=redis_url)
    with example.serving("main.py", "uvicorn") as connection:
        example.check(connection, "celery_app.py", "-c", "1")


def test_the_example_for_django(tmp_path: Path) -> None:
    pytest.importorskip("django")
    with rabbitmq() as settings:
        example = Example("celery_django", tmp_path, DJANGO_SETTINGS_MODULE="site_settings")
        named: dict[str, Any] = {f"CELERY_{name.upper()}": settings[name] for name in settings}
        named["DATABASES"] = {
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "db")}
        }
        lines = [f"{name} = {value!r}" for name, value in named.items()]
        text = "\n".join(["from shop.settings import *", *lines])
        (example.folder / "site_settings.py").write_text(text)
        done = forking.run(
            ["-m", "django", "migrate", "--verbosity=0"],
            cwd=example.folder,
            env={**os.environ, **example.variables},
        )
        assert done.returncode == 0, done.stderr
        with example.serving("shop/wsgi.py", "gunicorn") as connection:
            example.check(connection, "shop/celery.py", "-c", "1")
