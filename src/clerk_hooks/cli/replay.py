"""``clerk-hooks replay``: sends recorded deliveries again."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ClerkHooksError
from ..secret import secret_from_environment
from ._options import (
    ConcurrencyOption,
    JsonOption,
    RateOption,
    SecretOption,
    ShuffleOption,
    ToOption,
)
from ._usage import UsageError, statuses

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ._recording import RecordedDelivery
    from ._sending import Fields, Job


_FileArgument = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help='A recording of "clerk-hooks record" or "clerk webhooks listen --json".',
    ),
]
_ResignOption = Annotated[
    bool,
    typer.Option(
        "--resign",
        help="Sign each delivery anew: an endpoint refuses signatures older than 5 minutes.",
    ),
]


def replay(  # noqa: PLR0913 - one parameter per option
    file: _FileArgument,
    *,
    to: ToOption,
    resign: _ResignOption = False,
    secret: SecretOption = None,
    shuffle: ShuffleOption = False,
    rate: RateOption = None,
    concurrency: ConcurrencyOption = 1,
    restart: Annotated[
        bool, typer.Option("--restart", help="Also send what an earlier run has delivered.")
    ] = False,
    expect: Annotated[
        str, typer.Option("--expect", metavar="STATUS", help="The expected statuses.")
    ] = "2xx",
    as_json: JsonOption = False,
) -> None:
    """Send recorded deliveries again to a running application, in their order.

    FILE has one JSON object per line, with "headers" and "body_b64" at least; lines whose "type" is
    not "event" are skipped. Message ids stay the same, even with --resign.

    FILE.progress lists the deliveries that ended as expected. After an interruption, the same
    command continues with the rest; once all have ended as expected, it removes that file. Exits
    with 1 if any delivery did not end as expected.

    \b
    clerk-hooks replay deliveries.jsonl --resign --to URL
    """
    from ._progress import Progress
    from ._recording import read_recording
    from ._report import report
    from ._sending import Target, send_all

    if secret and not resign:
        raise UsageError("--secret has an effect only together with --resign")
    target, expect = Target.parse(to), statuses(expect)
    key = (secret or secret_from_environment("--secret")) if resign else None
    for recorded in read_recording(file):  # Finds unreadable lines before anything is sent.
        _check(recorded, str(file), key)
    progress = Progress(file, to, restart=restart)
    deliveries = [each for each in read_recording(file) if not progress.has(each)]
    if not deliveries:
        typer.echo("clerk-hooks: nothing to send", err=True)
    if shuffle:
        random.shuffle(deliveries)
    with progress:
        jobs = _jobs(deliveries, key, expect)
        outcomes = send_all(jobs, target, concurrency=concurrency, rate=rate, note=progress.add)
        if not report(outcomes, len(deliveries), as_json=as_json):
            raise typer.Exit(1)
    progress.forget()


def _check(recorded: RecordedDelivery, place: str, secret: str | None) -> None:
    """Raise `UsageError` for a delivery that cannot be signed anew, if it is to be."""
    if secret is not None:
        try:
            _signed_anew(recorded.body, recorded.headers, secret)
        except ClerkHooksError as error:
            problem = f"--resign cannot sign this delivery: {error}"
            raise UsageError(f"{place}, line {recorded.number}: {problem}") from None


def _jobs(deliveries: Iterable[RecordedDelivery], secret: str | None, expect: str) -> Iterator[Job]:
    """The deliveries as recorded, or, with a `secret`, each signed anew right before it is sent."""
    from ._recording import end_to_end
    from ._sending import Job

    for each in deliveries:
        headers = end_to_end(each.headers)
        if secret is not None:
            headers = _signed_anew(each.body, headers, secret)
        yield Job(each.event_type, "replay", each.body, headers, expect, each.note)


def _signed_anew(body: bytes, headers: Fields, secret: str) -> Fields:
    """The headers with a new signature for the same message id."""
    from ..testing import signed_request
    from ._recording import message_id_of

    request = signed_request(body, secret=secret, message_id=message_id_of(headers))
    replaced = ("svix-", "webhook-", "content-type")
    kept = [(name, value) for name, value in headers if not name.lower().startswith(replaced)]
    return kept + list(request.headers.items())
