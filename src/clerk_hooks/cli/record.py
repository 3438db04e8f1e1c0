"""``clerk-hooks record``: a server that records deliveries and forwards them."""

from __future__ import annotations

import json
import os
import sys
from contextlib import nullcontext, suppress
from pathlib import Path
from threading import Thread
from typing import Annotated, TextIO

import typer

from ._usage import UsageError


def record(
    *,
    listen: Annotated[
        str,
        typer.Option(
            "--listen", metavar="HOST:PORT", help="The address to listen on. Port 0: any free port."
        ),
    ] = "127.0.0.1:4050",
    forward_to: Annotated[
        str | None,
        typer.Option(
            "--forward-to",
            metavar="URL",
            help="Forward each delivery unchanged, and answer with its reply.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            dir_okay=False,
            help="Append to this file. Default: print.",
            show_default=False,
        ),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            "--count", metavar="N", min=1, help="Stop after N deliveries.", show_default=False
        ),
    ] = None,
) -> None:
    """Record every delivery that arrives, as one line of JSON, and forward it.

    Put it between a tunnel and your application, or in the application's place. The lines have the
    form that "clerk webhooks listen --json" prints; "clerk-hooks replay" and "clerk-hooks explain"
    read them. Nothing is verified. Ctrl-C ends it.

    Recorded deliveries are personal data of your users: protect them.

    \b
    clerk-hooks record --output deliveries.jsonl
    clerk-hooks record --listen 127.0.0.1:4050 --forward-to http://127.0.0.1:8000/webhooks/clerk
    """
    from ._recorder import Recorder
    from ._sending import Target

    host, port = _address(listen)
    target = None if forward_to is None else Target.parse(forward_to)
    with nullcontext(sys.stdout) if output is None else _private(output) as file:
        recorded = 0

        def write(line: str) -> None:
            nonlocal recorded
            recorded += 1
            print(line, file=file, flush=True)
            if recorded == count:
                Thread(target=recorder.shutdown).start()

        with Recorder(host, port, target, write) as recorder:
            at = f"http://{host}:{recorder.server_port}"
            print(
                json.dumps({"type": "ready", "url": at, "forward_to": forward_to}),
                file=file,
                flush=True,
            )
            typer.echo(f"Listening on {at}. Ctrl-C ends it.", err=True)
            with suppress(KeyboardInterrupt):
                recorder.serve_forever(poll_interval=0.05)
        typer.echo(f"{recorded} recorded.", err=True)


def _private(path: Path) -> TextIO:
    """Open the file for appending; only its owner can read a new one."""
    created = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    return os.fdopen(created, "a", encoding="utf-8")


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"--listen {text!r}: expected HOST:PORT, such as 127.0.0.1:4050")
    return host.strip("[]"), int(port)
