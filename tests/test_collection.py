"""Tests can be shared out among processes, and the quick ones are still there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import EARLY, SLOW, TESTS

ROOT = Path(__file__).parents[1]


def collected_with(seed: str) -> list[str]:
    """The ids of all tests, as a process collects them whose hashes of text have this seed."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    ended = subprocess.run(
        command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert ended.returncode == 0, ended.stdout[-2000:]
    return [line for line in ended.stdout.splitlines() if "::" in line]


def test_every_process_collects_the_same_tests_in_the_same_order(
    request: pytest.FixtureRequest,
) -> None:
    every = collected_with("1")
    assert len(every) > 1000
    here = [item.nodeid for item in request.session.items]  # With a seed of its own.
    if len(here) < 1000:  # This process was asked for a few files.
        here = collected_with("2")
    chosen = set(here)
    assert [test for test in every if test in chosen] == here


def test_everything_that_is_said_to_be_slow_or_to_run_early_exists() -> None:
    assert [name for name in [*SLOW, *EARLY] if not (TESTS / name).exists()] == []
