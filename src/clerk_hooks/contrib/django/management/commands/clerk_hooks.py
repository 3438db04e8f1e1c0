"""``manage.py clerk_hooks worker``, which needs no extra but Django's."""

import sys
from argparse import ArgumentParser

from django.core.management import BaseCommand

from .....worker._command import DESCRIPTION, add_arguments, run_command
from ..._connections import tidy


class Command(BaseCommand):
    """Runs a worker with the settings of the project; exits with 0, 2 or 70."""

    help = "Commands of clerk-hooks that need the settings of the project."
    requires_system_checks = ()
    """A worker needs neither the URLs nor the signing secret."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the subcommands, and their options, to `parser`."""
        commands = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
        worker = commands.add_parser("worker", help=DESCRIPTION, description=DESCRIPTION)
        add_arguments(worker)

    def handle(self, *, worker: str, slots: int | None, grace: float, **_: object) -> None:
        """Run the worker; raises `SystemExit` unless its exit status is 0."""
        if status := run_command(worker, slots, grace, tidy):
            sys.exit(status)
