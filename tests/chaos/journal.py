"""The journal: one line per thing that happened, in one file that all processes append to.

A line is one write, which the kernel appends undivided, and which survives every death of the
writer. The clock is the machine's monotonic one, the same in all processes.
"""

import json
import os
import time
from pathlib import Path
from typing import NamedTuple


class Entry(NamedTuple):
    """One line."""

    at: int
    """Nanoseconds of the monotonic clock."""
    worker: int
    """Number of the server process; each replacement has a new one."""
    step: str
    """``begin``, ``effect``, ``confirmed`` or ``unconfirmed``; or ``killed``, or ``ended`` for a
    connection to the database, with nothing after it."""
    message: str = ""
    handler: str = ""
    token: str = ""
    object: str = ""
    time: int = 0


class Journal:
    """Writes to the file at `path` for the server process of that number."""

    def __init__(self, path: Path, worker: int) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.worker = worker

    def write(self, step: str, *details: object) -> None:
        line = json.dumps([time.monotonic_ns(), self.worker, step, *details]) + "\n"
        os.write(self._file, line.encode())


def read(path: Path) -> list[Entry]:
    """All lines, in the order in which they were written."""
    return [Entry(*json.loads(line)) for line in path.read_text().splitlines()]
