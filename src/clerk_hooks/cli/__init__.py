"""The command ``clerk-hooks``: one module per command, each a function that is registered here.

A command's module holds its options and what it prints; what takes long to import, rich, svix and
the events above all, is imported when the command runs. Needs the extra ``cli``.
"""

import sys
from typing import Annotated, Any

import typer

from .. import __version__
from ..errors import ClerkHooksError
from ._usage import UsageError
from .demo import demo
from .events import events
from .explain import explain
from .record import record
from .replay import replay
from .sample import sample
from .send import send

app = typer.Typer(
    rich_markup_mode=None,  # Help in rich's boxes would take twice as long to come.
    pretty_exceptions_show_locals=False,  # Local variables hold secrets and payloads.
)
app.command(short_help="Send signed deliveries to a server of its own: a tour.")(demo)
app.command(short_help="List the event types, and when Clerk sends each.")(events)
app.command(short_help="Print a realistic payload of an event.")(sample)
app.command(short_help="Send signed deliveries to your application.")(send)
app.command(short_help="Write down the deliveries that arrive, and forward them.")(record)
app.command(short_help="Send recorded deliveries again.")(replay)
app.command(short_help="Say why a delivery is refused.")(explain)


def run() -> int:
    """Run the command line; returns the exit status.

    0 is success, 1 a negative result, 2 a mistake in how it was called (which is said in one line),
    130 an interruption from the keyboard.
    """
    try:
        return app(sys.argv[1:] or ["--help"], prog_name="clerk-hooks", standalone_mode=False) or 0
    except typer.Abort:
        return 130
    except (UsageError, ClerkHooksError, OSError) as error:
        message = str(error)
    except Exception as error:
        # typer has no public name for what its own errors of usage have in common.
        if not hasattr(error, "format_message"):
            raise
        message = _message(error)
    typer.echo(f"clerk-hooks: {' '.join(message.split())}", err=True)
    return 2


def _message(error: Any) -> str:
    """What typer says, and whose help to read."""
    text: str = error.format_message()
    return f'{text} (see "{error.ctx.command_path} --help")' if error.ctx else text


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it with the option's value
    if wanted:
        print(f"clerk-hooks {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Receive Clerk's webhooks in Python: tools for those who use the library clerk_hooks.

    New here? Run "clerk-hooks demo". It needs no account and no settings: it starts a server on
    this machine, sends it signed deliveries, and shows what came back.

    To try an endpoint of your own: "clerk-hooks send user.created --to URL" delivers to it without
    Clerk and without a tunnel, and "clerk-hooks explain" says why a delivery was refused.

    Every command exits with 0 if all is well, with 1 if the result is negative, and with 2 if it
    was called wrongly.
    """
