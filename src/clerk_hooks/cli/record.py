"""``clerk-hooks record``: a server that records deliveries and forwards them."""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import nullcontext, suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from ._console import shown
from ._usage import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._recorder import Arrival, Recorder
    from ._sending import Target

_ListenOption = Annotated[
    str,
    typer.Option(
        "--listen", metavar="HOST:PORT", help="The address to listen on. Port 0: any free port."
    ),
]
_ForwardOption = Annotated[
    str | None,
    typer.Option(
        "--forward-to",
        metavar="URL",
        help="Forward each delivery unchanged, and answer with its reply.",
        show_default=False,
    ),
]
_OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        dir_okay=False,
        help="Append to this file. Default: print.",
        show_default=False,
    ),
]
_CountOption = Annotated[
    int | None,
    typer.Option(
        "--count", metavar="N", min=1, help="Stop after N deliveries.", show_default=False
    ),
]


def record(
    *,
    listen: _ListenOption = "127.0.0.1:4050",
    forward_to: _ForwardOption = None,
    output: _OutputOption = None,
    count: _CountOption = None,
) -> None:
    """Record every delivery that arrives, as one line of JSON, and forward it.

    Put it between a tunnel and your application, or in the application's place. The lines have the
    form that "clerk webhooks listen --json" prints; the commands "replay" and "explain" read them.
    Nothing is verified. The terminal shows the status, type and message id of each delivery.
    Ctrl-C ends it.

    Recorded deliveries are personal data of your users: protect them.

    \b
    clerk-hooks record --output deliveries.jsonl
    clerk-hooks record --forward-to http://127.0.0.1:8000/webhooks/clerk
    """
    from ._recording import line_of
    from ._sending import Target

    host, port = _address(listen)
    target = None if forward_to is None else Target.parse(forward_to)
    with nullcontext(sys.stdout) if output is None else _private(output) as file:
        recorded = 0

        def note(arrival: Arrival) -> None:
            nonlocal recorded
            print(line_of(arrival), file=file, flush=True)
            typer.echo(_summary(arrival), err=True)
            recorded += 1
            if recorded == count:
                Thread(target=recorder.shutdown).start()

        with _listening(host, port, target, note) as recorder:
            at = f"http://{f'[{host}]' if ':' in host else host}:{recorder.server_port}"
            ready = json.dumps({"type": "ready", "url": at, "forward_to": forward_to})
            print(ready, file=file, flush=True)
            typer.echo(f"Listening on {at}. Ctrl-C ends it.", err=True)
            with suppress(KeyboardInterrupt):
                recorder.serve_forever(poll_interval=0.05)
        typer.echo(f"{recorded} recorded.", err=True)


def _listening(
    host: str, port: int, target: Target | None, note: Callable[[Arrival], None]
) -> Recorder:
    from ._recorder import Recorder
    from ._trouble import why_not_listening

    try:
        return Recorder(host, port, target, note)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"--listen {host}:{port}: {why_not_listening(error)}") from error


def _summary(arrival: Arrival) -> str:
    """A delivery in one line, for people."""
    from ._recording import event_type_of, message_id_of

    event_type = event_type_of(arrival.body) or "(no type)"
    message_id = message_id_of(arrival.headers) or "(no message id)"
    words = (str(arrival.answer.status), event_type, message_id, arrival.answer.problem or "")
    return shown("  ".join(words).rstrip(), 300)


def _private(path: Path) -> TextIO:
    """Open the file for appending; only its owner can read a new one."""
    created = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    return os.fdopen(created, "a", encoding="utf-8")


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:
        raise UsageError(f"--listen {text!r}: expected HOST:PORT, such as 127.0.0.1:4050")
    return host.strip("[]"), int(port)
