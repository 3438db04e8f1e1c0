"""``clerk-hooks send``: sends signed deliveries to a running application, without Clerk."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Annotated

import typer

from ..event_types import EVENT_TYPES
from ..secret import secret_from_environment
from ._changes import SetOption, VariantOption, changed_payload, compact
from ._usage import (
    JsonOption,
    SecretOption,
    ToOption,
    UsageError,
    complete_event_type,
    event_types,
    statuses,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..testing import SignedRequest
    from ._sending import Job

TypesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TYPE",
        help='Event types, such as user.created or "user.*".',
        autocompletion=complete_event_type,
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
    count: Annotated[
        int, typer.Option("--count", metavar="N", min=1, help="Send N of each type.")
    ] = 1,
    rate: Annotated[
        float | None,
        typer.Option(
            "--rate", metavar="N", min=0.001, help="At most N per second.", show_default=False
        ),
    ] = None,
    concurrency: Annotated[
        int, typer.Option("--concurrency", metavar="N", min=1, max=256, help="Send N at a time.")
    ] = 1,
    duplicate: Annotated[
        bool,
        typer.Option(
            "--duplicate", help="Send each message twice, with the same id, as Svix retries it."
        ),
    ] = False,
    shuffle: Annotated[bool, typer.Option("--shuffle", help="Send in random order.")] = False,
    forged: Annotated[
        bool, typer.Option("--forged", help="Sign with a secret that is not yours.")
    ] = False,
    old: Annotated[bool, typer.Option("--old", help="Sign as if an hour ago.")] = False,
    expect: Annotated[
        str | None,
        typer.Option(
            "--expect",
            metavar="STATUS",
            help='The expected statuses, such as 200 or "2xx 409". Default: 2xx; for duplicates '
            "also 409; with --forged or --old 400.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Send signed deliveries of sample events to a running application, and show its replies.

    Shows the status, time and body of each reply; with more than 50 deliveries, only of unexpected
    replies. Exits with 1 if any reply is unexpected. Like Svix, it does not follow redirects and
    waits 15 seconds for a reply.

    \b
    export CLERK_WEBHOOK_SIGNING_SECRET=whsec_...   # the application's secret
    clerk-hooks send user.created --to http://127.0.0.1:8000/webhooks/clerk
    clerk-hooks send 'user.*' --set first_name=Ada --duplicate --to URL
    clerk-hooks send --all --count 100 --concurrency 8 --to URL
    clerk-hooks send user.created --forged --to URL
    """
    from ._report import report
    from ._sending import Target, send_all

    if forged and old:
        raise UsageError("pass --forged or --old, not both")
    if bool(types) == send_all_types:
        raise UsageError("pass the event types to send, or --all")
    chosen = list(EVENT_TYPES) if send_all_types else event_types(types or [])
    target = Target.parse(to)
    expect = None if expect is None else statuses(expect)
    batch = _Batch(secret or secret_from_environment(), changes, variant, forged=forged, old=old)
    batch.check(chosen)
    wanted = [name for name in chosen for _ in range(count)]
    jobs: Iterable[Job] = batch.jobs(wanted, duplicate=duplicate, expect=expect)
    if shuffle:
        jobs = random.sample(in_order := list(jobs), len(in_order))
    outcomes = send_all(jobs, target, concurrency=concurrency, rate=rate)
    if not report(outcomes, len(wanted) * (1 + duplicate), as_json=as_json):
        raise typer.Exit(1)


class _Batch:
    """Makes and signs the samples."""

    def __init__(
        self,
        secret: str,
        changes: list[str] | None,
        variant: str | None,
        *,
        forged: bool,
        old: bool,
    ) -> None:
        self._secret = secret
        self._changes = changes
        self._variant = variant
        self._kind = "forged" if forged else "old" if old else "delivery"

    def check(self, event_types: list[str]) -> None:
        """Raise now the errors that signing and changing the samples would raise later."""
        for event_type in event_types:
            self._request(event_type)

    def _request(self, event_type: str) -> SignedRequest:
        from ..testing import signed_request

        payload = changed_payload(event_type, self._changes, self._variant, None)
        request = signed_request(compact(payload), secret=self._secret)
        if self._kind == "forged":
            return request.forged()
        return request.old() if self._kind == "old" else request

    def jobs(self, event_types: list[str], *, duplicate: bool, expect: str | None) -> Iterator[Job]:
        """The deliveries, each made right before it is sent."""
        from ._sending import Job

        usual = "2xx" if self._kind == "delivery" else "400"
        for event_type in event_types:
            first = self._request(event_type)
            expected = expect or usual
            yield Job(event_type, self._kind, first.body, [*first.headers.items()], expected)
            if duplicate:
                expected = expect or ("2xx 409" if usual == "2xx" else usual)
                again = [*first.retry().headers.items()]
                yield Job(event_type, "duplicate", first.body, again, expected)
