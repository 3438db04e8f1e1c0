"""``python -m clerk_hooks.worker``, which needs no extra."""

import sys
from argparse import ArgumentParser

from ._command import DESCRIPTION, add_arguments, run_command


def main() -> None:
    """Run a worker; exit with its status."""
    parser = ArgumentParser(prog="python -m clerk_hooks.worker", description=DESCRIPTION)
    add_arguments(parser)
    arguments = parser.parse_args()
    sys.exit(run_command(arguments.worker, arguments.slots, arguments.grace))


if __name__ == "__main__":
    main()
