"""`tests.mutants`: what it changes, in which modules, and which tests are to notice it."""

import ast
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from .mutants.__main__ import PACKAGE, ROOT, TESTS, equivalent
from .mutants.operators import mutants

PROGRAM = """
LIMIT: Final = 5
def over(value: int) -> bool:
    \"\"\"Whether it is.\"\"\"
    if not value:
        raise ValueError(f"{value}")
    return value > LIMIT
"""


def test_each_mutant_has_one_change_and_a_name_of_its_own() -> None:
    found = [*mutants("numbers", PROGRAM)]
    assert [mutant.name for mutant in found] == [
        "numbers: 5 -> 6",
        "numbers: 5 -> 4",
        "numbers.over: not value -> value",
        "numbers.over: raise ValueError(f'{value}') -> pass",
        "numbers.over: return value > LIMIT -> return None",
        "numbers.over: value > LIMIT -> value >= LIMIT",
        "numbers.over: value > LIMIT -> value <= LIMIT",
    ]
    original = ast.unparse(ast.parse(PROGRAM)).splitlines()
    for mutant in found:
        changed = ast.unparse(mutant.tree()).splitlines()
        assert sum(a != b for a, b in zip(original, changed, strict=True)) == 1, mutant.name


def test_each_module_has_mutants_and_tests() -> None:
    for module, words in TESTS.items():
        assert [*mutants(module, (PACKAGE / f"{module}.py").read_text("utf-8"))], module
        assert all([*ROOT.glob(f"tests/test_{word}.py")] for word in words.split()), module


def test_each_mutant_that_is_listed_as_equivalent_has_a_reason() -> None:
    assert all(reason.strip() for reason in equivalent().values())


ENDLESS = """
import os, signal
def test_that_never_ends():
    with open("pipe", "w") as pipe:
        print(os.getpid(), file=pipe, flush=True)
        signal.pause()
"""
ON_ENDLESS_TESTS = """
import sys
from pathlib import Path
from tests.mutants import __main__ as program
program.ROOT = Path(sys.argv.pop())
program.TESTS = {"patterns": "endless"}
sys.exit(program.main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot fork")
def test_sigterm_ends_the_forks_too(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_endless.py").write_text(ENDLESS)
    os.mkfifo(tmp_path / "pipe")
    program = subprocess.Popen([sys.executable, "-c", ON_ENDLESS_TESTS, str(tmp_path)])
    with program, (tmp_path / "pipe").open("rb", buffering=0) as pipe:
        assert int(pipe.read(20)) != program.pid
        program.terminate()
        assert program.wait() == 143
        assert select.select([pipe], [], [], 30)[0]
        assert pipe.read(20) == b""  # The fork has ended, and with it its end of the pipe.
