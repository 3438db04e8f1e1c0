"""``clerk-hooks replay``: recorded deliveries, sent again."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..secret import secret_from_environment
from ._usage import JsonOption, SecretOption, ToOption, UsageError, statuses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ._progress import Progress
    from ._recording import RecordedDelivery
    from ._sending import Fields, Job, Outcome


def replay(  # noqa: PLR0913 - one parameter per option
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help='What "clerk-hooks record" or "clerk webhooks listen --json" has written.',
        ),
    ],
    *,
    to: ToOption,
    resign: Annotated[
        bool,
        typer.Option(
            "--resign",
            help="Sign each anew, for now: an endpoint refuses what is older than 5 min.",
        ),
    ] = False,
    secret: SecretOption = None,
    shuffle: Annotated[
        bool, typer.Option("--shuffle", help="In random order, not in that of the file.")
    ] = False,
    rate: Annotated[
        float | None,
        typer.Option(
            "--rate", metavar="N", min=0.001, help="So many a second at most.", show_default=False
        ),
    ] = None,
    concurrency: Annotated[
        int,
        typer.Option(
            "--concurrency",
            metavar="N",
            min=1,
            max=256,
            help="So many at a time; above 1 they may overtake.",
        ),
    ] = 1,
    restart: Annotated[
        bool, typer.Option("--restart", help="Send also what an earlier run has delivered.")
    ] = False,
    expect: Annotated[
        str, typer.Option("--expect", metavar="STATUS", help="The status to come back.")
    ] = "2xx",
    as_json: JsonOption = False,
) -> None:
    """Send recorded deliveries again, in their order, to a running application.

    FILE has one JSON object per line, of which "headers" and "body_b64" are needed; lines of
    another "type" than "event" are skipped. Message ids stay the same, also with --resign.

    What ended as expected is noted in FILE.progress. After an interruption the same command goes on
    with the rest, and once all have ended as expected, that file is removed. Exits with 1 if any
    did not.

    \b
    clerk-hooks replay deliveries.jsonl --resign --to http://127.0.0.1:8000/webhooks/clerk
    """
    from ._progress import Progress
    from ._recording import read_recording
    from ._report import report
    from ._sending import Target, send_all

    if secret and not resign:
        raise UsageError("--secret: only --resign signs anything")
    target, expect = Target.parse(to), statuses(expect)
    key = (secret or secret_from_environment()) if resign else None
    for recorded in read_recording(file):  # A line that cannot be read is found before any is sent.
        _check(recorded, str(file), resign=resign)
    if restart:
        file.with_name(f"{file.name}.progress").unlink(missing_ok=True)
    progress = Progress(file, to)
    deliveries = [each for each in read_recording(file) if not progress.has(each)]
    if not deliveries:
        typer.echo("clerk-hooks: there is nothing to send", err=True)
    if shuffle:
        random.shuffle(deliveries)
    with progress:
        outcomes = send_all(
            _jobs(deliveries, key, expect),
            target,
            concurrency=concurrency,
            rate=rate,
            note=_noting(progress, {each.number: each.digest for each in deliveries}),
        )
        if not report(outcomes, len(deliveries), as_json=as_json):
            raise typer.Exit(1)
    progress.forget()


def _check(recorded: RecordedDelivery, place: str, *, resign: bool) -> None:
    if resign:
        try:
            recorded.body.decode()
        except UnicodeDecodeError:
            problem = "its body is not UTF-8, which --resign cannot sign"
            raise UsageError(f"{place}, line {recorded.number}: {problem}") from None


def _jobs(deliveries: Iterable[RecordedDelivery], secret: str | None, expect: str) -> Iterator[Job]:
    """The deliveries as recorded, or, with a `secret`, each signed anew when it is its turn."""
    from ._recording import end_to_end
    from ._sending import Job

    for each in deliveries:
        headers = end_to_end(each.headers)
        if secret is not None:
            headers = _signed_anew(each.body, headers, secret)
        yield Job(each.event_type, "replay", each.body, headers, expect, each.number)


def _signed_anew(body: bytes, headers: Fields, secret: str) -> Fields:
    """The headers with a new signature in place of theirs, for the same message id."""
    from ..testing import signed_request
    from ._recording import message_id_of

    request = signed_request(body, secret=secret, message_id=message_id_of(headers))
    replaced = ("svix-", "webhook-", "content-type")
    kept = [(name, value) for name, value in headers if not name.lower().startswith(replaced)]
    return kept + list(request.headers.items())


def _noting(progress: Progress, digests: dict[int, str]) -> Callable[[Outcome], None]:
    """What takes a note of each outcome that is as expected."""

    def note(outcome: Outcome) -> None:
        if outcome.is_expected:
            progress.add(outcome.job.number, digests[outcome.job.number])

    return note
