"""How the command line finds a worker, and its exit statuses; in this process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from clerk_hooks.worker import Worker
from clerk_hooks.worker._command import run_command

PROGRAM = """
from clerk_hooks import Processor, Router, Worker

class Inbox:
    take = renew = settle = beat = lag = purge = lambda *arguments, **options: None

router = Router()
router.on("user.created")(lambda event: None)
worker = Worker(Processor(router), Inbox())
empty = Worker(Processor(Router()), Inbox())

class Settings:
    worker = worker
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "broken.py").write_text("import nowhere_to_be_found\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("program", "broken"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("program", "expected MODULE:NAME, such as app:worker, not 'program'"),
        ("program:", "expected MODULE:NAME, such as app:worker, not 'program:'"),
        (":worker", "expected MODULE:NAME, such as app:worker, not ':worker'"),
        ("no/such:worker", "expected MODULE:NAME, such as app:worker, not 'no/such:worker'"),
        ("nowhere:worker", "no module named 'nowhere' here or among the packages"),
        ("nowhere.app:worker", "no module named 'nowhere.app' here or among the packages"),
        ("program.app:worker", "no module named 'program.app' here or among the packages"),
        ("program:wroker", "program has no 'wroker': did you mean 'worker'?"),
        ("program:Settings.wroker", "program has no 'Settings.wroker': did you mean 'worker'?"),
        ("program:router", "program:router must be a Worker, not of type Router"),
        (
            "program:empty",
            "the worker's router has no handlers: import the module that defines them",
        ),
    ],
)
def test_what_cannot_begin_says_why_in_one_line_and_exits_with_2(
    capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    assert run_command(text, None, 25) == 2
    assert capsys.readouterr().err == f"clerk-hooks worker: {message}\n"


def test_slots_that_cannot_be_are_such_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("program:worker", 0, 25) == 2
    message = "clerk-hooks worker: slots must be a positive whole number\n"
    assert capsys.readouterr().err == message


def test_a_module_that_fails_exits_with_70_and_its_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_command("broken:worker", None, 25) == 70
    errors = capsys.readouterr().err
    assert errors.endswith("No module named 'nowhere_to_be_found'\n")
    assert "broken.py" in errors


def test_a_defect_of_the_worker_exits_with_70(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(self: Worker, **options: object) -> int:
        raise RuntimeError("a defect")

    monkeypatch.setattr(Worker, "run", run)
    assert run_command("program:Settings.worker", None, 25) == 70
    assert capsys.readouterr().err.endswith("RuntimeError: a defect\n")
