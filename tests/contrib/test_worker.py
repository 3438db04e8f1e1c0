"""``manage.py clerk_hooks worker``: a real project, whose database ends connections."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connections

from clerk_hooks import Delivery
from clerk_hooks.contrib.django._connections import Connections
from clerk_hooks.observe import Taken

from .. import forking
from ..django_databases import alias_of
from .project import Project, Worker, database

COMMAND = ("manage.py", "clerk_hooks", "worker")
WAIT = 60.0  # Seconds that nothing here takes.


@pytest.fixture(params=["sqlite", "postgresql"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Project]:
    """A project with two names for one database: on PostgreSQL, connections to it stay open."""
    with database(request.param, tmp_path) as settings:
        other = settings
        if request.param == "postgresql":
            settings["CONN_MAX_AGE"] = None
            settings["OPTIONS"]["application_name"] = settings["TEST"]["NAME"]
            other = {**settings, "CONN_HEALTH_CHECKS": True}
        project = Project(tmp_path, settings)
        project.settings["DATABASES"]["other"] = other
        project.migrate()
        yield project


@pytest.fixture
def desk(project: Project) -> Iterator[Worker]:
    """A process that puts messages, and looks after them."""
    desk = Worker(project)
    yield desk
    desk.close()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_deliveries_are_done_though_the_database_ends_connections(
    project: Project, desk: Worker
) -> None:
    process = forking.start(
        [*COMMAND, "probe.background:worker"],
        cwd=project.folder,
        env=project.environment(),
        stderr=subprocess.PIPE,
    )

    def deliver() -> None:
        names = [desk.do("put", event_type=f"user.{kind}") for kind in ("created", "updated")]
        until(lambda: desk.do("states", message_ids=names) == [["done", 1]] * 2)

    try:
        deliver()
        if project.vendor == "postgresql":
            assert desk.do("end_connections", name=project.database["TEST"]["NAME"]) >= 3
        deliver()
        status = ("clerk_hooks", "inbox", "status", "--json", "--inbox", "probe.background:worker")
        said = json.loads(project.manage(*status))
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=WAIT)
    assert process.returncode == 0, errors
    assert "with 1 slots" in errors
    assert " ERROR " not in errors  # No handler has failed.
    assert (said["counts"]["done"], [worker["slots"] for worker in said["workers"]]) == (4, [1])


WITHOUT_EXTRAS = """
import sys

sys.modules.update(typer=None, rich=None, click=None)
from django.core.management import execute_from_command_line

execute_from_command_line(["manage.py", "clerk_hooks", "worker", *sys.argv[1:]])
"""


def test_the_command_says_what_is_wrong_and_exits_with_2(tmp_path: Path) -> None:
    settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "new.sqlite3")}
    project = Project(tmp_path, settings)
    said = project.run("-c", WITHOUT_EXTRAS, "probe.webhooks:wroker", status=2)
    assert said == "clerk-hooks worker: probe.webhooks has no 'wroker': did you mean 'router'?\n"
    said = project.manage("clerk_hooks", "worker", status=2)
    assert said.endswith("the following arguments are required: MODULE:WORKER\n")
    said = project.manage("clerk_hooks", status=2)
    assert said.endswith("the following arguments are required: COMMAND\n")
    said = project.manage("clerk_hooks", "inbox", "status", "--inbox", "probe", status=2)
    assert said == "clerk-hooks inbox: no such file: probe\n"
    assert '"clerk_hooks inbox" does what' in project.manage("clerk_hooks", "--help")
    assert "--grace SECONDS" in project.manage("clerk_hooks", "worker", "--help")


def test_around_a_run_the_thread_s_connections_that_are_too_old_are_closed(tmp_path: Path) -> None:
    connection = connections[alias_of(f"sqlite:///{tmp_path / 'site.sqlite3'}")]
    connection.ensure_connection()
    try:
        with Connections(has_async=False).run(Taken(Delivery("msg_1", 1, b"{}"), {}, 1.0, 1)):
            assert connection.connection is None  # Its age may be 0, unless settings say more.
            connection.ensure_connection()
        assert connection.connection is None
    finally:
        connection.close()
