"""A real project: its commands, its tests, its admin, its servers, several databases."""

from __future__ import annotations

import json
import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path

import pytest

from clerk_hooks import sign

from .. import forking
from .project import SECRET, TIMEOUT, Project, Worker

SQLITE = "django.db.backends.sqlite3"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project on SQLite, without tables."""
    folder = tmp_path_factory.mktemp("plain")
    return Project(folder, {"ENGINE": SQLITE, "NAME": str(folder / "plain.sqlite3")})


@pytest.mark.parametrize("settings", ["settings", "site_settings"])
def test_check_without_a_secret_warns(plain: Project, settings: str) -> None:
    said = plain.manage("check", is_new=settings == "settings", DJANGO_SETTINGS_MODULE=settings)
    assert "(clerk_hooks.W001) no delivery can be verified: CLERK_WEBHOOK_SIGNING_SECRET is" in said


def test_check_says_what_is_wrong_with_a_secret_but_not_the_secret(plain: Project) -> None:
    said = plain.manage("check", CLERK_WEBHOOK_SIGNING_SECRET="v1,whsec_abc")
    assert "this is not a signing secret: it begins with `v1,`" in said
    assert "abc" not in said


def test_check_with_a_secret_finds_nothing(plain: Project) -> None:
    said = plain.manage("check", CLERK_WEBHOOK_SIGNING_SECRET=SECRET)
    assert "no issues" in said
    plain.manage("check", "--deploy", "--database=default")


def test_the_migrations_are_those_of_the_models(plain: Project) -> None:
    said = plain.manage("makemigrations", "--check", "--dry-run", "clerk_hooks", "accounts")
    assert "No changes detected" in said


def test_the_tables_can_be_created_and_dropped(plain: Project) -> None:
    plain.manage("migrate", "--verbosity=0", "clerk_hooks")
    assert "[X] 0001_initial" in plain.manage("showmigrations", "clerk_hooks")
    plain.manage("migrate", "--verbosity=0", "clerk_hooks", "zero")


NO_APP = """
import django
from django.conf import settings

settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "x"}})
django.setup()
from clerk_hooks import ConfigurationError
from clerk_hooks.contrib.django import DjangoStore

try:
    DjangoStore()
except ConfigurationError as error:
    print(error)
settings.INSTALLED_APPS = []
"""
WRONG = """
import django
django.setup()
from clerk_hooks import ConfigurationError
from clerk_hooks.contrib.django import DjangoStore

try:
    DjangoStore("elsewhere")
except ConfigurationError as error:
    print(error)
try:
    DjangoStore().claim("msg_1", ["h"], __import__("datetime").timedelta(seconds=1))
except Exception as error:
    print(type(error).__name__, error)
