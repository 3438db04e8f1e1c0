"""The deliveries that ``clerk-hooks send`` makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ._sending import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..testing import SignedRequest


class Batch(NamedTuple):
    """Bodies, and how each is signed and sent."""

    event_types: list[str]
    """The type of each delivery."""
    body_of: Callable[[str], bytes]
    """Makes the body for a type, anew each time."""
    sign: Callable[[bytes], SignedRequest]
    """Signs a body with the secret, which is thus in no attribute and no repr."""
    kind: str
    """``delivery``, ``forged`` or ``old``."""
    duplicate: bool
    """Whether each message is sent a second time."""
    expect: str | None
    """Statuses, or None for the usual ones."""

    def __len__(self) -> int:
        return len(self.event_types) * (1 + self.duplicate)

    def check(self) -> None:
        """Raise now the errors that making and signing the bodies would raise later."""
        for event_type in dict.fromkeys(self.event_types):
            self._request(event_type)

    def jobs(self) -> Iterator[Job]:
        """The deliveries, each made right before it is sent."""
        usual = "2xx" if self.kind == "delivery" else "400"
        for event_type in self.event_types:
            first = self._request(event_type)
            expected = self.expect or usual
            yield Job(event_type, self.kind, first.body, [*first.headers.items()], expected)
            if self.duplicate:
                expected = self.expect or ("2xx 409" if usual == "2xx" else usual)
                again = [*first.retry().headers.items()]
                yield Job(event_type, "duplicate", first.body, again, expected)

    def _request(self, event_type: str) -> SignedRequest:
        request = self.sign(self.body_of(event_type))
        if self.kind == "forged":
            return request.forged()
        return request.old() if self.kind == "old" else request
