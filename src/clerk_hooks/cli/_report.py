"""Reports on replies while deliveries are being sent, for people or for programs."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from ._recording import message_id_of
from ._usage import console, print_json, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console

    from ._sending import Outcome

_SHOWN_ONE_BY_ONE = 50
"""With more deliveries than this, only those that did not end as expected are shown."""


def report(outcomes: Iterable[Outcome], total: int, *, as_json: bool) -> bool:
    """Print outcomes as they come, then a summary; returns whether all of them are expected.

    `total` is the number of outcomes to come.
    """
    if as_json:
        unexpected = 0
        for outcome in outcomes:
            print_json(as_dict(outcome))
            unexpected += not outcome.is_expected
        return unexpected == 0
    screen = console()
    seen = list(_shown(outcomes, total, screen))
    expected = sum(outcome.is_expected for outcome in seen)
    if len(seen) > 1:
        screen.print()
        screen.print(_latencies(seen))
    screen.print(f"\n{expected} of {len(seen)} deliveries ended as expected.", style="bold")
    return expected == len(seen)


def as_dict(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON; the time is in milliseconds."""
    job = outcome.job
    return {
        "type": job.event_type,
        "kind": job.kind,
        "message_id": message_id_of(job.headers),
        "status": outcome.status,
        "expected": outcome.is_expected,
        "latency_ms": round(outcome.seconds * 1000, 1),
        "body": outcome.body,
    }


def _shown(outcomes: Iterable[Outcome], total: int, screen: Console) -> Iterator[Outcome]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    one_by_one = total <= _SHOWN_ONE_BY_ONE
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar_is_shown = screen.is_terminal and not one_by_one
    with Progress(*columns, console=screen, disable=not bar_is_shown, transient=True) as bar:
        task = bar.add_task("", total=total)
        for outcome in outcomes:
            bar.advance(task)
            if one_by_one or not outcome.is_expected:
                style = "" if outcome.is_expected else "bold red"
                screen.print(_line(outcome), style=style, soft_wrap=True)
            yield outcome


def _line(outcome: Outcome) -> str:
    job = outcome.job
    name = job.event_type if job.kind == "delivery" else f"{job.event_type} ({job.kind})"
    status = "---" if outcome.status is None else str(outcome.status)
    wanted = "" if outcome.is_expected else f", expected {' or '.join(job.expected.split())}"
    milliseconds = f"{outcome.seconds * 1000:.0f} ms"
    return f"{status}{wanted}  {milliseconds:>7}  {name}  {shown(outcome.body, 200)}"


def _latencies(outcomes: list[Outcome]) -> Any:
    """A table of the time that replies took, by status."""
    from rich.box import HORIZONTALS
    from rich.table import Table

    table = Table(box=HORIZONTALS, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("Status")
    for heading in ("Replies", "Median", "90 %", "99 %", "Longest"):
        table.add_column(heading, justify="right")
    by_status: dict[str, list[float]] = {}
    for outcome in outcomes:
        status = "no reply" if outcome.status is None else str(outcome.status)
        by_status.setdefault(status, []).append(outcome.seconds * 1000)
    for status, times in sorted(by_status.items()):
        times.sort()
        quantiles = [times[ceil(len(times) * part / 100) - 1] for part in (50, 90, 99)]
        cells = [f"{value:.1f} ms" for value in (*quantiles, times[-1])]
        table.add_row(status, str(len(times)), *cells)
    return table
