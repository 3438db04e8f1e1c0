"""``clerk-hooks inbox``: what an inbox keeps, and what people do about it.

The exit status is 0 if something was found, 1 if not, and 2 on an error.
"""

from __future__ import annotations

import os
import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from ..messages import Record, Selection, State
from ._console import print_json
from ._inbox import INBOX_VARIABLE, fail, opened
from ._inbox_output import fields, iso, print_fields, print_records, print_status
from ._options import Command, JsonOption, complete_event_type

if TYPE_CHECKING:
    from ..messages import Status

inbox_app = typer.Typer()

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

_Inbox = Annotated[
    str,
    typer.Option(
        "--inbox",
        envvar=INBOX_VARIABLE,
        metavar="URL",
        help="The inbox: the path of an SQLite file, sqlite:PATH, an SQLAlchemy URL, such as "
        "postgresql+psycopg://..., or MODULE:NAME, such as app:inbox.",
    ),
]
_MessageId = Annotated[
    str, typer.Argument(metavar="MSG_ID", help="The message id (svix-id), as in the log: msg_...")
]
_Type = Annotated[
    str | None,
    typer.Option(
        "--type",
        metavar="TYPE",
        help="Only this event type, such as user.created.",
        autocompletion=complete_event_type,
        show_default=False,
    ),
]
_Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help="Only what was accepted since then: 30m, 2h, 3d, or 2026-11-30T08:00 (UTC).",
        show_default=False,
    ),
]
_Payload = Annotated[
    bool, typer.Option("--payload", help="Show the payload too: it is your users' data.")
]


@inbox_app.callback(invoke_without_command=True)
def inbox(context: typer.Context) -> None:
    """Show what an inbox keeps for the workers, and retry or drop it.

    \b
    clerk-hooks inbox status --inbox clerk.db
    clerk-hooks inbox list --state dead --inbox clerk.db
    clerk-hooks inbox retry --dead --since 2h --inbox app:inbox
    """
    if context.invoked_subcommand is None:
        print(context.get_help())


@inbox_app.command("list", cls=Command, short_help="List messages, the newest first.")
def list_messages(  # noqa: PLR0913 - options
    *,
    inbox: _Inbox = "",
    state: Annotated[
        str | None,
        typer.Option(
            "--state",
            metavar="STATE",
            help="Only these: waiting, running, done or dead.",
            autocompletion=lambda: list(get_args(State)),
            show_default=False,
        ),
    ] = None,
    event_type: _Type = None,
    since: _Since = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="At most so many.")
    ] = 50,
    payload: _Payload = False,
    as_json: JsonOption = False,
) -> None:
    """List the messages that an inbox keeps, the newest first.

    Exits with 1 if there are none, and with 2 if the inbox does not answer.
    """
    known = {str(each): each for each in get_args(State)}
    if state is not None and state not in known:
        fail(f"--state {state!r}: expected {', '.join(known)}")
    selection = Selection(known.get(state or ""), event_type, _instant(since))
    with opened(_name(inbox)) as desk:
        records: list[Record] = [*desk.ask("list", selection, limit)]
    if as_json:
        print_json([fields(record, payload=payload) for record in records])
    elif records:
        print_records(records, payload=payload)
    else:
        print("No messages.")
    raise typer.Exit(0 if records else 1)


@inbox_app.command(cls=Command, short_help="Show one message.")
def show(
    message_id: _MessageId,
    *,
    inbox: _Inbox = "",
    payload: _Payload = False,
    as_json: JsonOption = False,
) -> None:
    """Show what an inbox keeps of a message: its state, its counts, and why it failed.

    Exits with 1 if the inbox does not know the message, and with 2 if it does not answer.
    """
    with opened(_name(inbox)) as desk:
        record: Record | None = desk.ask("show", message_id)
    if as_json:
        print_json(record and fields(record, payload=payload))
    elif record is None:
        print(f"The inbox does not know {message_id}.")
    else:
        print_fields(record, payload=payload)
    raise typer.Exit(1 if record is None else 0)


