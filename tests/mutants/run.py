"""How a mutant is tried: a process that has loaded all but the library forks, and runs pytest.

So no file is changed, and a mutant costs about a second. Programs that a test starts have the
library as it is.
"""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import find_spec, spec_from_file_location
from pathlib import Path
from types import CodeType
from typing import TypeVar

import pytest

from .operators import Mutant

ROOT = Path(__file__).parents[2]
# Found, and not imported: each fork imports it anew.
PACKAGE = Path(getattr(find_spec("clerk_hooks"), "origin", "")).parent
SECONDS = 60.0
OPTIONS = ["--assert=plain", "-p", "no:cacheprovider"]
"""What rewrites assertions would come before the finder."""
_ENDING = {signal.SIGINT, signal.SIGTERM}
_Mutant = TypeVar("_Mutant", Mutant, Mutant | None)


class _Finder(MetaPathFinder):
    """Gives one module of the library another code."""

    def __init__(self, module: str, tree: ast.Module) -> None:
        self.module, self.tree = module, tree

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        if fullname != f"clerk_hooks.{self.module}":
            return None
        file = str(PACKAGE / f"{self.module}.py")
        tree = self.tree

        class Loader(SourceFileLoader):
            def get_code(self, fullname: str) -> CodeType:
                return compile(tree, file, "exec", dont_inherit=True)

        return spec_from_file_location(fullname, file, loader=Loader(fullname, file))


def preload(tests: Sequence[str]) -> None:
    """Import what the tests import, apart from the library and the tests, once for all forks."""
    code = "import sys, pytest; pytest.main(sys.argv[1:]); print(*sys.modules, sep='\\n')"
    command = [sys.executable, "-c", code, "--collect-only", "-q", *OPTIONS, *tests]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    for name in ended.stdout.splitlines():
        if name.partition(".")[0] not in ("clerk_hooks", "tests"):
            with suppress(Exception):  # What pytest prints, and modules that are made at run time.
                import_module(name)


def start(mutant: Mutant | None, tests: Sequence[str]) -> int:
    """Fork, and run the tests there; returns the process id. Without a mutant, as it is."""
    process = os.fork()
    if process:
        with suppress(OSError):  # It has ended.
            os.setpgid(process, process)
        return process
    status = 3
    try:
        os.setpgid(0, 0)  # Here too, as nobody knows who comes first. It is ended with its group.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        silence = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(silence, descriptor)
        if mutant is not None:
            sys.meta_path.insert(0, _Finder(mutant.module, mutant.tree()))
        status = int(pytest.main(["-x", "-q", "--tb=no", *OPTIONS, *tests]))
    finally:
        os._exit(status)


def survivors(
    mutants: Iterable[_Mutant], tests: Sequence[str], processes: int, seconds: float = SECONDS
) -> Generator[tuple[_Mutant, bool]]:
    """Try each mutant; yields it with whether it survived, in the order in which they end.

    A mutant that still runs after `seconds` counts as killed: it hangs. Whatever ends this program,
    except SIGKILL, ends the forks and what they have started.
    """
    running: dict[int, tuple[_Mutant, float]] = {}
    waiting = [*mutants][::-1]
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                with _undisturbed():
                    mutant = waiting.pop()
                    running[start(mutant, tests)] = mutant, time.monotonic() + seconds
            for process, (mutant, until) in [*running.items()]:
                ended, status = os.waitpid(process, os.WNOHANG)
                if ended:
                    del running[process]
                    _end_group(process)
                    yield mutant, status == 0
                elif time.monotonic() > until:
                    _end_group(process)
            time.sleep(0.01)
    finally:
        for process in running:
            _end_group(process)


@contextmanager
def _undisturbed() -> Generator[None]:
    """Hold signals back, so that no fork is started and forgotten."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_group(process: int) -> None:
    # An error: it has ended, and so has everything that it started.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process, signal.SIGKILL)
