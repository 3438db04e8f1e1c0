"""The file beside a recording that says which of its deliveries need not be sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._usage import UsageError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO

    from typing_extensions import Self

    from ._recording import RecordedDelivery


class Progress:
    """What was delivered of a recording to one URL; entered, it takes notes.

    The first line of the file is the URL, each other one the number and the digest of a line of the
    recording. A note is handed to the system before the next delivery is begun, so that nothing but
    what is under way when the program is killed is sent twice.
    """

    def __init__(self, recording: Path, url: str) -> None:
        self.path = recording.with_name(f"{recording.name}.progress")
        self._url = url
        self._done: set[str] = set()
        self._file: TextIO | None = None
        if self.path.exists():
            first, *notes = self.path.read_text("utf-8").split("\n")
            # An empty file is what a program that was killed at once may leave.
            if first not in ("", url):
                raise UsageError(f"{self.path} is about {first}: --restart forgets it")
            self._done = set(notes)

    def has(self, delivery: RecordedDelivery) -> bool:
        """Whether it was delivered before."""
        return _note(delivery.number, delivery.digest) in self._done

    def __enter__(self) -> Self:
        self._file = self.path.open("a", encoding="utf-8")
        if self._file.tell() == 0:
            self._file.write(self._url)
            self._file.flush()
        return self

    def add(self, number: int, digest: str) -> None:
        """Note that a line's delivery has ended as expected."""
        if self._file is not None:
            # The newline comes first: what a killed program has left half is a line of its own.
            self._file.write(f"\n{_note(number, digest)}")
            self._file.flush()

    def __exit__(self, *_error: object) -> None:
        if self._file is not None:
            self._file.close()

    def forget(self) -> None:
        """Remove the file: all is delivered, or all is to be sent again."""
        self.path.unlink(missing_ok=True)


def _note(number: int, digest: str) -> str:
    return f"{number} {digest}"
