"""The options that several commands have, as types of their parameters."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from ..event_types import EVENT_TYPES
from ._usage import UsageError


class Command(TyperCommand):
    """A command whose help names its arguments without their Python types."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for parameter in self.params:
            if parameter.param_type_name == "argument":
                # typer has no setting for this; its oldest versions show no types anyway.
                vars(parameter)["display_type_rich"] = _no_type

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words of the usage line: newer versions of typer put braces around arguments."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]


def _no_type(ctx: object) -> None:
    """Stands for a method of typer's arguments that returns their type in words, or None."""


def complete_event_type(incomplete: str) -> list[str]:
    """The event types that begin with `incomplete`, for the shell."""
    return [name for name in EVENT_TYPES if name.startswith(incomplete)]


def read_body(path: Path) -> bytes:
    """The bytes of a file, or of the standard input for ``-``.

    Raises `OSError`, and `UsageError` if there is no standard input.
    """
    if str(path) != "-":
        return path.read_bytes()
    if sys.stdin is None:  # The shell has closed it.
        raise UsageError("the standard input is closed")
    return sys.stdin.buffer.read()


TypesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TYPE",
        help='Event types, such as user.created or "user.*".',
        autocompletion=complete_event_type,
        show_default=False,
    ),
]
TypeArgument = Annotated[
    str,
    typer.Argument(
        metavar="TYPE",
        help="The event type, such as user.created.",
        autocompletion=complete_event_type,
    ),
]
BodyOption = Annotated[
    Path | None,
    typer.Option(
        "--body",
        metavar="FILE",
        help='The file that holds the raw body; "-" is the standard input.',
        show_default=False,
    ),
]
SecretOption = Annotated[
    str | None,
    typer.Option(
        "--secret",
        metavar="WHSEC",
        help="The signing secret. Default: the environment variable CLERK_WEBHOOK_SIGNING_SECRET, "
        "which other users of the machine cannot see.",
        show_default=False,
    ),
]
MessageIdOption = Annotated[
    str | None,
    typer.Option(
        "--message-id", metavar="ID", help="The message id. Default: a new one.", show_default=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
ToOption = Annotated[str, typer.Option("--to", metavar="URL", help="The URL of the endpoint.")]
RateOption = Annotated[
    float | None,
    typer.Option(
        "--rate", metavar="N", min=0.001, help="At most N per second.", show_default=False
    ),
]
ConcurrencyOption = Annotated[
    int,
    typer.Option(
        "--concurrency",
        metavar="N",
        min=1,
        max=256,
        help="Send N at a time; above 1, their order may change.",
    ),
]
ShuffleOption = Annotated[bool, typer.Option("--shuffle", help="Send in random order.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Change a field of the data: first_name=Ada, locale=null, public_metadata.plan=pro, "
        "email_addresses.0.email_address=ada@example.com. A VALUE that is not JSON is taken as "
        "text. Repeatable.",
        show_default=False,
    ),
]
VariantOption = Annotated[
    str | None,
    typer.Option(
        "--variant",
        metavar="NAME",
        help='A less common case. All event types have "dashboard" (what "Send Example" sends) '
        'and "old"; user.created and user.updated also have "no_email", "second_email", "google", '
        '"phone", "saml", "passkey" and "web3".',
        show_default=False,
    ),
]
