"""The command ``clerk-hooks``: one module per command, whose function is registered here.

A command's module holds its options and its output. Slow imports, above all rich, svix and the
events, happen when the command runs. Needs the extra ``cli``.
"""

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from .. import __version__
from ..errors import ClerkHooksError
from ._console import print_any_text
from ._options import Command
from ._usage import UsageError, in_words
from .demo import demo
from .events import events
from .explain import explain
from .inbox import inbox_app
from .record import record
from .replay import replay
from .sample import sample
from .send import send
from .sign import sign
from .store import store_app
from .worker import worker

_INTERRUPTED = 130  # What shells report for a program that Ctrl-C has ended.

app = typer.Typer(
    rich_markup_mode=None,  # Help in rich's boxes would take twice as long to come.
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_show_locals=False,  # Local variables hold secrets and payloads.
)
_COMMANDS: dict[Callable[..., None], str] = {
    demo: "A tour: signed deliveries to a server on this machine.",
    events: "List the event types and when Clerk sends them.",
    sample: "Print a realistic payload of an event type.",
    send: "Send signed deliveries to your application.",
    sign: "Print the headers that sign a body, for curl.",
    record: "Record deliveries as they arrive, and forward them.",
    replay: "Send recorded deliveries again.",
    explain: "Say why a delivery is refused.",
    worker: "Run the handlers of the deliveries that an inbox keeps.",
}
for _command, _short_help in _COMMANDS.items():
    app.command(cls=Command, short_help=_short_help)(_command)
app.add_typer(
    inbox_app, name="inbox", short_help="Show, retry or drop what an inbox keeps for the workers."
)
app.add_typer(
    store_app, name="store", short_help="Show or delete what a store remembers of a message."
)


def run() -> int:
    """Run the command line; returns the exit status.

    0: success. 1: a negative result. 2: the command could not do its work; one line on stderr says
    why. 130: Ctrl-C.
    """
    print_any_text()
    arguments = sys.argv[1:] or ["--help"]
    try:
        status: int = app(arguments, prog_name="clerk-hooks", standalone_mode=False) or 0
    except typer.Abort:
        status = _INTERRUPTED
    except (UsageError, ClerkHooksError, OSError) as error:
        return _complain(in_words(error))
    except RecursionError:
        return _complain("the input is nested too deeply")
    except Exception as error:
        # typer has no public base class for its usage errors.
        if not hasattr(error, "format_message"):
            raise
        return _complain(_message(error))
    if status == _INTERRUPTED:
        typer.echo("clerk-hooks: interrupted", err=True)
    return status


def _complain(message: str) -> int:
    typer.echo(f"clerk-hooks: {' '.join(message.split())}", err=True)
    return 2


def _message(error: Any) -> str:
    """The message of typer, followed by the command whose help to read."""
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
    """Tools for the Python library clerk_hooks, which receives Clerk's webhooks.

    New here? Run "clerk-hooks demo". It needs no account and no settings: it starts a server on
    this machine, sends it signed deliveries, and shows the replies.

    To try your own endpoint, run "clerk-hooks send user.created --to URL": this needs neither Clerk
    nor a tunnel. "clerk-hooks explain" says why a delivery was refused.

    Every command exits with 0 on success, with 1 if the result is negative, and with 2 if it was
    called wrongly.
    """
