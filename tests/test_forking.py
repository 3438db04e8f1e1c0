"""Programs that are forked are as those that Python starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from . import forking

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked")

TELL = """
import os, sys, warnings
print([sys.argv, __name__, sys.path[0], os.getcwd(), dict(os.environ), sys.warnoptions])
print(sys.stdout.encoding, sys.stdin.read(), "PYTHONPATH" in os.environ and sys.path[1])
"""


def environment(**variables: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_CTYPE": "C.UTF-8", **variables}


@pytest.mark.parametrize("words", [["-c", TELL], ["-m", "tell"], ["tell.py"]], ids=lambda w: w[0])
@pytest.mark.parametrize("options", [[], ["-W", "error", "-W", "ignore::DeprecationWarning"]])
@pytest.mark.parametrize(
    "variables",
    [{}, {"PYTHONPATH": "/elsewhere", "PYTHONWARNINGS": "error"}, {"PYTHONIOENCODING": "ascii"}],
    ids=str,
)
def test_a_program_finds_what_it_would_find_in_python(
    words: list[str], options: list[str], variables: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "tell.py").write_text(TELL)
    forked, new = (
        forking.run(
            [*options, *words, "a", "b"], cwd=tmp_path, env=environment(**variables), is_new=is_new
        )
        for is_new in (False, True)
    )
    assert forked.stdout
    assert vars(forked) == {**vars(new), "args": forked.args}


@pytest.mark.parametrize(
    "code",
    [
        "pass",
        "raise SystemExit",
        "raise SystemExit(3)",
        "raise SystemExit('words')",
        "import atexit; atexit.register(print, 'at last')",
        "import threading, time; threading.Timer(0.05, print, ['later']).start()",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    ],
)
def test_a_program_ends_as_it_would_in_python(code: str) -> None:
    forked, new = (forking.run(["-c", code], is_new=is_new) for is_new in (False, True))
    assert vars(forked) == {**vars(new), "args": forked.args}


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("1 / 0", 1, "ZeroDivisionError: division by zero\n"),
        ("import signal, os; os.kill(os.getpid(), signal.SIGINT)", -2, "KeyboardInterrupt\n"),
        ("import socket; s = socket.socket()", 0, "ResourceWarning: unclosed <socket.socket"),
    ],
)
def test_what_went_wrong_is_told(code: str, status: int, said: str) -> None:
    done = forking.run(["-W", "error", "-c", code])
    assert done.returncode == status
    assert said in done.stderr


def test_a_program_is_talked_to_and_sent_signals() -> None:
    code = "print(input()[::-1], flush=True); input()"
    program = forking.start(["-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdin.write("abc\n")
    program.stdin.flush()
    assert program.stdout.readline() == "cba\n"
    assert program.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        program.wait(0.01)
    program.terminate()
    assert program.wait(60) == -signal.SIGTERM
    program.communicate(timeout=60)


@pytest.mark.parametrize("is_new", [False, True])
def test_what_it_writes_is_there_at_once_if_the_environment_says_so(is_new: bool) -> None:
    code = "import os, signal; print(1); os.kill(os.getpid(), signal.SIGKILL)"
    for variables, printed in (({}, ""), ({"PYTHONUNBUFFERED": "1"}, "1\n")):
        assert (
            forking.run(["-c", code], env=environment(**variables), is_new=is_new).stdout == printed
        )


def test_a_program_is_given_open_files(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        code = f"import os; os.write({file.fileno()}, b'written')"
        program = forking.start(["-c", code], pass_fds=[file.fileno()])
        assert program.wait(60) == 0
    assert (tmp_path / "file").read_text() == "written"


def test_the_process_that_forks_ends_with_its_last_user_and_so_do_its_programs() -> None:
    """In an interpreter that is killed."""
    code = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from tests import forking
forking.MODULES.clear()
program = forking.start(["-c", "input()"], stdin=-1, stdout=int(sys.argv[2]))
os.kill(os.getpid(), signal.SIGKILL)
"""
    reader, writer = os.pipe()
    alone = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    words = [sys.executable, "-c", code, str(forking.ROOT), str(writer)]
    done = subprocess.run(words, env=alone, pass_fds=[writer], timeout=120, check=False)
    os.close(writer)
    assert done.returncode == -signal.SIGKILL
    with os.fdopen(reader) as pipe:
        assert pipe.read() == ""  # Until nobody has the other end.
