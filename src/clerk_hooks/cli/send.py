"""``clerk-hooks send``: sends signed deliveries to a running application, without Clerk."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Annotated

import typer

from ..event_types import EVENT_TYPES
from ..secret import secret_from_environment
from ._changes import Change, changed_payload, compact
from ._fields import warn_of_undeclared_fields
from ._options import (
    BodyOption,
    ConcurrencyOption,
    JsonOption,
    MessageIdOption,
    RateOption,
    SecretOption,
    SetOption,
    ShuffleOption,
    ToOption,
    TypesArgument,
    VariantOption,
    read_body,
)
from ._usage import UsageError, event_types, statuses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from ..testing import SignedRequest
    from ._sending import Job

_CountOption = Annotated[
    int, typer.Option("--count", metavar="N", min=1, max=1_000_000, help="Send N of each type.")
]
_DuplicateOption = Annotated[
    bool,
    typer.Option(
        "--duplicate",
        help="Send each message twice, with the same id, as Svix does when it retries.",
    ),
]
_ExpectOption = Annotated[
    str | None,
    typer.Option(
        "--expect",
        metavar="STATUS",
        help='The expected statuses, such as 200 or "2xx 409". Default: 2xx; for duplicates '
        "also 409; with --forged or --old 400.",
        show_default=False,
    ),
]


def send(  # noqa: PLR0913 - one parameter per option
    types: TypesArgument = None,
    *,
    to: ToOption,
    secret: SecretOption = None,
    send_all_types: Annotated[bool, typer.Option("--all", help="Send every event type.")] = False,
    changes: SetOption = None,
    variant: VariantOption = None,
    body: BodyOption = None,
    message_id: MessageIdOption = None,
    count: _CountOption = 1,
    rate: RateOption = None,
    concurrency: ConcurrencyOption = 1,
    duplicate: _DuplicateOption = False,
    shuffle: ShuffleOption = False,
    forged: Annotated[
        bool, typer.Option("--forged", help="Sign with a secret that is not yours.")
    ] = False,
    old: Annotated[bool, typer.Option("--old", help="Sign as if an hour ago.")] = False,
    expect: _ExpectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send signed deliveries to a running application, and show its replies.

    The deliveries are sample events, or the body that you pass. Shows the status, time, message id
    and body of each reply; with more than 50 deliveries, only of unexpected replies. Exits with 1
    if any reply is unexpected. Like Svix, it does not follow redirects and waits 15 seconds for a
    reply.

    \b
    export CLERK_WEBHOOK_SIGNING_SECRET=whsec_...   # the application's secret
    clerk-hooks send user.created --to http://127.0.0.1:8000/webhooks/clerk
    clerk-hooks send 'user.*' --set first_name=Ada --duplicate --to URL
    clerk-hooks send --all --count 100 --concurrency 8 --to URL
    clerk-hooks send user.created --forged --to URL
    clerk-hooks sample user.created | clerk-hooks send --body - --to URL
    """
    from ._batch import Batch
    from ._report import report
    from ._sending import Target, send_all

    if forged and old:
        raise UsageError("pass --forged or --old, not both")
    target, expect = Target.parse(to), None if expect is None else statuses(expect)
    if body is None:
        chosen, body_of = _samples(types, changes, variant, send_all_types=send_all_types)
    elif types or send_all_types or changes or variant:
        raise UsageError("--body needs no event types, --all, --set or --variant")
    else:
        chosen, body_of = _one_body(body)
    wanted = [name for name in chosen for _ in range(count)]
    if message_id is not None and len(wanted) > 1:
        raise UsageError("--message-id is for one message: pass one event type, and no --count")
    kind = "forged" if forged else "old" if old else "delivery"
    sign = signer(secret or secret_from_environment("--secret"), message_id)
    batch = Batch(wanted, body_of, sign, kind, duplicate, expect)
    batch.check()
    jobs: Iterable[Job] = batch.jobs()
    if shuffle:
        jobs = random.sample(in_order := list(jobs), len(in_order))
    outcomes = send_all(jobs, target, concurrency=concurrency, rate=rate)
    if not report(outcomes, len(batch), as_json=as_json):
        raise typer.Exit(1)


def signer(secret: str, message_id: str | None) -> Callable[[bytes], SignedRequest]:
    """A function that signs a body, for the message id or for a new one each time."""
    from ..testing import signed_request

    return lambda body: signed_request(body, secret=secret, message_id=message_id)


def _samples(
    types: list[str] | None,
    changes: list[str] | None,
    variant: str | None,
    *,
    send_all_types: bool,
) -> tuple[list[str], Callable[[str], bytes]]:
    """The event types to send, and a function that makes a sample's body."""
    if bool(types) == send_all_types:
        raise UsageError("pass the event types to send, or --all, or --body")
    chosen = list(EVENT_TYPES) if send_all_types else event_types(types or [])
    made = [Change.parse(text) for text in changes or ()]
    warn_of_undeclared_fields(chosen, made)
    return chosen, lambda name: compact(changed_payload(name, made, variant, None))


def _one_body(path: Path) -> tuple[list[str], Callable[[str], bytes]]:
    """The event type in a body, and a function that returns the body."""
    from ._recording import event_type_of

    raw = read_body(path)
    return [event_type_of(raw) or "(no type)"], lambda _: raw
