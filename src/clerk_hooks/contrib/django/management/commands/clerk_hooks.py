"""``manage.py clerk_hooks``: ``worker`` needs no other extra, ``inbox`` needs ``cli``."""

import sys
from argparse import ArgumentParser

from django.core.management import BaseCommand
from django.db import connections

from .....__main__ import main
from .....worker._command import DESCRIPTION, add_arguments, run_command
from ..._connections import tidy


class Command(BaseCommand):
    """Commands of ours, with the settings of the project; their exit statuses are the same."""

    help = "Commands of clerk-hooks that need the settings of the project."
    requires_system_checks = ()
    """A worker needs neither the URLs nor the signing secret."""

    def run_from_argv(self, argv: list[str]) -> None:
        """Run what the command line names; raises `SystemExit` unless its exit status is 0."""
        if argv[2:3] != ["inbox"]:
            super().run_from_argv(argv)
            return
        sys.argv = ["clerk-hooks", *argv[2:]]
        try:
            main()
        finally:
            connections.close_all()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the subcommands, and their options, to `parser`."""
        parser.epilog = '"clerk_hooks inbox" does what "clerk-hooks inbox" does.'
        commands = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
        worker = commands.add_parser("worker", help=DESCRIPTION, description=DESCRIPTION)
        add_arguments(worker)

    def handle(self, *, worker: str, slots: int | None, grace: float, **_: object) -> None:
        """Run the worker; raises `SystemExit` unless its exit status is 0."""
        if status := run_command(worker, slots, grace, tidy):
            sys.exit(status)
