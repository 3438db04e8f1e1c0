"""What ``clerk-hooks worker``, ``python -m clerk_hooks.worker`` and ``manage.py`` do."""

import logging
import sys
import traceback
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import timedelta

from ..errors import ClerkHooksError, ConfigurationError
from . import Worker
from ._target import target

WRONG, BROKEN = 2, 70
"""Exit statuses: called wrongly, or not set up; a defect, or deliveries were cut off."""


DESCRIPTION = "Runs the handlers of the deliveries that an inbox keeps, until SIGTERM or Ctrl-C."


def add_arguments(parser: ArgumentParser) -> None:
    """Add what `run_command` takes: ``worker``, ``slots`` and ``grace``."""
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


def run_command(
    text: str, slots: int | None, grace: float, prepare: Callable[[Worker], object] | None = None
) -> int:
    """Run the worker that ``MODULE:WORKER`` names; returns the exit status.

    `prepare` is called with the worker before that.

    0: it was told to end, and what ran has ended. 2: it could not begin; one line on stderr says
    why. 70: deliveries were cut off, or the program has a defect.
    """
    try:
        worker = target(text, "app:worker")
        if not isinstance(worker, Worker):
            kind = type(worker).__name__
            raise ConfigurationError(f"{text} must be a Worker, not of type {kind}")
        if not logging.getLogger().handlers and not logging.getLogger("clerk_hooks").handlers:
            layout = "%(asctime)s %(levelname)s %(name)s: %(message)s"
            logging.basicConfig(level=logging.INFO, format=layout)
        if prepare is not None:
            prepare(worker)
        return worker.run(slots=slots, grace=timedelta(seconds=grace))
    except ClerkHooksError as error:
        if not isinstance(error, ConfigurationError):
            traceback.print_exc()
            return BROKEN
        sys.stderr.write(f"clerk-hooks worker: {' '.join(str(error).split())}\n")
        return WRONG
    except Exception:  # noqa: BLE001 - the last resort: a supervisor starts it again
        traceback.print_exc()
        return BROKEN
