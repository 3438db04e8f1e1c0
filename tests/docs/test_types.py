"""mypy refuses the programs of the pages that are said to be refused, each on the line it says."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from .pages import BLOCK, PAGES


def refused_programs() -> list[str]:
    """Each block after ``<!-- refused by mypy -->``, below the programs above it on its page."""
    programs = []
    for page in PAGES:
        above = ""
        for match in BLOCK.finditer(page.read_text("utf-8")):
            if match["kind"] != "python":
                continue
            if (match["note"] or "").startswith("refused by mypy"):
                programs.append(above + match["text"])
            else:
                above += match["text"]
    return programs


@pytest.mark.skipif(find_spec("mypy") is None, reason="needs mypy, of the extra dev")
def test_mypy_finds_the_error_that_a_page_announces_and_no_other(tmp_path: Path) -> None:
    announced = set()
    for number, program in enumerate(refused_programs()):
        name = f"refused_{number}.py"
        (tmp_path / name).write_text(program, "utf-8")
        lines = enumerate(program.splitlines(), 1)
        announced |= {(name, str(line)) for line, text in lines if "# error" in text}
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir=.mypy_cache", "."]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    found = re.findall(r"(?m)^(\w+\.py):(\d+): error:", done.stdout)
    assert announced
    assert {*found} == announced, done.stdout
