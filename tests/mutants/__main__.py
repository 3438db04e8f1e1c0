"""``python -m tests.mutants [MODULE...] [-j N] [--only TEXT] [--list]``: see the package."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from contextlib import closing
from pathlib import Path

from .operators import Mutant, mutants
from .run import PACKAGE, ROOT, SECONDS, preload, survivors

EQUIVALENT = Path(__file__).with_name("equivalent.txt")
TESTS = {
    "bounded": "handoff handoff_stuck",
    "carrier": "handoff",
    "claims": "endpoint_store* idempotency processing",
    "crew": "handoff_stuck",
    "delivery": "delivery delivery_* parse_event endpoint_payloads processing leaks "
    "endpoint_store_running endpoint_store_confirming",
    "delivery_json": "delivery_json leaks",
    "dispatch": "dispatch* adispatch* endpoint_store* observe",
    "failures": "dispatch* adispatch* processing",
    "endpoint": "endpoint endpoint_* observe delivery_context processing handoff",
    "handler": "handler* parameters router dispatch",
    "handoff": "handoff handoff_stuck",
    "headers": "headers signature signature_conformance signature_hostile",
    "idempotency": "idempotency memory endpoint_store*",
    "inbox": "inbox",
    "instants": "instants signature delivery",
    "json_text": "json_text delivery",
    "memory": "memory idempotency endpoint_store*",
    "notification": "handoff handoff_stuck",
    "one_thread": "one_thread",
    "observe": "observe processing endpoint_log dispatch_log",
    "parameters": "parameters handler dispatch",
    "parsing": "delivery parse_event endpoint_payloads json_text processing",
    "patterns": "patterns router* on handoff",
    "processing": "processing endpoint_* endpoint handler_rules router_unknown",
    "protocols": "protocols endpoint",
    "reading": "delivery parse_event json_text processing",
    "registry": "router* handler_rules processing",
    "reply": "endpoint_replies endpoint endpoint_store_*",
    "router": "router* on dispatch adispatch",
    "running_handler": "endpoint_store_running endpoint_store_confirming",
    "secret": "secret* signature leaks",
    "signature": "signature* secret_functions leaks",
    "store_calls": "endpoint_store* one_thread",
    "tally": "endpoint_store* processing",
    "signing": "signature_sign signature_svix signature_differential signature_hostile leaks",
    "svix_verifier": "signature_svix",
    "versions": "versions endpoint_store_stale endpoint_store_waiting",
    "waiting": "adispatch* dispatch_async dispatch_loop endpoint_threads one_thread "
    "endpoint_store_cancel",
}
"""The modules that are changed, and the files of tests/ that are to notice it."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"of {', '.join(TESTS)}")
    parser.add_argument("-j", type=int, default=os.cpu_count() or 1, dest="processes", metavar="N")
    parser.add_argument("--only", default="", metavar="TEXT", help="those with TEXT in their names")
    parser.add_argument("--list", action="store_true", help="only print the mutants")
    options = parser.parse_args()
    if unknown := {*options.modules} - TESTS.keys():
        parser.error(f"unknown module: {', '.join(sorted(unknown))}")
    os.chdir(ROOT)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    listed = {name: reason for name, reason in equivalent().items() if options.only in name}
    failed = []
    for module in options.modules or TESTS:
        all_of_it = mutants(module, (PACKAGE / f"{module}.py").read_text("utf-8"))
        found = [mutant for mutant in all_of_it if options.only in mutant.name]
        if options.list:
            print(*(mutant.name for mutant in found), sep="\n")
            continue
        if not passes(module, found, listed, options.processes):
            failed.append(module)
    print(f"failed: {', '.join(failed)}" if failed else "no survivor that is not listed")
    return 1 if failed else 0


def passes(module: str, found: list[Mutant], listed: dict[str, str], processes: int) -> bool:
    """Whether the tests of a module notice all mutants but the listed ones. Says what is wrong."""
    words = TESTS[module].split()
    names = [path for word in words for path in sorted(ROOT.glob(f"tests/test_{word}.py"))]
    tests = [str(path.relative_to(ROOT)) for path in dict.fromkeys(names)]
    broken = next(mutants(module, "if 1 != 1: raise ImportError"))
    preload(tests)
    started = time.monotonic()
    if [survives for _, survives in survivors([None, broken], tests, 1, 600)] != [True, False]:
        print(f"{module}: its tests fail without a mutant, or mutants do not arrive there")
        return False
    # The machine may have more to do later.
    seconds = max(SECONDS, 10 * (time.monotonic() - started))
    alive = set()
    with closing(survivors(found, tests, processes, seconds)) as tried:
        for number, (mutant, survives) in enumerate(tried, 1):
            if survives:
                alive.add(mutant.name)
                if mutant.name not in listed:
                    print(f"survives: {mutant.name}  [line {mutant.line}]", flush=True)
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{module}: {number} of {len(found)}, {len(alive)} alive ")
    mine = {name for name in listed if name.startswith((f"{module}.", f"{module}:"))}
    for name in sorted(mine - alive):
        print(f"listed in equivalent.txt, but killed or gone: {name}")
    print(f"{module}: {len(found)} mutants, {len(alive)} survivors, {len(mine)} listed", flush=True)
    return alive == mine


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
