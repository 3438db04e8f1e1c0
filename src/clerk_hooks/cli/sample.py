"""``clerk-hooks sample``: the payload of an event, as JSON."""

from __future__ import annotations

from typing import Annotated

import typer

from ._changes import SeedOption, SetOption, VariantOption, changed_payload, compact
from ._usage import complete_event_type, print_json


def sample(
    event_type: Annotated[
        str,
        typer.Argument(
            metavar="TYPE",
            help="The event type, such as user.created.",
            autocompletion=complete_event_type,
        ),
    ],
    *,
    changes: SetOption = None,
    variant: VariantOption = None,
    seed: SeedOption = None,
    on_one_line: Annotated[
        bool, typer.Option("--compact", help="Print one line, as Clerk sends it.")
    ] = False,
) -> None:
    """Print a realistic and complete payload of an event type, as JSON.

    Ids and times are new each time, unless you pass --seed.

    \b
    clerk-hooks sample user.created
    clerk-hooks sample user.created --set first_name=Ada --set username=null
    clerk-hooks sample user.created --variant google
    """
    payload = changed_payload(event_type, changes, variant, seed)
    if on_one_line:
        print(compact(payload).decode())
    else:
        print_json(payload, indent=2)
