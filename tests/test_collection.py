"""Tests can be shared out among processes, and the quick ones are still there."""

import os
import subprocess
import sys
from pathlib import Path

from .conftest import SLOW, TESTS

ROOT = Path(__file__).parents[1]


def test_every_process_collects_the_same_tests_in_the_same_order() -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    collecting = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    first, second = (process.communicate(timeout=300)[0].splitlines() for process in collecting)
    assert [process.returncode for process in collecting] == [0, 0], first[-15:]
    assert len(first) > 1000
    assert first[:-1] == second[:-1]  # The last line says how long it took.


def test_everything_that_is_said_to_be_slow_exists() -> None:
    assert [name for name in SLOW if not (TESTS / name).exists()] == []