"""


def test_a_store_without_its_app_is_refused(plain: Project) -> None:
    assert "INSTALLED_APPS" in plain.run("-c", NO_APP)


def test_a_wrong_database_and_missing_tables_are_named(tmp_path: Path) -> None:
    project = Project(tmp_path, {"ENGINE": SQLITE, "NAME": str(tmp_path / "new.sqlite3")})
    assert project.run("-c", WRONG).splitlines() == [
        "using: the settings have no database 'elsewhere'",
        "StoreUnavailable SQLite: OperationalError: run manage.py migrate --database=default",
    ]


def test_a_test_case_rolls_the_claims_back(project: Project) -> None:
    said = project.manage("test", "accounts", "probe", "--noinput")
    assert "OK" in said.splitlines()


@pytest.mark.skipif(find_spec("pytest_django") is None, reason="pytest-django is not installed")
def test_pytest_django_rolls_the_claims_back(project: Project) -> None:
    words = ["-p", "no:cacheprovider", "-p", "no:asyncio", "-p", "no:anyio"]
    words += ["-q", "probe/pytest_cases.py"]
    assert "4 passed" in project.run("-m", "pytest", "--rootdir=.", "-c", os.devnull, *words)


def test_the_admin_shows_rows_and_lets_those_who_may_retry_and_delete_messages(
    project: Project,
) -> None:
    assert project.run("-m", "probe.admin_pages") == "as expected\n"


def test_atomic_requests_does_not_apply_to_the_view_but_to_one_of_the_apps(
    project: Project, tmp_path: Path
) -> None:
    default = project.settings["DATABASES"]["default"]
    atomic = Project(tmp_path, {**default, "ATOMIC_REQUESTS": True})
    worker = Worker(atomic)
    told = worker.do("play", scene="usual")
    refused = worker.do("play", scene="usual", path="/inner")
    worker.close()
    assert (told["first"], told["effects"], told["effects_then"]) == (200, 1, 1)
    assert refused["first"].startswith("outer_transaction ConfigurationError: claim: ")
    assert refused["effects_then"] == 0


def test_the_store_uses_the_database_that_it_is_told(tmp_path: Path) -> None:
    other = {"ENGINE": SQLITE, "NAME": str(tmp_path / "other.sqlite3")}
    default = {"ENGINE": SQLITE, "NAME": str(tmp_path / "default.sqlite3")}
    project = Project(tmp_path, default, DATABASE_ROUTERS=["probe.routers.ToUsing"])
    project.settings["DATABASES"]["other"] = other
    project.manage("migrate", "--run-syncdb", "--verbosity=0", "--database=other", USING="other")
    worker = Worker(project, USING="other")
    told = worker.do("play", scene="usual", path="/async")
    worker.close()
    assert [told["first"], told["effects"], told["second"], told["effects_then"]] == [200, 1] * 2


def test_a_connection_that_broke_costs_one_delivery(project: Project, worker: Worker) -> None:
    if project.vendor != "postgresql":
        pytest.skip("PostgreSQL can end a connection")
    assert worker.do("terminate") == [[503, 0], [200, 1]]


def test_a_frozen_handler_does_not_hold_its_successor_up(project: Project) -> None:
    if project.vendor != "postgresql":
        pytest.skip("PostgreSQL alone ends a transaction that stands still")
    worker = Worker(project, LEASE="1")
    told = worker.do("freeze")
    worker.close()
    # Its connection was gone when it went on. The successor could write only because of that.
    assert told == {"status": 200, "frozen": "503", "effects": 1}


SERVERS = {
    "runserver": ["manage.py", "runserver", "--noreload", "127.0.0.1:{port}"],
    "gunicorn": ["-m", "gunicorn", "--bind=fd://{fd}", "--config=gunicorn.conf.py", "wsgi:app"],
    "uvicorn": ["-m", "uvicorn", "--fd={fd}", "--log-level=warning", "asgi:app"],
}


@contextmanager
def serving(project: Project, server: str, path: str, scene: str) -> Iterator[int]:
    """The project behind a server; yields its port."""
    (project.folder / "gunicorn.conf.py").write_text("control_socket_disable = True\n")
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        port, descriptor = listener.getsockname()[1], listener.fileno()
        if server == "runserver":
            listener.close()  # It opens a socket of its own.
        words = [word.format(port=port, fd=descriptor) for word in SERVERS[server]]
        environment = project.environment(
            CLERK_WEBHOOK_SIGNING_SECRET=SECRET, SCENE=scene, PYTHONWARNINGS="default"
        )
        with (project.folder / f"{server}.log").open("w") as log:
            process = forking.start(
                words,
                is_new=project.vendor == "sqlite3" and path == "/sync",  # One of each server.
                cwd=project.folder,
                env=environment,
                pass_fds=[] if server == "runserver" else [descriptor],
                stdout=log,
                stderr=log,
            )
    try:
        wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(TIMEOUT)


def wait_for(port: int, process: forking.Process) -> None:
    while process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), TIMEOUT):
                return
        except ConnectionRefusedError:
            continue
    raise AssertionError("the server has ended")


def post(port: int, path: str, message_id: str) -> int | None:
    """The status of the reply; None without one."""
    data = {"id": f"user_{message_id}", "updated_at": 1700000000000}
    body = json.dumps({"type": "user.created", "data": data}).encode()
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.request("POST", path, body, sign(body, secret=SECRET, message_id=message_id))
        return connection.getresponse().status
    except ConnectionError:
        return None
    finally:
        connection.close()


@pytest.mark.skipif(os.name == "nt", reason="the servers are given an open socket")
@pytest.mark.parametrize(
    ("server", "path"),
    [
        ("runserver", "/sync"),
        ("gunicorn", "/sync"),
        ("gunicorn", "/async"),
        ("uvicorn", "/sync"),
        ("uvicorn", "/async"),
        ("uvicorn", "/async-over-sync"),
    ],
)
def test_behind_a_server_the_effect_is_there_once_even_if_it_dies(
    project: Project, worker: Worker, server: str, path: str
) -> None:
    message_id = f"msg_{uuid.uuid4().hex}"
    with serving(project, server, path, "usual") as port:
        assert [post(port, path, message_id) for _ in range(2)] == [200, 200]
    assert worker.do("retry", message_id=message_id) == [200, 1]
    message_id = f"msg_{uuid.uuid4().hex}"
    with serving(project, server, path, "dies") as port:
        assert post(port, path, message_id) is None
    assert worker.do("retry", message_id=message_id) == [409, 0]
    assert worker.do("retry", message_id=message_id, later=61) == [200, 1]
