"""``clerk-hooks demo``: signed deliveries to a real server on this machine, and the replies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from logging import LogRecord

    from rich.table import Table

    from ._scenario import Outcome


def demo(
    *,
    svix: Annotated[
        bool, typer.Option("--svix", help="Let svix's own code verify the signatures.")
    ] = False,
) -> None:
    """Send signed deliveries to a real server on this machine, and show the replies.

    Needs no account and no settings, and takes a few seconds. Exits with 1 if any delivery did not
    end as expected.
    """
    from rich.console import Console

    from ._scenario import CASES, play

    outcomes, records = play(CASES, svix=svix)
    # Markup and emoji codes are off, because the text comes from requests and logs.
    console = Console(markup=False, emoji=False, highlight=False)
    verifier = "SvixVerifier" if svix else "Verifier"
    console.print(f"Signed by svix, sent over HTTP to 127.0.0.1, checked by {verifier}:\n")
    console.print(_outcomes(outcomes))
    console.print(
        "\nThe library logged this meanwhile, all of it expected: the error of a handler (here "
        "without its traceback), and why requests were refused.\n"
    )
    console.print(_log(records))
    expected = sum(outcome.is_expected for outcome in outcomes)
    console.print(f"\n{expected} of {len(outcomes)} deliveries ended as expected.", style="bold")
    if expected < len(outcomes):
        raise typer.Exit(1)


def _outcomes(outcomes: Sequence[Outcome]) -> Table:
    from rich.box import HORIZONTALS
    from rich.table import Table

    table = Table(box=HORIZONTALS, padding=(0, 1, 0, 0), show_edge=False, show_lines=True)
    table.add_column("Delivery", overflow="fold")
    for heading in ("Expected", "Got", "Reply", "Handlers that ran"):
        table.add_column(heading, overflow="fold")
    for outcome in outcomes:
        case = outcome.case
        table.add_row(
            case.title,
            str(case.status),
            str(outcome.status),
            _compared(outcome.word, case.word),
            _compared("\n".join(outcome.notes) or "-", "\n".join(case.notes) or "-"),
            style="" if outcome.is_expected else "bold red",
        )
    return table


def _compared(got: str, expected: str) -> str:
    return got if got == expected else f"{got}\n(expected: {expected})"


def _log(records: Sequence[LogRecord]) -> Table:
    from rich.table import Table

    table = Table.grid(padding=(0, 1))
    table.add_column()
    table.add_column(overflow="fold")
    for record in records:
        error = record.exc_info[1] if record.exc_info else None
        raised = f" ({error!r})" if error else ""
        table.add_row(record.levelname, record.getMessage() + raised)
    return table
