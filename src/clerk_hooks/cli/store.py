"""``clerk-hooks store``: shows what an idempotency store remembers, or deletes it.

As with grep, the exit status is 0 if something was found, 1 if not, and 2 on an error.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from ..errors import ClerkHooksError
from ..instants import datetime_of
from ._console import console, plain_table
from ._options import Command, JsonOption

if TYPE_CHECKING:
    from datetime import datetime

    from ..idempotency import HandlerRecord

STORE_VARIABLE = "CLERK_HOOKS_STORE"
"""Environment variable in place of ``--store``."""

store_app = typer.Typer()

_Store = Annotated[
    str,
    typer.Option(
        "--store",
        envvar=STORE_VARIABLE,
        metavar="URL",
        help="The store: the path of an SQLite file, sqlite:PATH, redis://..., or an SQLAlchemy "
        "URL, such as postgresql+psycopg://...",
    ),
]
_Prefix = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="The prefix of the keys in Redis, if the store has its own."),
]
_MessageId = Annotated[
    str, typer.Argument(metavar="MSG_ID", help="The message id (svix-id), as in the log: msg_...")
]


@store_app.callback(invoke_without_command=True)
def store(context: typer.Context) -> None:
    """Show what an idempotency store remembers of a message, or delete it.

    \b
    clerk-hooks store show msg_2b... --store hooks.db
    clerk-hooks store forget msg_2b... --store redis://localhost
    """
    if context.invoked_subcommand is None:
        print(context.get_help())


@store_app.command(cls=Command, short_help="Show which handlers of a message have run.")
def show(
    message_id: _MessageId,
    *,
    store: _Store = "",
    prefix: _Prefix = None,
    as_json: JsonOption = False,
) -> None:
    """Show which handlers of a message have succeeded, and which are running.

    Exits with 1 if the store does not know the message, and with 2 if the store does not answer.
    """
    records: list[HandlerRecord] = _ask(store, prefix, "show", message_id)
    if as_json:
        print(json.dumps([_fields(record) for record in records]))
    elif records:
        _print_table(records)
    else:
        print(f"The store does not know {message_id}.")
    raise typer.Exit(0 if records else 1)


@store_app.command(
    cls=Command, short_help="Forget a message, so that a replay runs its handlers again."
)
def forget(
    message_id: _MessageId,
    *,
    store: _Store = "",
    prefix: _Prefix = None,
    as_json: JsonOption = False,
) -> None:
    """Forget a message, so that a replay from Clerk's dashboard runs all its handlers again.

    Exits with 1 if the store does not know the message, and with 2 if the store does not answer.
    """
    count: int = _ask(store, prefix, "forget", message_id)
    if as_json:
        print(json.dumps({"forgotten": count}))
    elif count:
        print(f"Forgotten: {message_id}, {_handlers(count)}.")
    else:
        print(f"The store does not know {message_id}.")
    raise typer.Exit(0 if count else 1)


@store_app.command(cls=Command, short_help="Delete records older than the retention.")
def purge(*, store: _Store = "", prefix: _Prefix = None, as_json: JsonOption = False) -> None:
    """Delete records older than the retention; they no longer have any effect.

    Exits with 2 if the store does not answer.
    """
    count: int = _ask(store, prefix, "purge")
    print(json.dumps({"forgotten": count}) if as_json else f"Deleted: {_handlers(count)}.")


def _ask(url: str, prefix: str | None, method: str, *arguments: str) -> Any:
    """What a method of the store answers; the store is closed afterwards."""
    try:
        store = _open(url, prefix)
        if hasattr(store, "a" + method):
            import asyncio  # Here, as it takes longer to load than all the rest.

            return asyncio.run(_await(store, "a" + method, arguments))
        with closing(store):
            return getattr(store, method)(*arguments)
    except (ClerkHooksError, ImportError) as error:
        _fail(str(error))


async def _await(store: Any, method: str, arguments: Sequence[str]) -> Any:
    try:
        return await getattr(store, method)(*arguments)
    finally:
        await store.aclose()


def _open(url: str, prefix: str | None) -> Any:
    """The store at `url`, which may hold a password and is therefore never printed."""
    url = url or os.environ.get(STORE_VARIABLE, "")  # Some versions of typer do not read it.
    if not url:
        _fail(f"pass --store, or set {STORE_VARIABLE}")
    if url.startswith(("redis://", "rediss://", "unix://")):
        from ..stores.redis import RedisStore

        return RedisStore(url) if prefix is None else RedisStore(url, prefix=prefix)
    if prefix is not None:
        _fail("--prefix is for stores in Redis only")
    if "://" in url and not url.startswith("sqlite://"):
        from ..stores.sqlalchemy import AsyncSQLAlchemyStore, SQLAlchemyStore

        return AsyncSQLAlchemyStore(url) if is_async_url(url) else SQLAlchemyStore(url)
    from ..stores.sqlite import SQLiteStore

    path = url.removeprefix("sqlite:").removeprefix("///")
    if not Path(path).is_file():  # SQLiteStore would create it.
        _fail(f"no such file: {path}")
    return SQLiteStore(path)


def is_async_url(url: str) -> bool:
    """Whether the driver in a URL of SQLAlchemy is one for event loops, such as asyncpg."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return make_url(url).get_dialect().is_async
    except (SQLAlchemyError, ValueError):
        return False  # The store says what is wrong with it.


def _fail(message: str) -> NoReturn:
    sys.stderr.write(f"clerk-hooks store: {message}\n")
    raise typer.Exit(2)


def _handlers(count: int) -> str:
    return "1 handler" if count == 1 else f"{count} handlers"


def _instant(record: HandlerRecord) -> datetime:
    return datetime_of(record.expires_at)


def _fields(record: HandlerRecord) -> dict[str, str]:
    expires_at = _instant(record).isoformat(timespec="milliseconds")
    return {**record._asdict(), "expires_at": expires_at}


def _print_table(records: Sequence[HandlerRecord]) -> None:
    table = plain_table()
    for heading in ("Handler", "State", "Until (UTC)"):
        table.add_column(heading, overflow="fold")
    for record in records:
        table.add_row(record.handler, record.state, f"{_instant(record):%Y-%m-%d %H:%M:%S}")
    console(wraps_always=True).print(table)
