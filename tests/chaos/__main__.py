"""Print what becomes of deliveries while servers are killed: ``python -m tests.chaos``.

``python -m tests.chaos queue`` does so for an inbox and its workers.

Exits with 1 where a requirement is not met, and with 2 where a service is absent.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial

from .places import PLACES, AbsentError
from .queue import table
from .run import Outcome, Run, crowd, run

_HEADINGS = (
    f"{'':32} {'sent':>6} {'effects':>8} {'killed':>7} {'duplicates':>11} {'losses':>7} "
    f"{'stale runs':>11} {'outdated':>9} {'seconds':>8}"
)


def main(arguments: list[str] | None = None) -> int:
    """Play all runs, and print their figures."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["queue"]:
        return table.main(arguments[1:])
    defaults = Run()
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--store", choices=PLACES, action="append", help="default: all of them")
    parser.add_argument("--events", type=int, default=defaults.events)
    parser.add_argument("--objects", type=int, default=defaults.objects)
    parser.add_argument("--processes", type=int, default=defaults.processes)
    parser.add_argument("--kill-every", type=int, default=defaults.kill_every, metavar="DELIVERIES")
    parser.add_argument("--rate", type=float, default=defaults.rate, help="messages per second")
    parser.add_argument("--seed", type=int)
    options = vars(parser.parse_args(arguments))
    kinds = options.pop("store") or list(PLACES)
    settings = Run(**options)
    print(
        f"{settings.events} events of {settings.objects} objects to {settings.processes} "
        f"processes, one killed after every {settings.kill_every} deliveries\n\n{_HEADINGS}"
    )
    status = max(_report(kind, partial(run, kind, settings)) for kind in kinds)
    print(f"\nThe same message 1,000 times to 8 processes at once\n\n{_HEADINGS}")
    at_once = settings._replace(events=1_000, processes=8, threads=32)
    return max(status, *[_report(kind, partial(crowd, kind, at_once)) for kind in kinds])


def _report(kind: str, play: Callable[[], Outcome]) -> int:
    try:
        outcome = play()
    except AbsentError as error:
        print(f"{kind:32} {error}")
        return 2
    verdict = outcome.verdict
    duplicates = len(verdict.duplicates) + len(verdict.explained)
    print(
        f"{kind:32} {outcome.sent:>6} {verdict.effects:>8} {verdict.killed:>7} {duplicates:>11} "
        f"{len(verdict.losses):>7} {len(verdict.stale):>11} {len(verdict.outdated):>9} "
        f"{outcome.seconds:>8.1f}"
    )
    if verdict.explained:
        print(
            f"{'':32} {len(verdict.explained)} of the duplicates: killed between effect and confirm"
        )
    replies = ", ".join(f"{count} {reply}" for reply, count in sorted(outcome.replies.items()))
    print(f"{'':32} replies: {replies}")
    failures = verdict.failures(is_transactional=kind.endswith("transactional"))
    for failure in failures[:10]:
        print(f"{'':32} FAILED: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
