"""``python -m tests.mutants [MODULE...] [-j N] [--list]``: see the package's docstring."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from .operators import Mutant, mutants
from .run import PACKAGE, ROOT, start, survivors

EQUIVALENT = Path(__file__).with_name("equivalent.txt")
TESTS = {
    "claims": "endpoint_store* idempotency processing",
    "delivery": "delivery parse_event processing",
    "dispatch": "dispatch* adispatch* endpoint_store*",
    "endpoint": "endpoint endpoint_* processing",
    "handler": "handler* parameters router dispatch",
    "headers": "headers signature signature_conformance signature_hostile",
    "idempotency": "idempotency memory endpoint_store*",
    "instants": "instants signature delivery",
    "memory": "memory idempotency endpoint_store*",
    "parameters": "parameters handler dispatch",
    "patterns": "router* on",
    "processing": "processing endpoint_* endpoint handler_rules router_unknown",
    "registry": "router* handler_rules processing",
    "reply": "endpoint_replies endpoint endpoint_store_*",
    "router": "router* on dispatch adispatch",
    "secret": "secret* signature leaks",
    "signature": "signature* leaks",
    "signing": "signature_sign signature_svix signature_differential signature_hostile",
}
"""The modules that are changed, and the files of tests/ that are to notice it."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"of {', '.join(TESTS)}")
    parser.add_argument("-j", type=int, default=os.cpu_count() or 1, dest="processes", metavar="N")
    parser.add_argument("--list", action="store_true", help="only print the mutants")
    options = parser.parse_args()
    if unknown := {*options.modules} - TESTS.keys():
        parser.error(f"unknown module: {', '.join(sorted(unknown))}")
    os.chdir(ROOT)
    listed = equivalent()
    faults = []
    for module in options.modules or TESTS:
        found = [*mutants(module, (PACKAGE / f"{module}.py").read_text("utf-8"))]
        if options.list:
            print(*(mutant.name for mutant in found), sep="\n")
            continue
        faults += try_module(module, found, listed, options.processes)
    print(*faults, sep="\n")
    return 1 if faults else 0


def try_module(
    module: str, found: list[Mutant], listed: dict[str, str], processes: int
) -> list[str]:
    """What is wrong with the tests of a module, or with the list of its equivalent mutants."""
    names = [path for word in TESTS[module].split() for path in ROOT.glob(f"tests/test_{word}.py")]
    tests = [str(path.relative_to(ROOT)) for path in dict.fromkeys(names)]
    broken = next(mutants(module, "if 1 != 1: raise ImportError"))
    for mutant, fault in ((None, "tests fail without a mutant"), (broken, "mutants do not arrive")):
        _, status = os.waitpid(start(mutant, tests), 0)
        if (status == 0) is (mutant is not None):
            return [f"{module}: {fault}"]
    alive = {}
    for number, (mutant, survives) in enumerate(survivors(found, tests, processes), 1):
        if survives:
            alive[mutant.name] = mutant
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{module}: {number} of {len(found)}, {len(alive)} alive ")
    mine = {name for name in listed if name.partition(".")[0] == module}
    print(f"{module}: {len(found)} mutants, {len(alive)} survivors, {len(mine)} listed", flush=True)
    new = [mutant for name, mutant in alive.items() if name not in listed]
    return [f"survives: {mutant.name}  [line {mutant.line}]" for mutant in new] + [
        f"listed in equivalent.txt, but killed or gone: {name}" for name in sorted(mine - {*alive})
    ]


def equivalent() -> dict[str, str]:
    """The mutants that are listed, each with the reason, which is indented below it."""
    listed: dict[str, str] = {}
    name = ""
    for line in EQUIVALENT.read_text("utf-8").splitlines():
        if line.startswith((" ", "\t")):
            listed[name] += line
        elif line and not line.startswith("#"):
            name = line
            listed[name] = ""
    without = [name for name, reason in listed.items() if not reason.strip()]
    assert not without, f"no reason is given for {without}"
    return listed


if __name__ == "__main__":
    sys.exit(main())
