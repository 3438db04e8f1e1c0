"""``clerk-hooks demo``: signed deliveries to a real server on this machine, and the replies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ._console import FAILURE, console, plain_table, print_summary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from logging import LogRecord

    from rich.table import Table

    from ._playing import Outcome

_NEXT = """
Next, try your own application while it is running:

  export CLERK_WEBHOOK_SIGNING_SECRET=whsec_...   # the application's secret
  clerk-hooks send user.created --to http://127.0.0.1:8000/webhooks/clerk"""


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
    from ._playing import play
    from ._scenario import CASES

    outcomes, records = play(CASES, svix=svix)
    screen = console(wraps_always=True)
    verifier = "SvixVerifier" if svix else "Verifier"
    screen.print(f"Signed by svix, sent over HTTP to 127.0.0.1, checked by {verifier}:\n")
    screen.print(_outcomes(outcomes))
    screen.print(
        "\nThe library logged this meanwhile, all of it expected: the error of a handler (here "
        "without its traceback), and why requests were refused.\n"
    )
    screen.print(_log(records))
    expected = sum(outcome.is_expected for outcome in outcomes)
    if not print_summary(screen, expected, len(outcomes)):
        raise typer.Exit(1)
    print(_NEXT)


def _outcomes(outcomes: Sequence[Outcome]) -> Table:
    """A table that fits into 80 columns without breaking an event type."""
    table = plain_table(lines=True)
    longest = max(len(word) for outcome in outcomes for word in outcome.case.title.split())
    table.add_column("Delivery", min_width=longest, max_width=longest)
    for heading in ("Status", "Reply", "Handlers that ran"):
        table.add_column(heading, overflow="fold")
    for outcome in outcomes:
        case = outcome.case
        table.add_row(
            case.title,
            _compared(str(outcome.status), str(case.status)),
            _compared(outcome.word, case.word),
            _compared("\n".join(outcome.notes) or "-", "\n".join(case.notes) or "-"),
            style="" if outcome.is_expected else FAILURE,
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
