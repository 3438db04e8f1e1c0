"""``clerk-hooks worker``: runs the handlers of the deliveries that an inbox keeps."""

from __future__ import annotations

from typing import Annotated

import typer


def worker(
    target: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:WORKER",
            help='The worker, such as app:worker for "worker = Worker(...)" in app.py. The module '
            "may be in the current folder.",
        ),
    ],
    *,
    slots: Annotated[
        int | None,
        typer.Option(
            "--slots",
            metavar="N",
            min=1,
            help="Deliveries that run at a time. Default: as the worker itself says.",
            show_default=False,
        ),
    ] = None,
    grace: Annotated[
        float,
        typer.Option(
            "--grace",
            metavar="SECONDS",
            min=0,
            help="How long deliveries that run may take to end after the first signal.",
        ),
    ] = 25.0,
) -> None:
    """Run the handlers of the deliveries that an inbox keeps, until SIGTERM or Ctrl-C.

    Then the deliveries that run have time to end. A second signal ends that time: what has not
    begun is put back. Without the extra cli, "python -m clerk_hooks.worker" does the same.

    Exits with 0 if everything has ended, with 2 if it could not begin, and with 70 if deliveries
    were cut off or the program has a defect.

    \b
    clerk-hooks worker app:worker
    clerk-hooks worker app:worker --slots 25
    """
    from ..worker._command import run_command

    raise typer.Exit(run_command(target, slots, grace))
