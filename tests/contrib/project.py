"""A Django project in a folder of the test's own, and what is done with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import clerk_hooks

from .. import forking
from ..stores.schemas import POSTGRESQL, mariadb_database, postgresql_schema

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "docs" / "examples" / "django_project"
SITE = Path(__file__).parent / "site"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TIMEOUT = 120
DATABASES = ["sqlite", "postgresql", "mariadb"]


class Project:
    """A copy of the project of the documentation, with the app ``probe`` beside."""

    def __init__(self, folder: Path, database: Mapping[str, Any], **settings: Any) -> None:
        self.folder = folder
        ignored = shutil.ignore_patterns("__pycache__", "db.sqlite3")
        for source in (PROJECT, SITE):
            shutil.copytree(source, folder, dirs_exist_ok=True, ignore=ignored)
        self.settings = {"DATABASES": {"default": database}, **settings}
        self.database = database
        self.vendor = str(database["ENGINE"]).rpartition(".")[2]

    def environment(self, **more: str) -> dict[str, str]:
        """Without a secret, unless `more` has it."""
        kept = {name: value for name, value in os.environ.items() if "whsec_" not in value}
        return {
            **kept,
            "DJANGO_SETTINGS_MODULE": "site_settings",
            "PYTHONPATH": str(Path(clerk_hooks.__file__).parents[1]),
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "error",
            "SITE_SETTINGS": json.dumps(self.settings),
            **more,
        }

    def run(self, *words: str, status: int = 0, is_new: bool = False, **environment: str) -> str:
        """Run Python in the project; returns all that it prints."""
        done = forking.run(
            words,
            cwd=self.folder,
            env=self.environment(**environment),
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT,
            is_new=is_new,
        )
        assert done.returncode == status, done.stdout
        return done.stdout

    def manage(self, *words: str, **more: Any) -> str:
        return self.run("manage.py", *words, **more)

    def migrate(self) -> None:
        self.manage("migrate", "--run-syncdb", "--verbosity=0")


@contextmanager
def database(name: str, folder: Path) -> Iterator[dict[str, Any]]:
    """Settings of a database that is empty."""
    if name == "sqlite":
        yield {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "site.sqlite3")}
    elif name == "postgresql":
        with postgresql_schema() as schema:
            options = {"options": f"-csearch_path={schema},public"}
            yield {
                "ENGINE": "django.db.backends.postgresql",
                **_address(POSTGRESQL),
                "OPTIONS": options,
                "TEST": {"NAME": f"test_{schema}"},
            }
    else:
        with mariadb_database() as address:
            # Without TLS, for which PyMySQL would read all certificates for each connection.
            options = {"ssl_disabled": True, "charset": "utf8mb4"}
            yield {"ENGINE": "django.db.backends.mysql", **_address(address), "OPTIONS": options}


def _address(text: str) -> dict[str, Any]:
    from sqlalchemy import make_url

    url = make_url(f"any://{text}")
    return {
        "NAME": url.database,
        "USER": url.username,
        "PASSWORD": url.password or "",
        "HOST": url.host,
        "PORT": str(url.port or ""),
    }


class Worker:
    """A process of the project that does the tasks of probe/worker.py."""

    def __init__(self, project: Project, **environment: str) -> None:
        self._log = (project.folder / "worker.log").open("w+")
        self._process = forking.Program(
            ["-m", "probe.worker"],
            cwd=project.folder,
            env=project.environment(CLERK_WEBHOOK_SIGNING_SECRET=SECRET, **environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )

    def do(self, task: str, **arguments: Any) -> Any:
        """What came of a task."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([task, arguments]) + "\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline() or '{"error": "ended: see worker.log"}')
        assert "error" not in told, told["error"]
        return told["told"]

    def close(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=TIMEOUT)
        self._log.close()
