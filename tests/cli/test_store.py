"""``clerk-hooks store``: what it shows and forgets, of every kind of store."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

import pytest

from clerk_hooks import IdempotencyStore
from clerk_hooks.stores.sqlite import SQLiteStore

from ..stores.backends import backend
from .conftest import Run, spawn

LEASE = timedelta(hours=1)
KINDS = ["sqlite", "redis", "sqlalchemy-psycopg", "sqlalchemy-pymysql", "sqlalchemy-aiosqlite"]


class Place(NamedTuple):
    """A store that remembers two messages, and the options that name it."""

    store: IdempotencyStore
    options: list[str]


def remember(store: IdempotencyStore) -> None:
    for message_id in ("msg_1", "msg_2"):
        claim = store.claim(message_id, ["app.audit", "app.welcome"], LEASE)
        store.confirm(message_id, "app.audit", claim.token)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A store in a file, for what does not depend on the kind."""
    store = SQLiteStore(tmp_path / "store.db")
    remember(store)
    yield Place(store, ["--store", str(tmp_path / "store.db")])
    store.close()


@pytest.fixture(params=KINDS)
def any_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with backend(request.param, tmp_path) as found:
        store = found.open()
        remember(store)
        url, _, prefix = found.url.partition(" ")
        yield Place(store, ["--store", url, *(["--prefix", prefix] if prefix else [])])


SEVERAL = """
import sys
from clerk_hooks.cli import run

*options, = sys.argv[1:]
for words in (["show", "msg_1", "--json"], ["forget", "msg_1"], ["purge"], ["forget", "msg_3"]):
    sys.argv[:] = ["clerk-hooks", "store", *words, *options]
    print(run())
"""


def test_show_and_forget_and_purge_of_every_kind(any_place: Place) -> None:
    """In a process of its own; a connection that it leaves open is an error there."""
    result = spawn(*any_place.options, script=SEVERAL)
    assert result.stderr == ""
    shown, status, *rest = result.stdout.splitlines()
    assert [(record["handler"], record["state"]) for record in json.loads(shown)] == [
        ("app.audit", "done"),
        ("app.welcome", "running"),
    ]
    assert [status, *rest] == [
        *("0", "Forgotten: msg_1, 2 handlers.", "0", "Deleted: 0 handlers.", "0"),
        *("The store does not know msg_3.", "1"),
    ]
    assert any_place.store.claim("msg_1", ["app.audit"], LEASE).run == ("app.audit",)
    assert len(any_place.store.show("msg_2")) == 2


def test_show_prints_a_table(run: Run, place: Place) -> None:
    lines = run("store", "show", "msg_1", *place.options).out.splitlines()
    assert re.fullmatch(r"Handler +State +Until \(UTC\) *", lines[0])
    assert re.fullmatch(r"app\.audit +done +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d *", lines[2])
    assert re.fullmatch(r"app\.welcome +running +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d *", lines[3])
    assert len(lines) == 4


def test_show_says_until_when(run: Run, place: Place) -> None:
    before = datetime.now(timezone.utc)
    done, running = json.loads(run("store", "show", "msg_1", "--json", *place.options).out)
    days = datetime.fromisoformat(done["expires_at"]) - before
    hour = datetime.fromisoformat(running["expires_at"]) - before
    assert timedelta(days=2.9) < days <= timedelta(days=3)
    assert timedelta(minutes=50) < hour <= timedelta(hours=1)
    (token,) = {done["token"], running["token"]}
    assert token


@pytest.mark.parametrize(
    ("command", "text", "as_json"),
    [
        ("show", "The store does not know msg_3.\n", []),
        ("forget", "The store does not know msg_3.\n", {"forgotten": 0}),
    ],
)
def test_nothing_found_is_status_1(
    run: Run, place: Place, command: str, text: str, as_json: object
) -> None:
    result = run("store", command, "msg_3", *place.options)
    assert (result.status, result.out, result.err) == (1, text, "")
    result = run("store", command, "msg_3", "--json", *place.options)
    assert (result.status, json.loads(result.out), result.err) == (1, as_json, "")


