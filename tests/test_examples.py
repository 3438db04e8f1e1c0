"""The programs of docs/examples: each is served as it says, and gets a delivery."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

import clerk_hooks
from clerk_hooks import sign

from . import forking

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SERVED = ["flask_app", "fastapi_app", "asgi_app", "django_app", "wsgi_app"]
FRAMEWORKS = {"flask_app": "flask", "fastapi_app": "fastapi", "asgi_app": "starlette"}
FRAMEWORKS |= {"django_app": "django"}
USER = {
    "id": "user_1",
    "primary_email_address_id": "idn_1",
    "email_addresses": [{"id": "idn_1", "email_address": "ada@example.com"}],
}
PAYLOAD = json.dumps({"type": "user.created", "data": USER}).encode()


def test_every_example_is_tested() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    assert names == {*SERVED, "aws_lambda_app"}


@contextmanager
def serving(name: str, folder: Path) -> Iterator[HTTPConnection]:
    """The example behind the server that it names itself."""
    command = re.search(r"``(gunicorn|uvicorn) (\w+:app)``", (EXAMPLES / f"{name}.py").read_text())
    assert command is not None
    server, app = command.groups()
    paths = [str(EXAMPLES), str(Path(clerk_hooks.__file__).parents[1])]
    environment = {
        **os.environ,
        "CLERK_WEBHOOK_SIGNING_SECRET": SECRET,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
    }
    listener = socket.create_server(("127.0.0.1", 0))
    (folder / "gunicorn.conf.py").write_text("control_socket_disable = True\n")
    descriptor = str(listener.fileno())
    bind = ["--bind", f"fd://{descriptor}"] if server == "gunicorn" else ["--fd", descriptor]
    with (folder / "output").open("wb") as output:
        process = forking.start(
            ["-m", server, app, *bind],
            is_new=name == "wsgi_app",
            cwd=folder,
            env=environment,
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


@pytest.mark.skipif(os.name == "nt", reason="the servers are given an open socket")
@pytest.mark.parametrize("name", SERVED)
def test_an_example_is_served_and_gets_a_delivery(name: str, tmp_path: Path) -> None:
    if name in FRAMEWORKS:
        pytest.importorskip(FRAMEWORKS[name])
    with serving(name, tmp_path) as connection:
        connection.request("POST", "/webhooks/clerk", PAYLOAD, sign(PAYLOAD, secret=SECRET))
        reply = connection.getresponse()
        assert (reply.status, reply.read()) == (200, b'{"outcome":"handled"}')
        connection.request("POST", "/webhooks/clerk", PAYLOAD)
        assert connection.getresponse().status == 400
    assert "welcome ada@example.com" in (tmp_path / "output").read_text()


def test_the_lambda_example_gets_a_delivery(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLERK_WEBHOOK_SIGNING_SECRET", SECRET)
    handler = load("aws_lambda_app").handler
    event = {
        "requestContext": {"http": {"method": "POST"}},
        "headers": sign(PAYLOAD, secret=SECRET),
        "body": PAYLOAD.decode(),
        "isBase64Encoded": False,
    }
    assert handler(event, None)["statusCode"] == 200
    assert capsys.readouterr().out == "welcome ada@example.com\n"


def load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
