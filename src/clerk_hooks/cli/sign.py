"""``clerk-hooks sign``: the headers that sign a body, for other programs to send."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..secret import secret_from_environment
from ._console import print_json
from ._options import JsonOption, MessageIdOption, SecretOption, read_body


def sign(
    body: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help='The file that holds the raw body; "-" is the standard input.',
        ),
    ],
    *,
    secret: SecretOption = None,
    message_id: MessageIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the three headers that sign a body, for curl and other programs.

    Send the same bytes within five minutes: an endpoint refuses older signatures.

    \b
    clerk-hooks sample user.created > body.json
    clerk-hooks sign body.json > headers.txt
    curl -H @headers.txt --data-binary @body.json URL
    """
    from ..signing import sign

    key = secret or secret_from_environment("--secret")
    headers = sign(read_body(body), secret=key, message_id=message_id)
    if as_json:
        print_json(headers)
    else:
        print("\n".join(f"{name}: {value}" for name, value in headers.items()))
