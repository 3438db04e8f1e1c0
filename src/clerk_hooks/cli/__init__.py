"""The command ``clerk-hooks``: one module per command, each a function that is registered here.

A command's module holds its options and what it prints; what takes long to import, rich and the
events above all, is imported when the command runs. Needs the extra ``cli``.
"""

from typing import Annotated

import typer

from .. import __version__
from .demo import demo
from .store import store_app

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,  # Local variables hold secrets and payloads.
)
app.command()(demo)
app.add_typer(store_app, name="store")


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
    """
