"""``clerk-hooks inbox``: what it shows, retries and drops, of inboxes of every kind."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from clerk_hooks import Delivery
from clerk_hooks.inboxes.sqlite import SQLiteInbox
from clerk_hooks.messages import Message, Step

from ..inboxes.places import place_of
from .conftest import Run

LEASE = timedelta(minutes=1)
PAYLOAD = b'{"type": "%s", "data": {"id": "user_1", "first_name": "Ada"}}'


def put(inbox: SQLiteInbox, message_id: str, event_type: str = "user.created") -> None:
    inbox.put(Delivery(message_id, 1_700_000_000, PAYLOAD % event_type.encode()))


def settled(inbox: SQLiteInbox, message_id: str, step: Step) -> None:
    messages: list[Message] = [*inbox.take(1, LEASE, message_id=message_id)]
    assert inbox.settle(messages[0], step)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inbox.db"


@pytest.fixture
def inbox(path: Path) -> Iterator[SQLiteInbox]:
    """With a message in each state."""
    inbox = SQLiteInbox(path)
    for name in ("done", "dead", "waiting", "running"):
        put(inbox, f"msg_{name}", "user.deleted" if name == "dead" else "user.created")
    settled(inbox, "msg_done", Step("done"))
    settled(inbox, "msg_dead", Step("dead", reason="aborted: no such plan", done=("a", "b")))
    settled(inbox, "msg_waiting", Step("retry", 500.0, reason="handler_failed: no"))
    inbox.take(1, LEASE, message_id="msg_running")
    yield inbox
    inbox.close()


@pytest.fixture
def options(inbox: SQLiteInbox, path: Path) -> list[str]:
    return ["--inbox", str(path)]


def states(inbox: SQLiteInbox, *names: str) -> list[str]:
    records = [inbox.show(f"msg_{name}") for name in names]
    return [record.state if record else "gone" for record in records]


def test_list_shows_messages_without_their_payloads(run: Run, options: list[str]) -> None:
    result = run("inbox", "list", *options)
    assert result.status == 0
    assert re.fullmatch(
        r"Message +State +Type +Accepted \(UTC\) +Failures +Reason *", result.lines[0]
    )
    assert {tuple(line.split()[:3]) for line in result.lines[2:]} == {
        ("msg_done", "done", "user.created"),
        ("msg_dead", "dead", "user.deleted"),
        ("msg_waiting", "waiting", "user.created"),
        ("msg_running", "running", "user.created"),
    }
    assert "aborted: no such plan" in result.out
    assert "Ada" not in result.out
    assert "Ada" in run("inbox", "list", "--payload", *options).out


def test_list_as_json_has_every_field(run: Run, options: list[str]) -> None:
    before = datetime.now(timezone.utc)
    (record,) = json.loads(run("inbox", "list", "--state", "waiting", "--json", *options).out)
    due = datetime.fromisoformat(record.pop("due_at")) - before
    accepted = datetime.fromisoformat(record.pop("accepted_at")) - before
    assert timedelta(seconds=400) < due < timedelta(seconds=501)
    assert abs(accepted) < timedelta(seconds=100)
    assert record == {
        "message_id": "msg_waiting",
        "state": "waiting",
        "event_type": "user.created",
        "attempted_at": "2023-11-14T22:13:20.000+00:00",
        "takes": 0,
        "failures": 1,
        "done": [],
        "reason": "handler_failed: no",
    }
    with_payload = run("inbox", "list", "--state", "dead", "--payload", "--json", *options).out
    assert json.loads(json.loads(with_payload)[0]["payload"])["data"]["first_name"] == "Ada"
    done = json.loads(run("inbox", "show", "msg_done", "--payload", "--json", *options).out)
    assert done["payload"] is None


@pytest.mark.parametrize(
    ("choice", "found"),
    [
        (["--state", "dead"], {"msg_dead"}),
        (["--type", "user.deleted"], {"msg_dead"}),
        (["--type", "user.deleted", "--state", "done"], set[str]()),
        (["--since", "1h", "--state", "done"], {"msg_done"}),
        (["--since", "2999-01-01"], set[str]()),
        (["--since", "2024-01-01T08:00Z", "--state", "running"], {"msg_running"}),
    ],
)
def test_list_chooses(run: Run, options: list[str], choice: list[str], found: set[str]) -> None:
    result = run("inbox", "list", *choice, "--json", *options)
    assert {record["message_id"] for record in json.loads(result.out)} == found
    assert result.status == (0 if found else 1)
    assert ("No messages." in run("inbox", "list", *choice, *options).out) is not bool(found)


def test_list_is_limited(run: Run, options: list[str]) -> None:
    assert len(json.loads(run("inbox", "list", "--limit", "2", "--json", *options).out)) == 2


def test_show_prints_every_field_of_one_message(run: Run, options: list[str]) -> None:
    result = run("inbox", "show", "msg_dead", *options)
    assert result.status == 0
    assert "state:          dead" in result.lines
    assert "done:           a, b" in result.lines
    assert "reason:         aborted: no such plan" in result.lines
    assert "Ada" not in result.out
    assert '"first_name": "Ada"' in run("inbox", "show", "msg_dead", "--payload", *options).out


def test_a_message_that_is_not_there_is_status_1(run: Run, options: list[str]) -> None:
    for command, as_json in (
        ("show", None),
        ("retry", {"retried": 0, "forgotten": 0}),
        ("drop", {"dropped": 0}),
    ):
        result = run("inbox", command, "msg_1", *options)
        assert (result.status, result.out) == (1, "The inbox does not know msg_1.\n")
        result = run("inbox", command, "msg_1", "--json", *options)
        assert (result.status, json.loads(result.out)) == (1, as_json)


def test_retry_makes_one_message_due(run: Run, inbox: SQLiteInbox, options: list[str]) -> None:
    for name in ("dead", "waiting"):
        result = run("inbox", "retry", f"msg_{name}", *options)
        assert (result.status, result.out) == (0, f"Due now: msg_{name}.\n")
        (message,) = inbox.take(9, LEASE)
        assert message.delivery.message_id == f"msg_{name}"
    result = run("inbox", "retry", "msg_running", *options)
    assert (result.status, result.out) == (1, "msg_running is running.\n")


def test_retry_of_all_dead_ones_chooses_by_type_and_time(
    run: Run, inbox: SQLiteInbox, options: list[str]
) -> None:
    put(inbox, "msg_dead_2")
    settled(inbox, "msg_dead_2", Step("dead"))
    result = run("inbox", "retry", "--dead", "--since", "2999-01-01", *options)
    assert (result.status, result.out) == (1, "Due now: 0 messages.\n")
    result = run("inbox", "retry", "--dead", "--type", "user.deleted", *options)
    assert (result.status, result.out) == (0, "Due now: 1 message.\n")
    result = run("inbox", "retry", "--dead", "--since", "5m", "--json", *options)
    assert json.loads(result.out) == {"retried": 1, "forgotten": 0}
    assert states(inbox, "dead", "dead_2") == ["waiting", "waiting"]
    waiting = inbox.show("msg_waiting")
    assert waiting is not None
    assert waiting.failures == 1


def test_a_done_message_is_forgotten_only_if_it_is_said(
    run: Run, inbox: SQLiteInbox, options: list[str]
) -> None:
    result = run("inbox", "retry", "msg_done", *options)
    assert result.status == 1
    assert "its payload is gone: pass --again to forget it, and replay it" in result.out
    result = run("inbox", "retry", "--again", "msg_done", *options)
    assert result.status == 0
    assert result.out == "Forgotten: msg_done. Now replay it from Clerk's dashboard.\n"
    assert states(inbox, "done") == ["gone"]
    put(inbox, "msg_done")  # The replay.
    assert [one.delivery.message_id for one in inbox.take(9, LEASE)] == ["msg_done"]
    result = run("inbox", "retry", "--again", "msg_dead", "--json", *options)
    assert json.loads(result.out) == {"retried": 1, "forgotten": 0}


def test_drop_deletes_a_message_in_any_state(
    run: Run, inbox: SQLiteInbox, options: list[str]
) -> None:
    for name in ("done", "dead", "waiting", "running"):
        result = run("inbox", "drop", f"msg_{name}", *options)
        assert (result.status, result.out) == (0, f"Dropped: msg_{name}.\n")
        assert states(inbox, name) == ["gone"]
    put(inbox, "msg_1")
    assert json.loads(run("inbox", "drop", "msg_1", "--json", *options).out) == {"dropped": 1}


def test_purge_deletes_what_ended_long_ago(run: Run, path: Path) -> None:
    old = SQLiteInbox(path, clock=lambda: 1_700_000_000.0)
    put(old, "msg_1")
    settled(old, "msg_1", Step("done"))
    old.close()
    assert run("inbox", "purge", "--inbox", path).out == "Deleted: 1 message.\n"
    assert json.loads(run("inbox", "purge", "--json", "--inbox", path).out) == {"deleted": 0}


def test_status_shows_counts_lag_and_workers(
    run: Run, inbox: SQLiteInbox, options: list[str]
) -> None:
    result = run("inbox", "status", *options)
    assert result.status == 0
    assert result.lines == [
        *("waiting: 1", "running: 1", "done:    1", "dead:    1", "lag:     nothing is due"),
        "workers: none has written its row in the last 30 s",
    ]
    inbox.beat("web-1:7:a", 10, 3)
    put(inbox, "msg_1")
    result = run("inbox", "status", *options)
    assert re.fullmatch(r"lag:     the oldest has been due for \d+ s", result.lines[4])
    assert result.lines[5] == "worker:  web-1:7:a, 3 of 10 slots are busy"
    found = json.loads(run("inbox", "status", "--json", *options).out)
    assert found["counts"] == {"waiting": 2, "running": 1, "done": 1, "dead": 1}
    assert found["lag"] >= 0
    assert found["workers"][0]["name"] == "web-1:7:a"
    assert datetime.fromisoformat(found["workers"][0]["seen_at"]).tzinfo is not None


def test_status_exits_with_1_past_the_age(run: Run, inbox: SQLiteInbox, options: list[str]) -> None:
    assert run("inbox", "status", "--max-age", "0", *options).status == 0
    put(inbox, "msg_1")
    assert run("inbox", "status", "--max-age", "0", *options).status == 1
    assert run("inbox", "status", "--max-age", "0", "--json", *options).status == 1
    assert run("inbox", "status", "--max-age", "3600", *options).status == 0


@pytest.mark.parametrize("form", ["{}", "sqlite:{}", "sqlite:///{}"])
def test_a_file_is_named_in_several_ways(
    run: Run, options: list[str], path: Path, form: str
) -> None:
    assert run("inbox", "show", "msg_done", "--inbox", form.format(path)).status == 0


def test_the_environment_may_name_the_inbox(run: Run, options: list[str]) -> None:
    assert run("inbox", "status", CLERK_HOOKS_INBOX=options[1]).status == 0
    assert "CLERK_HOOKS_INBOX" in run("inbox", "status", "--help", COLUMNS="200").out


@pytest.mark.parametrize(
    "kind",
    ["sqlalchemy-sqlite", "sqlalchemy-aiosqlite", "sqlalchemy-psycopg", "sqlalchemy-pymysql"],
)
def test_a_url_names_an_inbox_in_a_database(run: Run, tmp_path: Path, kind: str) -> None:
    with place_of(kind, tmp_path) as place:
        place.open().put(Delivery("msg_1", 1_700_000_000, PAYLOAD % b"user.created"))
        if kind == "sqlalchemy-sqlite":
            place.url = place.url.replace("sqlite:", "sqlite+pysqlite:")
        options = ["--inbox", place.url]
        assert "msg_1" in run("inbox", "list", *options).out
        assert run("inbox", "retry", "msg_1", *options).status == 0
        assert json.loads(run("inbox", "status", "--json", *options).out)["counts"]["waiting"] == 1
        assert run("inbox", "purge", *options).out == "Deleted: 0 messages.\n"
        assert run("inbox", "drop", "msg_1", *options).status == 0
        assert run("inbox", "show", "msg_1", *options).status == 1


def test_a_url_that_cannot_be_used_does_not_show_its_password(run: Run) -> None:
    for scheme in ("postgresql+psycopg", "postgresql+asyncpg", "nonsense"):
        result = run("inbox", "status", "--inbox", f"{scheme}://u:hunter2@127.0.0.1:1/x")
        assert (result.status, result.out) == (2, "")
        assert result.err.startswith("clerk-hooks inbox: ")
        assert "hunter2" not in result.err


PROGRAM = """
from clerk_hooks import Processor, Router, Worker
from clerk_hooks.inboxes.sqlite import SQLiteInbox

