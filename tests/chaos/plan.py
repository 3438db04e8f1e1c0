"""What is delivered: the life of each object, event by event, each as a message of its own."""

import json
import random
from typing import NamedTuple

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

_NOON = 1_700_000_000_000


class Message(NamedTuple):
    """One event of one object."""

    id: str
    type: str
    object: str
    time: int
    """When it happened, in Unix milliseconds; that of each event of an object is another."""

    @property
    def is_delete(self) -> bool:
        return self.type == "user.deleted"

    @property
    def handlers(self) -> tuple[str, ...]:
        """The handlers of the servers that are for it."""
        return ("mirror", "audit", *(["welcome"] if self.type == "user.created" else []))

    @property
    def payload(self) -> bytes:
        data = (
            {"id": self.object} if self.is_delete else {"id": self.object, "updated_at": self.time}
        )
        return json.dumps({"type": self.type, "data": data, "timestamp": self.time}).encode()


class Faulty(NamedTuple):
    """A delivery that no run brings to a good end, until its handler is mended."""

    id: str
    fault: str
    """What its handler does: ``kills``, ``raises`` or ``aborts``; or ``unreadable``."""

    @property
    def payload(self) -> bytes:
        if self.fault == "unreadable":
            return b'{"type": "user.created", '
        return json.dumps({"type": f"chaos.{self.fault}", "data": {"id": self.id}}).encode()


def plan(events: int, objects: int, chance: random.Random) -> list[Message]:
    """Messages of that many events and objects, shuffled; a third of the objects are deleted."""
    lives = [[f"user_{number}"] for number in range(objects)]
    lengths = [1] * objects
    for _ in range(events - objects):
        lengths[chance.randrange(objects)] += 1
    messages = []
    for number, (life, length) in enumerate(zip(lives, lengths, strict=True)):
        for step in range(length):
            event_type = "user.updated" if step else "user.created"
            if step and step == length - 1 and number % 3 == 0:
                event_type = "user.deleted"
            time = _NOON + 1000 * step + number
            messages.append(Message(f"msg_{number}_{step}", event_type, life[0], time))
    chance.shuffle(messages)
    return messages
