"""Reports on replies while deliveries are being sent, for people or for programs."""

from __future__ import annotations

import re
from html import unescape
from math import ceil
from typing import TYPE_CHECKING, Any

from ._console import FAILURE, SUCCESS, console, plain_table, print_json, print_summary, shown
from ._recording import message_id_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ._sending import Outcome

_SHOWN_ONE_BY_ONE = 50
"""With more deliveries than this, only those that did not end as expected are shown."""
_MIN_FOR_PERCENTILES = 20
"""Replies. Percentiles of fewer say nothing."""


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
    if len(seen) > 1:
        screen.print()
        screen.print(_latencies(seen))
    return print_summary(screen, sum(outcome.is_expected for outcome in seen), len(seen))


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
                screen.print(_line(outcome), soft_wrap=True)
            yield outcome


def _line(outcome: Outcome) -> Text:
    """One outcome; only its status is coloured."""
    from rich.text import Text

    job = outcome.job
    status = "---" if outcome.status is None else str(outcome.status)
    if not outcome.is_expected:
        status += f", expected {' or '.join(job.expected.split())}"
    name = job.event_type if job.kind == "delivery" else f"{job.event_type} ({job.kind})"
    message_id = shown(message_id_of(job.headers) or "(no message id)", 80)
    milliseconds = f"{outcome.seconds * 1000:.0f} ms"
    text = f"  {milliseconds:>7}  {name}  {message_id}  {shown(_reply(outcome), 200)}"
    return Text.assemble((status, SUCCESS if outcome.is_expected else FAILURE), text)


def _reply(outcome: Outcome) -> str:
    """The body of the reply; of an HTML page only its title, because no endpoint sends one."""
    if not re.match(r"\s*<(!doctype\s+html|html)\b", outcome.body, re.IGNORECASE):
        return outcome.body
    title = re.search(r"<title[^>]*>([^<]*)", outcome.body, re.IGNORECASE)
    named = f" ({unescape(title[1]).strip()})" if title else ""
    return f"an HTML page{named}, which is not a reply of the endpoint"


def _latencies(outcomes: list[Outcome]) -> Table:
    """A table of the time that replies took, by status."""
    by_status: dict[str, list[float]] = {}
    for outcome in outcomes:
        status = "no reply" if outcome.status is None else str(outcome.status)
        by_status.setdefault(status, []).append(outcome.seconds * 1000)
    has_enough = any(len(times) >= _MIN_FOR_PERCENTILES for times in by_status.values())
    headings = {"Median": 50, **({"90 %": 90, "99 %": 99} if has_enough else {}), "Longest": 100}
    table = plain_table()
    table.add_column("Status")
    for heading in ("Replies", *headings):
        table.add_column(heading, justify="right")
    for status, times in sorted(by_status.items()):
        cells = [_percentile(times, part) for part in headings.values()]
        table.add_row(status, str(len(times)), *cells)
    return table


def _percentile(times: list[float], part: int) -> str:
    if part in (90, 99) and len(times) < _MIN_FOR_PERCENTILES:
        return "-"
    return f"{sorted(times)[ceil(len(times) * part / 100) - 1]:.1f} ms"