def test_json_says_how_many_were_forgotten(run: Run, place: Place) -> None:
    assert json.loads(run("store", "forget", "msg_1", "--json", *place.options).out) == {
        "forgotten": 2
    }
    assert json.loads(run("store", "purge", "--json", *place.options).out) == {"forgotten": 0}


def test_purge_deletes_what_has_expired(run: Run, tmp_path: Path) -> None:
    old = SQLiteStore(tmp_path / "store.db", clock=lambda: 1_700_000_000.0)
    remember(old)
    old.close()
    result = run("store", "purge", "--store", str(tmp_path / "store.db"))
    assert result.out == "Deleted: 4 handlers.\n"


@pytest.mark.parametrize("form", ["{}", "sqlite:{}", "sqlite:///{}"])
def test_a_file_is_named_in_several_ways(run: Run, place: Place, form: str) -> None:
    result = run("store", "show", "msg_1", "--store", form.format(place.options[1]))
    assert (result.status, result.err) == (0, "")


def test_the_environment_may_name_the_store(run: Run, place: Place) -> None:
    assert run("store", "show", "msg_1", CLERK_HOOKS_STORE=place.options[1]).status == 0
    assert "CLERK_HOOKS_STORE" in run("store", "show", "--help", COLUMNS="200").out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "pass --store, or set CLERK_HOOKS_STORE"),
        (["--store", "/nowhere/store.db"], "no such file: /nowhere/store.db"),
        (["--store", "sqlite:nowhere.db"], "no such file: nowhere.db"),
        (["--store", "nonsense://user:hunter2@host/x"], "not the URL of a database"),
        (["--store", "postgresql+asyncpg://u:hunter2@127.0.0.1:1/x"], "the database: "),
        (["--store", "redis://:hunter2@127.0.0.1:1/0"], "Redis: ConnectionError"),
        (["--store", "redis://:hunter2@127.0.0.1:nonsense"], "client: not a URL like redis://"),
        (["--store", "postgresql+psycopg://u:hunter2@127.0.0.1:1/x"], "OperationalError"),
        (["--store", "store.db", "--prefix", "x"], "--prefix is for stores in Redis only"),
    ],
)
def test_what_cannot_be_answered_is_one_line_and_status_2(
    run: Run, options: list[str], message: str
) -> None:
    result = run("store", "show", "msg_1", *options, CLERK_HOOKS_STORE="")
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("clerk-hooks store: ")
    assert result.err.count("\n") == 1
    assert message in result.err
    assert "hunter2" not in result.err


@pytest.mark.parametrize("words", [["forget", "msg_1"], ["purge"]], ids=" ".join)
def test_other_commands_fail_alike(run: Run, words: list[str]) -> None:
    result = run("store", *words, "--store", "nowhere.db")
    assert (result.status, result.out) == (2, "")
    assert result.err == "clerk-hooks store: no such file: nowhere.db\n"


def test_a_file_that_is_no_database_is_told_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("these are notes, " * 100)
    result = run("store", "show", "msg_1", "--store", str(tmp_path / "notes.txt"))
    assert result.status == 2
    assert "file is not a database" in result.err
    assert (tmp_path / "notes.txt").read_text().startswith("these are notes")


def test_a_client_that_is_not_installed_is_named(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['redis'] = None\n")
    result = spawn(
        "store", "purge", "--store", "redis://localhost", is_new=True, PYTHONPATH=str(tmp_path)
    )
    assert result.returncode == 2
    assert "pip install 'clerk-hooks[redis]'" in result.stderr
    assert result.stderr.count("\n") == 1


def test_without_a_command_it_shows_its_help(run: Run) -> None:
    result = run("store")
    assert (result.status, result.err) == (0, "")
    assert result.out == run("store", "--help").out


def test_help_explains_the_commands(run: Run) -> None:
    text = " ".join(run("store", "--help", COLUMNS="200").out.split())
    for command in ("show", "forget", "purge"):
        assert f"{command} " in text
    text = " ".join(run("store", "forget", "--help", COLUMNS="200").out.split())
    assert "replay from Clerk's dashboard" in text
    assert "Exits with 1" in text