@inbox_app.command(cls=Command, short_help="Run messages again that are dead or wait.")
def retry(  # noqa: PLR0913 - options
    message_id: Annotated[
        str | None,
        typer.Argument(metavar="MSG_ID", help="One message.", show_default=False),
    ] = None,
    *,
    inbox: _Inbox = "",
    dead: Annotated[bool, typer.Option("--dead", help="All dead messages.")] = False,
    event_type: _Type = None,
    since: _Since = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="Forget a message that is done, so that a replay is accepted again."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run one message again, or all dead ones; handlers that have succeeded do not run again.

    With --again, a message that is done is forgotten, because its payload is gone: then replay it
    from Clerk's dashboard, and the inbox accepts it. A store may still know its handlers: see
    "clerk-hooks store forget".

    Exits with 1 if there was nothing to run again, and with 2 if the inbox does not answer.
    """
    if (message_id is None) != dead or (dead and again):
        fail("pass a message id, or --dead for all dead messages")
    if message_id is not None and (event_type is not None or since is not None):
        fail("--type and --since choose among dead messages: pass --dead instead of the message id")
    selection = Selection("dead" if dead else None, event_type, _instant(since))
    with opened(_name(inbox)) as desk:
        record: Record | None = desk.ask("show", message_id) if message_id is not None else None
        is_done = record is not None and record.state == "done"
        is_forgotten = is_done and again and desk.ask("drop", message_id)
        count: int = 0 if is_done else desk.ask("retry", selection, message_id)
    if as_json:
        print_json({"retried": count, "forgotten": int(is_forgotten)})
    elif is_forgotten:
        print(f"Forgotten: {message_id}. Now replay it from Clerk's dashboard.")
    elif message_id is None:
        print(f"Due now: {_messages(count)}.")
    else:
        print(f"Due now: {message_id}." if count else _why_not(message_id, record))
    raise typer.Exit(0 if count or is_forgotten else 1)


@inbox_app.command(cls=Command, short_help="Delete a message for good.")
def drop(message_id: _MessageId, *, inbox: _Inbox = "", as_json: JsonOption = False) -> None:
    """Delete a message, whatever its state: unless it is done, its handlers never run.

    Exits with 1 if the inbox does not know the message, and with 2 if it does not answer.
    """
    with opened(_name(inbox)) as desk:
        is_dropped: bool = desk.ask("drop", message_id)
    if as_json:
        print_json({"dropped": int(is_dropped)})
    else:
        print(f"Dropped: {message_id}." if is_dropped else f"The inbox does not know {message_id}.")
    raise typer.Exit(0 if is_dropped else 1)


@inbox_app.command(
    cls=Command, short_help="Delete done and dead messages older than the retention."
)
def purge(*, inbox: _Inbox = "", as_json: JsonOption = False) -> None:
    """Delete done and dead messages that are older than the retention; workers do so as well.

    Exits with 2 if the inbox does not answer.
    """
    count = 0
    with opened(_name(inbox)) as desk:
        while batch := desk.ask("purge"):
            count += batch
    if as_json:
        print_json({"deleted": count})
    else:
        print(f"Deleted: {_messages(count)}.")


@inbox_app.command(cls=Command, short_help="Show how far the workers are behind.")
def status(
    *,
    inbox: _Inbox = "",
    max_age: Annotated[
        float | None,
        typer.Option(
            "--max-age",
            metavar="SECONDS",
            min=0,
            help="Exit with 1 if the oldest message that is due has been due for longer.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show how many messages there are, how far the workers are behind, and which workers live.

    Exits with 1 past --max-age, and with 2 if the inbox does not answer.
    """
    with opened(_name(inbox)) as desk:
        found: Status = desk.ask("status")
    if as_json:
        workers = [{**worker._asdict(), "seen_at": iso(worker.seen_at)} for worker in found.workers]
        counts = {state: found.counts.get(state, 0) for state in get_args(State)}
        print_json({"counts": counts, "lag": found.lag, "workers": workers})
    else:
        print_status(found)
    is_late = max_age is not None and found.lag is not None and found.lag > max_age
    raise typer.Exit(1 if is_late else 0)


def _instant(since: str | None) -> float | None:
    """Unix seconds of a time, or of so long ago."""
    if since is None:
        return None
    if ago := re.fullmatch(r"(\d{1,6})([smhd])", since):
        length = timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return (datetime.now(timezone.utc) - length).timestamp()
    try:
        instant = datetime.fromisoformat(since.removesuffix("Z"))
    except ValueError:
        fail(f"--since {since!r}: expected 30m, 2h, 3d, or a time such as 2026-11-30T08:00")
    return instant.replace(tzinfo=instant.tzinfo or timezone.utc).timestamp()


def _name(inbox: str) -> str:
    return inbox or os.environ.get(INBOX_VARIABLE, "")  # Some versions of typer do not read it.


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count} messages"


def _why_not(message_id: str, record: Record | None) -> str:
    if record is None:
        return f"The inbox does not know {message_id}."
    if record.state == "done":
        return (
            f"{message_id} is done, and its payload is gone: pass --again to forget it, and replay "
            "it from Clerk's dashboard."
        )
    return f"{message_id} is {record.state}."
