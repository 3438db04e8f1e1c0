"""``clerk-hooks explain``: why a delivery is refused."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from ._console import FAILURE, SUCCESS, console, print_json
from ._options import BodyOption, JsonOption, read_body
from ._usage import UsageError

if TYPE_CHECKING:
    from ..testing import Explanation


_RecordedArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="RECORDED",
        exists=True,
        dir_okay=False,
        help='A file with recorded deliveries, as written by "clerk-hooks record".',
        show_default=False,
    ),
]
_LineOption = Annotated[
    int | None,
    typer.Option(
        "--line",
        metavar="N",
        min=1,
        help="The line of the delivery. Default: the last one.",
        show_default=False,
    ),
]
_HeadersOption = Annotated[
    Path | None,
    typer.Option(
        "--headers",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="The file that holds the headers, as JSON or as lines of NAME: VALUE.",
        show_default=False,
    ),
]
_SecretsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--secret",
        metavar="WHSEC",
        help="The application's signing secret. Default: the environment variable "
        "CLERK_WEBHOOK_SIGNING_SECRET. Repeatable: more secrets are tried too.",
        show_default=False,
    ),
]
_NowOption = Annotated[
    str | None,
    typer.Option(
        "--now",
        metavar="TIME",
        help="The time of arrival, in Unix seconds or ISO 8601 with an offset. Default: now.",
        show_default=False,
    ),
]


def explain(  # noqa: PLR0913 - one parameter per option
    recorded: _RecordedArgument = None,
    *,
    line: _LineOption = None,
    body: BodyOption = None,
    headers: _HeadersOption = None,
    secret: _SecretsOption = None,
    now: _NowOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why a delivery is refused, by trying the common mistakes.

    It tests against the signature itself: a body that was parsed and written again, newlines, byte
    order marks and encodings; a secret from another environment, a secret with quotes or blanks, an
    API key used instead; the clock; headers that a proxy has removed, renamed or changed. It also
    tries the secrets in other environment variables. It never prints a secret.

    Exits with 0 if the delivery is verified, with 1 if it is refused.

    \b
    clerk-hooks explain deliveries.jsonl --line 3
    clerk-hooks explain --body body.json --headers headers.txt --secret whsec_...
    """
    from ..testing import explain

    raw, fields = _delivery(recorded, line, body, headers)
    own, others = (secret[0], secret[1:]) if secret else (None, [])
    found = explain(raw, fields, secret=own, other_secrets=others, now=_time(now))
    if as_json:
        print_json(found._asdict())
    else:
        _print(found)
    if not found.verified:
        raise typer.Exit(1)


def _print(found: Explanation) -> None:
    screen = console()
    if found.verified:
        screen.print("Verified.", style=SUCCESS)
    else:
        certainty = "" if found.proven else ", most likely"
        screen.print(f"Refused: {found.cause}{certainty}.", style=FAILURE)
        first, blank, rest = found.message.partition(" ")
        if first.isalpha():  # Not the name of a header.
            first = first[:1].upper() + first[1:]
        screen.print(f"\n{first}{blank}{rest}.\n\n{found.advice}")


def _delivery(
    recorded: Path | None, line: int | None, body: Path | None, headers: Path | None
) -> tuple[bytes, Any]:
    from ._recording import read_recording

    if recorded is None:
        if body is None or headers is None or line is not None:
            raise UsageError("pass a recorded delivery, or both --body and --headers")
        return read_body(body), _headers(headers)
    if body is not None or headers is not None:
        raise UsageError("pass a recorded delivery, or --body and --headers, not both")
    deliveries = list(read_recording(recorded))
    wanted = [each for each in deliveries if line in (None, each.number)]
    if not wanted:
        raise UsageError(f"{recorded}: no recorded delivery{f' in line {line}' if line else ''}")
    return wanted[-1].body, wanted[-1].headers


def _headers(path: Path) -> list[tuple[str, str]]:
    """Headers in JSON (an object, or a list of pairs), or as in an HTTP message."""
    text = path.read_text("utf-8-sig", errors="surrogateescape")
    if text.lstrip()[:1] in ("{", "["):
        try:
            content: Any = json.loads(text)
            pairs = (
                cast("dict[str, Any]", content).items() if isinstance(content, dict) else content
            )
            return [(str(name), str(value)) for name, value in pairs]
        except (ValueError, TypeError, RecursionError):
            problem = "expected an object or a list of pairs, in JSON"
            raise UsageError(f"{path}: not headers: {problem}") from None
    lines = [line.partition(":") for line in text.splitlines()]
    return [(name.strip(), value.strip()) for name, colon, value in lines if colon]


def _time(text: str | None) -> datetime | float | None:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise UsageError(f"--now {text!r}: expected Unix seconds or ISO 8601") from None