inbox = SQLiteInbox("inbox.db")
worker = Worker(Processor(Router()), inbox)

class Awaited:
    def __getattr__(self, name):
        if not name.startswith("a") or name == "aclose":
            raise AttributeError(name)
        async def call(*arguments, **options):
            return getattr(inbox, name[1:])(*arguments, **options)
        return call

awaited = Awaited()
"""


@pytest.mark.parametrize("name", ["inbox", "worker", "awaited"])
def test_an_object_of_a_program_is_named_as_module_and_name(
    run: Run, inbox: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "inbox_program.py").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "inbox_program", raising=False)
    try:
        result = run("inbox", "show", "msg_dead", "--inbox", f"inbox_program:{name}")
        assert "state:          dead" in result.lines
        result = run("inbox", "retry", "msg_dead", "--inbox", f"inbox_program:{name}")
        assert (result.status, result.err) == (0, "")
        result = run("inbox", "status", "--inbox", "inbox_program:Processor")
        message = "inbox_program:Processor must be an inbox or a worker, not of type type"
        assert (result.status, result.err) == (2, f"clerk-hooks inbox: {message}\n")
    finally:
        sys.modules["inbox_program"].inbox.close()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["list"], "pass --inbox, or set CLERK_HOOKS_INBOX"),
        (["list", "--inbox", "/nowhere/inbox.db"], "no such file: /nowhere/inbox.db"),
        (["list", "--inbox", "sqlite:nowhere.db"], "no such file: nowhere.db"),
        (["list", "--inbox", "nowhere:inbox"], "no module named 'nowhere' here or among the"),
        (["list", "--state", "ded"], "--state 'ded': expected waiting, running, done, dead"),
        (["list", "--since", "soon"], "--since 'soon': expected 30m, 2h, 3d, or a time such as"),
        (["retry"], "pass a message id, or --dead for all dead messages"),
        (["retry", "msg_1", "--dead"], "pass a message id, or --dead for all dead messages"),
        (["retry", "--again"], "pass a message id, or --dead for all dead messages"),
        (["retry", "--dead", "--again"], "pass a message id, or --dead for all dead messages"),
        (["retry", "msg_1", "--since", "2h"], "pass --dead instead of the message id"),
    ],
)
def test_what_cannot_be_answered_is_one_line_and_status_2(
    run: Run, words: list[str], message: str
) -> None:
    result = run("inbox", *words, CLERK_HOOKS_INBOX="")
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("clerk-hooks inbox: ")
    assert result.err.count("\n") == 1
    assert message in result.err


def test_a_file_that_is_no_database_is_told_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("these are notes, " * 100)
    result = run("inbox", "status", "--inbox", tmp_path / "notes.txt")
    assert result.status == 2
    assert "file is not a database" in result.err


def test_without_a_command_it_shows_its_help(run: Run) -> None:
    result = run("inbox")
    assert (result.status, result.err) == (0, "")
    assert result.out == run("inbox", "--help").out
