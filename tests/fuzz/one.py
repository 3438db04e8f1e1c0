"""One target in this process: ``python -m tests.fuzz.one TARGET [LIBFUZZER OPTIONS] CORPUS``."""

from __future__ import annotations

import gc
import os
import random
import sys
from contextlib import suppress

import atheris

with atheris.instrument_imports(include=["clerk_hooks"]):  # type: ignore[no-untyped-call,unused-ignore]
    from .targets import TARGETS, watch_the_log

from .mutator import change


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    chance = random.Random(seed)
    changed = None
    if chance.random() < 0.5:
        with suppress(RecursionError):  # JSON that is read, but too deep to be written again.
            changed = change(data, chance)
    if changed is None or len(changed) > max_size:
        return bytes(atheris.Mutate(data, max_size))
    return changed


if __name__ == "__main__":
    name, *options = sys.argv[1:]
    (target,) = (target for target in TARGETS if target.__name__ == name)
    watch_the_log()
    os.environ.clear()  # `explain` looks for secrets in each variable.
    gc.freeze()  # So that what was imported is not looked at again and again.
    gc.set_threshold(20_000)
    atheris.Setup([name, *options], target, custom_mutator=mutate)
    atheris.Fuzz()
