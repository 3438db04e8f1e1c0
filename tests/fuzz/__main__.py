"""Fuzz: ``python -m tests.fuzz [TARGET...] [--runs N]``. Exits with 1 if a target fails.

Exits with 2 where atheris is not installed: it has no wheel for every Python.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

from .targets import MAX_BODY, TARGETS

MAX_BYTES = MAX_BODY + 100
SECONDS = 20
"""How long one input may take, on a machine that does other things too."""


def main() -> int:
    seeds = {target.__name__: make for target, make in TARGETS.items()}
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(seeds))
    parser.add_argument("--runs", type=int, default=10_000, help="per target; default: %(default)s")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: pip install -e '.[fuzz]', on CPython 3.11 to 3.13")
        return 2
    failed = [name for name in options.targets or seeds if not fuzz(name, seeds[name](), options)]
    print(f"failed: {', '.join(failed)}" if failed else "nothing found")
    return 1 if failed else 0


def fuzz(name: str, seeds: list[bytes], options: argparse.Namespace) -> bool:
    """Run one target, in a process that libFuzzer ends. An input that fails it is kept."""
    kept = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds):
            Path(folder, f"{number:04}").write_bytes(seed)
        command = [
            *(sys.executable, "-m", "tests.fuzz.one", name),
            *(f"-runs={options.runs}", f"-seed={options.seed}", f"-max_len={MAX_BYTES}"),
            *(f"-timeout={SECONDS}", "-rss_limit_mb=1024", f"-artifact_prefix={kept}/"),
            folder,
        ]
        print(f"{name}: {options.runs} inputs, from {len(seeds)}", flush=True)
        pipe = subprocess.PIPE
        ended = subprocess.run(
            command, check=False, stdout=pipe, stderr=subprocess.STDOUT, text=True
        )
    print("\n".join(ended.stdout.splitlines()[-1 if ended.returncode == 0 else -60 :]), flush=True)
    if any(kept.iterdir()):
        print(f"try it again: python -m tests.fuzz.one {name} {kept}/*", flush=True)
    else:
        kept.rmdir()
    return ended.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
