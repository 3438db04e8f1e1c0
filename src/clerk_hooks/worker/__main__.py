"""``python -m clerk_hooks.worker``, which needs no extra."""

import sys
from argparse import ArgumentParser

from ._command import run_command


def main() -> None:
    """Run a worker; exit with its status."""
    parser = ArgumentParser(
        prog="python -m clerk_hooks.worker",
        description="Runs the handlers of the deliveries that an inbox keeps, until SIGTERM or "
        "Ctrl-C.",
    )
    parser.add_argument("worker", metavar="MODULE:WORKER", help="the worker, such as app:worker")
    parser.add_argument(
        "--slots",
        type=int,
        metavar="N",
        help="deliveries that run at a time; default: the worker's own",
    )
    parser.add_argument(
        "--grace",
        type=float,
        default=25.0,
        metavar="SECONDS",
        help="for deliveries that run to end, after the first signal; default: 25",
    )
    arguments = parser.parse_args()
    sys.exit(run_command(arguments.worker, arguments.slots, arguments.grace))


if __name__ == "__main__":
    main()
