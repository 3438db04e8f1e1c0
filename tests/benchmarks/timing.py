"""Measuring two things in one run, so that only their ratio counts and not the machine."""

import gc
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter

SRC = Path(__file__).parents[2] / "src"


def seconds_per_call(
    calls: Mapping[str, Callable[[], object]], rounds: int = 101, slice_seconds: float = 0.004
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
    gc.collect()
    gc.disable()  # As timeit does: otherwise one call pays for the garbage of the one before it.
    try:
        started = perf_counter()
        for _ in turns:
            call()
        return perf_counter() - started
    finally:
        gc.enable()


def fresh_interpreters(
    programs: Mapping[str, Sequence[str]], *, rounds: int = 21
) -> dict[str, tuple[float, float]]:
    """Median seconds and peak memory (ru_maxrss) of each program, in new interpreters."""
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


# A process begins with the peak memory of the one that forked it, so a small one must fork.
_LAUNCHER = """
import os, sys, time
started = time.perf_counter()
process = os.posix_spawn(sys.executable, sys.argv[1:], os.environ)
_, status, usage = os.wait4(process, 0)
print(time.perf_counter() - started, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def _run(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float]:
    launcher = [sys.executable, "-S", "-c", _LAUNCHER, *command]
    printed = subprocess.run(
        launcher, env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    seconds, memory = map(float, printed.split())
    return seconds, memory
