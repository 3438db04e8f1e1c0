"""The recipe with a session of FastAPI's, while its server is killed at every step."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

from clerk_hooks import sign

from .. import forking
from .pages import ROOT, SECRET
from .recipe import TIMEOUT, Recipe, database, environment, run, serving, user

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the servers are given an open socket")

NAME = "exactly_once_fastapi"
LEASE = 60  # Seconds, as the endpoint has it by default.


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Those of the recipe, with a database that has its tables."""
    for module in ("psycopg", "asyncpg", "sqlalchemy", "fastapi", "uvicorn"):
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    with database() as url:
        settings = {"DATABASE_URL": url.replace("postgresql://", "postgresql+asyncpg://")}
        run(NAME, tmp_path_factory.mktemp("recipe"), settings)
        yield settings


def credits_of(settings: dict[str, str]) -> dict[str, int]:
    """How often each user was given credits."""
    import psycopg

    with psycopg.connect(settings["DATABASE_URL"].replace("+asyncpg", "")) as connection:
        rows = connection.execute("SELECT user_id, count(*) FROM credits GROUP BY user_id")
        return dict(rows.fetchall())


def test_the_routes_and_the_handlers_have_the_same_kind_of_session(
    settings: dict[str, str], tmp_path: Path
) -> None:
    with serving(NAME, tmp_path, settings) as recipe:
        for outcome in ("handled", "duplicate"):
            reply = recipe.deliver("user.created", user("ada"), message_id="msg_ada")
            assert (reply.status, reply.body) == (200, {"outcome": outcome})
        connection = HTTPConnection("localhost", recipe.port, timeout=TIMEOUT)
        connection.request("GET", "/credits/ada")
        assert connection.getresponse().read() == b"10"
        connection.close()


@contextmanager
def dying(settings: dict[str, str], folder: Path, first: int, ahead: int = 0) -> Iterator[Recipe]:
    """The recipe in processes that kill themselves, from this step on: see killing.py."""
    listener = socket.create_server(("127.0.0.1", 0))
    recipe = Recipe(listener.getsockname()[1], folder / "output")
    arguments = [str(listener.fileno()), f"{NAME}:app", str(first), str(ahead)]
    with recipe.output.open("ab") as output:
        process = forking.start(
            ["-m", "tests.docs.killing", *arguments],
            is_new=True,  # It sets a clock, before anything that looks at one is imported.
            cwd=ROOT,
            env=environment(settings),
            pass_fds=[listener.fileno()],
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    listener.close()  # From here on servers that have died refuse connections.
    try:
        yield recipe
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(TIMEOUT)


class Attempt(NamedTuple):
    """A delivery, as its sender sees it."""

    status: int | None
    """None if there was no reply."""
    is_alive: bool
    """Whether the process that got it has outlived it."""


def attempt(recipe: Recipe, name: str) -> Attempt:
    """Deliver the event of a user with this name, after that of another one, to one process."""
    connection = HTTPConnection("127.0.0.1", recipe.port, timeout=TIMEOUT)
    status = None

    def ask(method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = {}) -> int:
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        response.read()
        return response.status

    def deliver(name: str) -> int:
        payload = json.dumps({"type": "user.created", "data": user(name)}).encode()
        headers = sign(payload, secret=SECRET, message_id=f"msg_{name}")
        return ask("POST", "/webhooks/clerk", payload, headers)

    with closing(connection), suppress(HTTPException, ConnectionError):
        assert deliver(f"before_{name}") == 200
        status = deliver(name)
        return Attempt(status, is_alive=ask("GET", "/webhooks/clerk") == 405)
    return Attempt(status, is_alive=False)


def test_after_a_kill_at_any_step_the_effect_is_there_exactly_once(
    settings: dict[str, str], tmp_path: Path
) -> None:
    attempts: dict[str, Attempt] = {}
    with dying(settings, tmp_path, first=1) as recipe:
        is_alive = False
        while not is_alive:
            name = f"user_{len(attempts)}"
            attempts[name] = attempt(recipe, name)
            is_alive = attempts[name].is_alive
    effects = credits_of(settings)
    with dying(settings, tmp_path, first=0) as recipe:
        retries = {name: attempt(recipe, name).status for name in attempts}
    with dying(settings, tmp_path, first=0, ahead=LEASE + 1) as recipe:
        assert {attempt(recipe, name).status for name in attempts} == {200}
    assert attempts.keys() <= credits_of(settings).keys()
    assert {*credits_of(settings).values()} == {1}

    # The kills have met all there is: nothing is written; the claim is, and is waited for; the
    # effect is, and the sender does not know; and the sender knows.
    seen = {(each.status, effects.get(name), retries[name]) for name, each in attempts.items()}
    assert seen == {(None, None, 200), (None, None, 409), (None, 1, 200), (200, 1, 200)}
