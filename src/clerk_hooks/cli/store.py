"""``clerk-hooks store``: what an idempotency store remembers, and forgetting it on purpose.

As with grep, the exit status is 0 for what was found, 1 for nothing, and 2 for a question that
could not be answered.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer

from ..errors import ClerkHooksError

if TYPE_CHECKING:
    from ..idempotency import HandlerRecord, IdempotencyStore

STORE_VARIABLE = "CLERK_HOOKS_STORE"
"""Environment variable that stands for ``--store``."""

_Answer = TypeVar("_Answer")

store_app = typer.Typer(
    no_args_is_help=True,
    help="See what an idempotency store remembers of a message, and make it forget.\n\n\b\n"
    "clerk-hooks store show msg_2b... --store hooks.db\n"
    "clerk-hooks store forget msg_2b... --store redis://localhost",
)

_Store = Annotated[
    str,
    typer.Option(
        "--store",
        envvar=STORE_VARIABLE,
        metavar="URL",
        help="The store: the path of an SQLite file, sqlite:PATH, redis://..., or a URL of "
        "SQLAlchemy, such as postgresql+psycopg://...",
    ),
]
_Prefix = Annotated[
    str | None, typer.Option(help="Redis only: what its keys begin with, if the store was told.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_MessageId = Annotated[
    str, typer.Argument(metavar="MSG_ID", help="Message id (svix-id), as in the log: msg_...")
]


@store_app.command(short_help="Show which handlers of a message have succeeded.")
def show(
    message_id: _MessageId, *, store: _Store = "", prefix: _Prefix = None, as_json: _Json = False
) -> None:
    """Show which handlers of a message have succeeded, and which are being run.

    Exits with 1 if the store remembers nothing of it, and with 2 if the store does not answer.
    """
    records = _ask(store, prefix, lambda opened: opened.show(message_id))
    if as_json:
        print(json.dumps([_fields(record) for record in records]))
    elif records:
        _print_table(records)
    else:
        print(f"Nothing is remembered of {message_id}.")
    raise typer.Exit(0 if records else 1)


@store_app.command(short_help="Forget a message, so that a replay runs its handlers again.")
def forget(
    message_id: _MessageId, *, store: _Store = "", prefix: _Prefix = None, as_json: _Json = False
) -> None:
    """Forget a message, so that a replay from Clerk's dashboard runs all its handlers again.

    Exits with 1 if there was nothing to forget, and with 2 if the store does not answer.
    """
    count = _ask(store, prefix, lambda opened: opened.forget(message_id))
    if as_json:
        print(json.dumps({"forgotten": count}))
    elif count:
        print(f"Forgotten: {message_id}, {_handlers(count)}.")
    else:
        print(f"Nothing was remembered of {message_id}.")
    raise typer.Exit(0 if count else 1)


@store_app.command(short_help="Delete what is older than the retention.")
def purge(*, store: _Store = "", prefix: _Prefix = None, as_json: _Json = False) -> None:
    """Delete what is older than the retention; it counts for nothing anyway.

    Exits with 2 if the store does not answer.
    """
    count = _ask(store, prefix, lambda opened: opened.purge())
    print(json.dumps({"forgotten": count}) if as_json else f"Deleted: {_handlers(count)}.")


def _ask(url: str, prefix: str | None, question: Callable[[IdempotencyStore], _Answer]) -> _Answer:
    try:
        with _open(url, prefix) as store:
            return question(store)
    except (ClerkHooksError, ImportError) as error:
        _fail(str(error))


@contextmanager
def _open(url: str, prefix: str | None) -> Generator[IdempotencyStore]:
    """The store that `url` names. It may hold a password, so no message repeats it."""
    url = url or os.environ.get(STORE_VARIABLE, "")  # Not every typer asks for it here.
    if not url:
        _fail(f"which store? Pass --store, or set {STORE_VARIABLE}")
    if url.startswith(("redis://", "rediss://", "unix://")):
        from ..stores.redis import RedisStore

        yield RedisStore(url) if prefix is None else RedisStore(url, prefix=prefix)
    elif prefix is not None:
        _fail("only a store in Redis has a --prefix")
    elif "://" in url and not url.startswith("sqlite://"):
        from ..stores.sqlalchemy import SQLAlchemyStore

        yield SQLAlchemyStore(url)
    else:
        from ..stores.sqlite import SQLiteStore

        path = url.removeprefix("sqlite:").removeprefix("///")
        if not Path(path).is_file():  # The store would make one.
            _fail(f"there is no file {path}")
        with closing(SQLiteStore(path)) as store:
            yield store


def _fail(message: str) -> NoReturn:
    sys.stderr.write(f"clerk-hooks store: {message}\n")
    raise typer.Exit(2)


def _handlers(count: int) -> str:
    return "1 handler" if count == 1 else f"{count} handlers"


def _instant(record: HandlerRecord) -> datetime:
    return datetime.fromtimestamp(record.expires_at, timezone.utc)


def _fields(record: HandlerRecord) -> dict[str, str]:
    expires_at = _instant(record).isoformat(timespec="milliseconds")
    return {**record._asdict(), "expires_at": expires_at}


def _print_table(records: Sequence[HandlerRecord]) -> None:
    from rich.box import HORIZONTALS
    from rich.console import Console
    from rich.table import Table

    table = Table(box=HORIZONTALS, padding=(0, 1, 0, 0), show_edge=False)
    for heading in ("Handler", "State", "Until (UTC)"):
        table.add_column(heading, overflow="fold")
    for record in records:
        table.add_row(record.handler, record.state, f"{_instant(record):%Y-%m-%d %H:%M:%S}")
    # Names are the program's own, and may look like markup.
    Console(markup=False, emoji=False, highlight=False).print(table)
