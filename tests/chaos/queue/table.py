"""The table of the runs of an inbox."""

import argparse

from ..places import AbsentError
from .run import INBOXES, Run, run

_HEADINGS = (
    f"{'':42} {'sent':>6} {'effects':>8} {'killed':>7} {'ended':>6} {'lost':>5} {'innocent':>9} "
    f"{'twice':>6} {'explained':>10} {'seconds':>8}"
)


def main(arguments: list[str]) -> int:
    """Play all runs, and print their figures; returns the exit status."""
    defaults = Run()
    parser = argparse.ArgumentParser(prog="python -m tests.chaos queue", description=__doc__)
    parser.add_argument("--inbox", choices=INBOXES, action="append", help="default: all of them")
    parser.add_argument("--deliveries", type=int, default=defaults.deliveries)
    parser.add_argument("--kill-every", type=int, default=defaults.kill_every, metavar="DELIVERIES")
    parser.add_argument("--rate", type=float, default=defaults.rate, help="messages per second")
    parser.add_argument("--seed", type=int)
    options = vars(parser.parse_args(arguments))
    kinds = options.pop("inbox") or list(INBOXES)
    settings = defaults._replace(**options, objects=max(1, options["deliveries"] // 8))
    print(
        f"{settings.deliveries} deliveries to {settings.webs} web processes, and "
        f"{settings.workers} workers of {settings.slots} slots; after every {settings.kill_every} "
        "deliveries, a web process, a worker, or half of the connections to the database is "
        f"ended\n\n{_HEADINGS}"
    )
    status = max(_report(kind, settings) for kind in kinds)
    crowded = settings._replace(
        deliveries=settings.deliveries // 5, slots=100, rate=1e9, kill_every=None, faulty=3
    )
    print(
        f"\n{crowded.deliveries} deliveries at once, 3 of which kill their worker of "
        f"{crowded.slots} slots\n\n{_HEADINGS}"
    )
    # With Django, each slot has a connection of its own, and the server has not so many.
    crowds = [_report(kind, crowded) for kind in kinds if not kind.startswith("DjangoInbox")]
    return max(status, *crowds, 0)


def _report(kind: str, settings: Run) -> int:
    try:
        outcome = run(kind, settings)
    except AbsentError as error:
        print(f"{kind:42} {error}")
        return 2
    verdict, effects = outcome.verdict, outcome.verdict.effects
    print(
        f"{kind:42} {outcome.sent:>6} {effects.effects:>8} {effects.killed:>7} {verdict.ended:>6} "
        f"{len(verdict.lost):>5} {len(verdict.innocent):>9} {len(effects.duplicates):>6} "
        f"{len(effects.explained):>10} {outcome.seconds:>8.1f}"
    )
    replies = ", ".join(f"{count} {reply}" for reply, count in sorted(outcome.replies.items()))
    print(f"{'':42} replies: {replies}")
    runs = ", ".join(f"{fault} {count}" for fault, count in verdict.runs.items())
    print(f"{'':42} most runs of a delivery that never ends well: {runs}", flush=True)
    failures = verdict.failures(is_transactional=kind.endswith("transactional"))
    for failure in failures[:10]:
        print(f"{'':42} FAILED: {failure}")
    return 1 if failures else 0
