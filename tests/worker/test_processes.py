"""Worker processes: signals, kills in the middle, exit statuses, and how they are started."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clerk_hooks import Delivery
from clerk_hooks.inboxes import SQLAlchemyInbox, SQLiteInbox
from clerk_hooks.messages import Record, Selection

from .. import forking
from ..forking import Process
from ..inboxes.places import url_of
from .conftest import delivery

WAIT = 30.0  # Seconds that nothing here takes.


class Place:
    """A folder with the program, an inbox, and the processes that work there."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.inbox = SQLAlchemyInbox(url) if "://" in url else SQLiteInbox(url)
        self.processes: list[Process] = []
        shutil.copy(Path(__file__).with_name("app.py"), folder / "app.py")

    def put(self, *message_ids: str, event_type: str = "user.created") -> None:
        for message_id in message_ids:
            self.inbox.put(delivery(message_id, event_type))

    def start(self, *arguments: str, lease: float = 60) -> Process:
        words = ["-m", "clerk_hooks.worker", *(arguments or ["app:worker"])]
        return self.run(words, LEASE=str(lease))

    def run(self, words: list[str], **variables: str) -> Process:
        process = forking.start(
            words,
            cwd=self.folder,
            stderr=subprocess.PIPE,
            env={**os.environ, "INBOX": self.url, **variables},
        )
        self.processes.append(process)
        return process

    def journal(self) -> list[str]:
        path = self.folder / "journal"
        return path.read_text().splitlines() if path.exists() else []

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + WAIT
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def records(self) -> dict[str, Record]:
        return {record.message_id: record for record in self.inbox.list(Selection(), 100)}

    def states(self) -> set[str]:
        return {record.state for record in self.records().values()}

    def touch(self, name: str) -> None:
        (self.folder / name).touch()

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            if process.stderr is not None and not process.stderr.closed:
                process.communicate()
        self.inbox.close()


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A place with an inbox in a file, or of the kind that the test asks for."""
    with url_of(getattr(request, "param", "sqlite"), tmp_path) as url:
        place = Place(tmp_path, url)
        yield place
        place.close()


def ended(process: Process) -> tuple[int, str]:
    _, errors = process.communicate(timeout=WAIT)
    return process.returncode, errors


@pytest.mark.parametrize(
    "place", ["sqlite", "sqlalchemy-psycopg", "sqlalchemy-pymysql"], indirect=True
)
def test_a_worker_that_is_killed_in_the_middle_loses_nothing(place: Place) -> None:
    names = [f"msg_wait_{number}" for number in range(6)]
    place.put(*names)
    first = place.start(lease=0.5)
    place.until(lambda: len(place.journal()) == 4)  # As it has 4 slots.
    assert place.states() == {"running", "waiting"}
    first.kill()
    assert ended(first)[0] == -signal.SIGKILL
    place.touch("go")
    place.start()
    place.until(lambda: place.states() == {"done"})
    ends = [line.split()[1] for line in place.journal() if line.startswith("end")]
    assert sorted(ends) == names


def test_a_delivery_that_kills_its_worker_is_dead_in_the_end_and_takes_no_other_with_it(
    place: Place,
) -> None:
    place.put("msg_kill", *[f"msg_good_{number}" for number in range(6)])
    for _ in range(3):
        assert ended(place.start(lease=0.5))[0] == -signal.SIGKILL
    place.start()
    place.until(lambda: place.states() == {"done", "dead"})
    records = place.records()
    assert [name for name, record in records.items() if record.state == "dead"] == ["msg_kill"]
    assert records["msg_kill"].reason.startswith("never_settled: 3 runs began and none ended")
    journal = place.journal()
    assert journal.count("begin msg_kill") == 3
    last = len(journal) - 1 - journal[::-1].index("begin msg_kill")
    for number in range(last):  # Its later runs, which no other has begun before.
        if journal[number] == "begin msg_kill" and number:
            assert journal[number - 1].startswith(("end", "begin msg_kill"))
    place.touch("fixed")
    assert place.inbox.retry(Selection(state="dead")) == 1
    place.until(lambda: place.states() == {"done"})


def test_what_raises_what_aborts_and_what_cannot_be_read_is_dead_with_its_reason(
    place: Place,
) -> None:
    place.put("msg_raise", "msg_abort", "msg_good")
    place.inbox.put(Delivery("msg_unreadable", 1, b"{}"))
    process = place.start()
    place.until(lambda: place.states() == {"done", "dead"})
    reasons = {name: record.reason for name, record in place.records().items()}
    assert reasons == {
        "msg_raise": "handler_failed: 1 of 1 handlers failed: app.save (ValueError)",
        "msg_abort": "handler_failed: 1 of 1 handlers failed: app.save (AbortDelivery)",
        "msg_unreadable": "no_type: the payload has no `type`, or it is not text",
        "msg_good": "",
    }
    runs = [line for line in place.journal() if line.startswith("begin")]
    assert runs.count("begin msg_raise") == 3
    assert runs.count("begin msg_abort") == 1
    place.touch("fixed")
    assert place.inbox.retry(Selection(state="dead")) == 3
    place.until(lambda: len([*place.inbox.list(Selection(state="done"), 9)]) == 3)
    place.until(lambda: place.records()["msg_unreadable"].state == "dead")
    process.terminate()
    status, errors = ended(process)
    assert status == 0
    assert errors.count(" ERROR clerk_hooks: msg_unreadable None is dead") == 2
    assert "no such plan" in errors  # The traceback of the handler.


@pytest.mark.parametrize(
    ("number", "event_type"), [(signal.SIGTERM, "user.created"), (signal.SIGINT, "user.updated")]
)
def test_the_first_signal_lets_what_runs_end(
    place: Place, number: signal.Signals, event_type: str
) -> None:
    place.put("msg_wait_1", "msg_wait_2", event_type=event_type)
    process = place.start()
    place.until(lambda: len(place.journal()) == 2)
    process.send_signal(number)
    assert process.stderr is not None
    for line in process.stderr:
        if "stopping; 2 deliveries are running" in line:
            break
    place.put("msg_good")
    place.touch("go")
    assert ended(process)[0] == 0
    assert {name: record.state for name, record in place.records().items()} == {
        "msg_wait_1": "done",
        "msg_wait_2": "done",
        "msg_good": "waiting",
    }
    assert not place.inbox.status().workers


def test_the_second_signal_cuts_off_what_runs_and_it_runs_again(place: Place) -> None:
    place.put("msg_wait")
    place.put("msg_wait_async", event_type="user.updated")
    process = place.start(lease=0.5)
    place.until(lambda: len(place.journal()) == 2)
    process.terminate()
    assert process.stderr is not None
    for line in process.stderr:
        if "stopping; 2 deliveries are running" in line:
            break
    process.terminate()
    status, errors = ended(process)
    assert status == 70
    assert "msg_wait is cut off; it runs again when its lease is over" in errors
    assert "msg_wait_async is cut off; it runs again when its lease is over" in errors
    place.touch("go")
    place.start()
    place.until(lambda: place.states() == {"done"})


def test_the_end_of_the_grace_is_like_a_second_signal(place: Place) -> None:
    place.put("msg_wait")
    process = place.start("app:worker", "--grace", "0.05", "--slots", "1")
    place.until(place.journal)
    process.terminate()
    assert ended(process)[0] == 70


def test_what_cannot_begin_says_why_in_one_line_and_exits_with_2(place: Place) -> None:
    assert ended(place.start("app:wroker")) == (
        2,
        "clerk-hooks worker: app has no 'wroker': did you mean 'worker'?\n",
    )


def test_the_command_finds_modules_in_the_current_folder(place: Place, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    script = elsewhere / "clerk-hooks"
    script.write_text("from clerk_hooks.__main__ import main\nmain()\n")
    place.put("msg_good")
    process = place.run([str(script), "worker", "app:worker"])
    place.until(lambda: place.states() == {"done"})
    process.terminate()
    assert ended(process)[0] == 0


def test_the_module_works_without_the_command_line_s_packages(place: Place) -> None:
    blocked = "import sys; sys.modules.update({'typer': None, 'rich': None, 'click': None})"
    script = f"{blocked}; import runpy; runpy.run_module('clerk_hooks.worker', run_name='__main__')"
    result = subprocess.run(
        [sys.executable, "-c", script, "--help"], capture_output=True, text=True, check=True
    )
    assert result.stdout.startswith("usage: python -m clerk_hooks.worker")
    assert "MODULE:WORKER" in result.stdout
