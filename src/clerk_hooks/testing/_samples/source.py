"""Where the ids and times of a sample come from."""

import random
import string
import time
from typing import Any, TypeAlias

Payload: TypeAlias = dict[str, Any]
"""A JSON object, as `json.loads` gives it."""

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_SEEDED_NOW = 1_790_000_000_000  # 21 September 2026: any instant will do, but always the same.
_KSUID_EPOCH = 1_400_000_000  # Seconds. Clerk's ids are KSUIDs, which begin with their time.
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase


class Source:
    """The ids and times of one sample: new ones each time, but always the same for one `seed`."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)  # noqa: S311 - ids to look at, not to guard anything
        self.now = int(time.time() * 1000) if seed is None else _SEEDED_NOW
        """When the event happens, in Unix milliseconds; everything else is before it."""

    def id(self, prefix: str, *, ago: int = 0) -> str:
        """An id such as Clerk makes for an object that is `ago` milliseconds old."""
        number = ((self.now - ago) // SECOND - _KSUID_EPOCH) << 128 | self._random.getrandbits(128)
        digits = ""
        while len(digits) < 27:
            number, digit = divmod(number, 62)
            digits = _BASE62[digit] + digits
        return f"{prefix}_{digits}"

    def ago(self, milliseconds: int) -> int:
        """The instant that was so long before the event, in Unix milliseconds."""
        return self.now - milliseconds

    def digits(self, length: int) -> str:
        """A decimal number of so many digits, as text."""
        return "".join(self._random.choices("0123456789", k=length))

    def hex(self, length: int) -> str:
        """A hexadecimal number of so many digits, as text."""
        return "".join(self._random.choices("0123456789abcdef", k=length))

    def email(self, name: str, domain: str = "example.com") -> str:
        """An address that no other sample has, as applications want them unique."""
        return f"{name}.{self.hex(6)}@{domain}"

    def image_url(self) -> str:
        """The URL of a picture."""
        return f"https://img.clerk.com/{self.hex(24)}"
