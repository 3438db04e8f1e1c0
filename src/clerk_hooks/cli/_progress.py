"""The file beside a recording that lists the deliveries that need not be sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._usage import UsageError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO

    from typing_extensions import Self

    from ._recording import RecordedDelivery
    from ._sending import Outcome


class Progress:
    """The deliveries of a recording that one URL has accepted; as a context manager, it adds notes.

    The first line of the file is the URL. Every other line is a `RecordedDelivery.note`. A note
    reaches the operating system before the next delivery begins, so that a killed program sends
    only the deliveries under way a second time. With `restart`, earlier notes are discarded.
    """

    def __init__(self, recording: Path, url: str, *, restart: bool = False) -> None:
        self.path = recording.with_name(f"{recording.name}.progress")
        self._url = url
        self._done: set[str] = set()
        self._file: TextIO | None = None
        if restart:
            self.forget()
        if self.path.exists():
            first, *notes = self.path.read_text("utf-8", "replace").split("\n")
            # A program that is killed at its start may leave an empty file.
            if first not in ("", url):
                raise UsageError(f"{self.path} belongs to {first}: pass --restart to discard it")
            self._done = set(notes)

    def has(self, delivery: RecordedDelivery) -> bool:
        """Whether an earlier run delivered it."""
        return delivery.note in self._done

    def __enter__(self) -> Self:
        self._file = self.path.open("a", encoding="utf-8")
        if self._file.tell() == 0:
            self._file.write(self._url)
            self._file.flush()
        return self

    def add(self, outcome: Outcome) -> None:
        """Note a delivery that ended as expected."""
        if self._file is not None and outcome.is_expected:
            # The newline comes first, so that a half-written note stays on its own line.
            self._file.write(f"\n{outcome.job.note}")
            self._file.flush()

    def __exit__(self, *_error: object) -> None:
        if self._file is not None:
            self._file.close()

    def forget(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)
