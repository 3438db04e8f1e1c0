"""``clerk-hooks sample``: the payload of an event, as JSON."""

from __future__ import annotations

from typing import Annotated

import typer

from ._changes import Change, changed_payload
from ._console import print_json
from ._fields import warn_of_undeclared_fields
from ._options import SetOption, TypeArgument, VariantOption
from ._usage import one_event_type


def sample(
    event_type: TypeArgument,
    *,
    changes: SetOption = None,
    variant: VariantOption = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            metavar="N",
            help="Make the same ids and times each time.",
            show_default=False,
        ),
    ] = None,
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
    event_type = one_event_type(event_type)
    made = [Change.parse(text) for text in changes or ()]
    payload = changed_payload(event_type, made, variant, seed)
    warn_of_undeclared_fields([event_type], made)
    print_json(payload, indent=None if on_one_line else 2, compact=on_one_line)
