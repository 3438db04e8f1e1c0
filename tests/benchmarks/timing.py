"""Measuring two things in one run, so that only their ratio counts and not the machine."""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter

SRC = Path(__file__).parents[2] / "src"


def seconds_per_call(
    calls: Mapping[str, Callable[[], object]], *, rounds: int = 41, slice_seconds: float = 0.004
) -> dict[str, float]:
    """Median seconds of one call of each, in interleaved rounds of about `slice_seconds` each."""
    repeats = {name: _repeats(call, slice_seconds) for name, call in calls.items()}
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            samples[name].append(_time(call, repeats[name]) / repeats[name])
    return {name: statistics.median(values) for name, values in samples.items()}


def _repeats(call: Callable[[], object], slice_seconds: float) -> int:
    repeats = 1
    while (elapsed := _time(call, repeats)) < slice_seconds / 4:
        repeats *= 2
    return max(1, round(repeats * slice_seconds / elapsed))


def _time(call: Callable[[], object], repeats: int) -> float:
    turns = range(repeats)
    started = perf_counter()
    for _ in turns:
        call()
    return perf_counter() - started


def fresh_interpreters(
    programs: Mapping[str, Sequence[str]], *, rounds: int = 21
) -> dict[str, tuple[float, float]]:
    """Median seconds and peak memory (KiB) of each program, each time in a new interpreter."""
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONPATH": str(SRC), "PYTHONPYCACHEPREFIX": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for round_ in range(rounds + 1):
            for name, arguments in programs.items():
                sample = _run([sys.executable, *arguments], environment)
                if round_:  # The first round compiles.
                    samples[name].append(sample)
    return {
        name: (
            statistics.median(seconds for seconds, _ in values),
            statistics.median(memory for _, memory in values),
        )
        for name, values in samples.items()
    }


def _run(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float]:
    started = perf_counter()
    process = subprocess.Popen(command, env=dict(environment))
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return elapsed, _kib(usage)


def _kib(usage: resource.struct_rusage) -> float:
    return usage.ru_maxrss / 1024 if sys.platform == "darwin" else usage.ru_maxrss
