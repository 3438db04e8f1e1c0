"""Where a process spends its time, by looking at its main thread after each bit of CPU time."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from types import FrameType

import clerk_hooks

OURS = str(Path(clerk_hooks.__file__).parent)
THEIRS = ("uvicorn", "gunicorn", "starlette", "fastapi", "flask", "werkzeug", "django", "asgiref")
THEIRS += ("awslambdaric",)
EVERY = 0.001
"""Seconds of CPU time from one look to the next, or what the system's clock makes of it."""


def sample(folder: Path) -> None:
    """Begin to look; how often, and how often at our code, goes to a file in `folder`."""
    total = ours = 0

    def look(_: int, frame: FrameType | None) -> None:
        nonlocal total, ours
        total += 1
        ours += _is_ours(frame)
        if total % 50 == 0:
            temporary = folder / "samples.new"
            temporary.write_text(json.dumps([total, ours]))
            temporary.replace(folder / "samples")

    signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)


def read_share(folder: Path) -> float:
    """The share of the time that was spent in our code, and in what it calls."""
    total, ours = json.loads((folder / "samples").read_text())
    return float(ours / total)


def _is_ours(frame: FrameType | None) -> bool:
    """Whether the innermost code that is ours or a server's or a framework's is ours."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(OURS):
            return True
        if any(f"/{theirs}/" in name for theirs in THEIRS):
            return False
        frame = frame.f_back
    return False
