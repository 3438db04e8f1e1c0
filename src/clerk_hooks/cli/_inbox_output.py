"""How ``clerk-hooks inbox`` prints what an inbox keeps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, get_args

from ..instants import datetime_of
from ..messages import Record, State
from ._console import console, plain_table, shown

if TYPE_CHECKING:
    from ..messages import Status


def print_fields(record: Record, *, payload: bool) -> None:
    """Print the fields of one record, each on a line."""
    for name, value in {
        **fields(record, payload=payload),
        "done": ", ".join(record.done),
        "reason": shown(record.reason, 1000),
    }.items():
        print(f"{name + ':':15} {'' if value is None else value}".rstrip())


def print_status(found: Status) -> None:
    """Print how an inbox fares."""
    for state in get_args(State):
        print(f"{state + ':':9}{found.counts.get(state, 0)}")
    oldest = (
        "nothing is due" if found.lag is None else f"the oldest has been due for {found.lag:.0f} s"
    )
    print(f"{'lag:':9}{oldest}")
    if not found.workers:
        print("workers: none has written its row in the last 30 s")
    for worker in found.workers:
        slots = f"{worker.running} of {worker.slots} slots are busy"
        print(f"worker:  {shown(worker.name, 80)}, {slots}")


def print_records(records: Iterable[Record], *, payload: bool) -> None:
    """Print records as a table, with or without their payloads."""
    table = plain_table()
    headings = ["Message", "State", "Type", "Accepted (UTC)", "Failures", "Reason"]
    for heading in headings + ["Payload"] * payload:
        table.add_column(heading, overflow="fold")
    for record in records:
        accepted = f"{datetime_of(record.accepted_at):%Y-%m-%d %H:%M:%S}"
        cells = [record.message_id, record.state, record.event_type or "", accepted]
        cells += [str(record.failures), shown(record.reason, 200)]
        if payload:
            cells.append((record.payload or b"").decode("utf-8", "backslashreplace"))
        table.add_row(*cells)
    console(wraps_always=True).print(table)


def fields(record: Record, *, payload: bool) -> dict[str, object]:
    """The fields of a record, for JSON."""
    values: dict[str, object] = {
        "message_id": record.message_id,
        "state": record.state,
        "event_type": record.event_type,
        "attempted_at": iso(record.attempted_at),
        "accepted_at": iso(record.accepted_at),
        "due_at": iso(record.due_at),
        "takes": record.takes,
        "failures": record.failures,
        "done": [*record.done],
        "reason": record.reason,
    }
    if payload:
        raw = record.payload
        values["payload"] = None if raw is None else raw.decode("utf-8", "backslashreplace")
    return values


def iso(seconds: float) -> str:
    """An instant as text, in UTC."""
    return datetime_of(seconds).isoformat(timespec="milliseconds")
