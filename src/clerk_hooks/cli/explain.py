"""``clerk-hooks explain``: why a delivery is refused, in plain words."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from ._usage import JsonOption, UsageError, print_json


def explain(  # noqa: PLR0913 - one parameter per option
    recorded: Annotated[
        Path | None,
        typer.Argument(
            metavar="RECORDED",
            exists=True,
            dir_okay=False,
            help='A file with recorded deliveries, as "clerk-hooks record" writes it.',
            show_default=False,
        ),
    ] = None,
    *,
    line: Annotated[
        int | None,
        typer.Option(
            "--line",
            metavar="N",
            min=1,
            help="Which line of it; by default the last.",
            show_default=False,
        ),
    ] = None,
    body: Annotated[
        Path | None,
        typer.Option(
            "--body",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="A file: the body.",
            show_default=False,
        ),
    ] = None,
    headers: Annotated[
        Path | None,
        typer.Option(
            "--headers",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="A file: the headers, as JSON or as lines of NAME: VALUE.",
            show_default=False,
        ),
    ] = None,
    secret: Annotated[
        list[str] | None,
        typer.Option(
            "--secret",
            metavar="WHSEC",
            help="The signing secret that the application has; by default that of the environment "
            "variable CLERK_WEBHOOK_SIGNING_SECRET. Repeatable: then the others are tried too.",
            show_default=False,
        ),
    ] = None,
    now: Annotated[
        str | None,
        typer.Option(
            "--now",
            metavar="TIME",
            help="When it arrived: Unix seconds, or ISO 8601 with an offset; by default now.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say why a delivery is refused, by trying what commonly goes wrong.

    Tried are, against the signature itself: a body that was parsed and written again, newlines,
    byte order marks and encodings; a secret of another environment, or with quotes, blanks or an
    API key in its place; the clock; headers that a proxy has removed, renamed or changed. Secrets
    in other variables of the environment are tried too. No secret is ever printed.

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
    elif found.cause is None:
        print("Verified.")
    else:
        certainty = "" if found.proven else ", most likely"
        message = found.message[:1].upper() + found.message[1:]
        print(f"Refused: {found.cause}{certainty}.\n\n{message}.\n\n{found.advice}")
    if not found.verified:
        raise typer.Exit(1)


def _delivery(
    recorded: Path | None, line: int | None, body: Path | None, headers: Path | None
) -> tuple[bytes, Any]:
    from ._recording import read_recording

    if recorded is None:
        if body is None or headers is None or line is not None:
            raise UsageError("pass a recorded delivery, or both --body and --headers")
        return body.read_bytes(), _headers(headers)
    if body is not None or headers is not None:
        raise UsageError("pass a recorded delivery, or --body and --headers, not both")
    deliveries = list(read_recording(recorded))
    wanted = [each for each in deliveries if line in (None, each.number)]
    if not wanted:
        raise UsageError(
            f"{recorded}: no delivery is recorded {f'in line {line}' if line else 'there'}"
        )
    return wanted[-1].body, wanted[-1].headers


def _headers(path: Path) -> list[tuple[str, str]]:
    """Headers as JSON (an object, or a list of pairs) or as in an HTTP message."""
    text = path.read_text("utf-8-sig", errors="surrogateescape")
    if text.lstrip()[:1] in ("{", "["):
        try:
            content: Any = json.loads(text)
            pairs = (
                cast("dict[str, Any]", content).items() if isinstance(content, dict) else content
            )
            return [(str(name), str(value)) for name, value in pairs]
        except (ValueError, TypeError, RecursionError):
            raise UsageError(f"{path}: JSON, but no headers") from None
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
        raise UsageError(f"--now {text!r}: Unix seconds or ISO 8601 is expected") from None
