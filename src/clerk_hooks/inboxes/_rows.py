"""What stands in the rows of an inbox: made of deliveries, and read as messages and records."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Literal, TypeAlias

from ..delivery import Delivery
from ..errors import ClerkHooksError, ConfigurationError
from ..messages import Message, Record, State
from ..stores._spelling import KEY_LENGTH
from ._spelling import PAYLOAD_SIZE

Stored: TypeAlias = Literal["waiting", "unsettled", "running", "done", "dead"]
"""The state in a row. A waiting one whose last take was never settled is ``unsettled``: so that an
index finds those."""

MESSAGE = (
    "message_id, attempted_at, payload, carrier, accepted_at, takes, failures, put_backs, done"
)
"""The columns that `message_of` reads."""
RECORD = (
    "message_id, state, event_type, attempted_at, accepted_at, due_at, takes, failures, done, "
    "reason, payload"
)
"""The columns that `record_of` reads."""


def row_of(delivery: Delivery, carrier: Mapping[str, str]) -> dict[str, object]:
    """The values of a new row. Raises `ConfigurationError` for what a row cannot keep unchanged."""
    name, size = delivery.message_id, len(delivery.payload)
    if not (_is_short(name) and name and name == name.strip()):
        raise ConfigurationError(
            f"message_id: an inbox keeps ids of 1 to {KEY_LENGTH} printable characters"
        )
    if size > PAYLOAD_SIZE:
        raise ConfigurationError(
            f"the payload has {size:,} bytes, and an inbox keeps at most {PAYLOAD_SIZE:,}: lower "
            "the endpoint's max_body",
            reason="too_large",
        )
    return {
        "message_id": name,
        "attempted_at": delivery.attempted_at.timestamp(),
        "event_type": _event_type(delivery),
        "payload": delivery.payload,
        "carrier": json.dumps(dict(carrier)),
    }


def message_of(row: Sequence[Any], token: str) -> Message:
    """The message in a row that was taken under `token`; `takes` has not counted that yet."""
    name, attempted_at, payload, carrier, accepted_at, takes, failures, put_backs, done = row
    return Message(
        Delivery(name, _time(attempted_at), bytes(payload)),
        token,
        json.loads(carrier),
        accepted_at,
        takes + 1,
        failures,
        put_backs,
        tuple(json.loads(done)),
    )


def record_of(row: Sequence[Any]) -> Record:
    """A row, for people."""
    name, state, kind, attempted, accepted, due, takes, failures, done, reason, payload = row
    return Record(
        name,
        shown(state),
        kind,
        attempted,
        accepted,
        due,
        takes,
        failures,
        tuple(json.loads(done)),
        reason,
        None if payload is None else bytes(payload),
    )


def shown(state: Stored) -> State:
    """The state that people see."""
    return "waiting" if state == "unsettled" else state


def names_as_json(names: Sequence[str]) -> str:
    """Names of handlers, in ASCII: some databases do not keep every character."""
    return json.dumps(list(names))


def as_text(words: str) -> str:
    """`words` as every database keeps them: without NUL, and without half of a surrogate pair."""
    return words.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _event_type(delivery: Delivery) -> str | None:
    """The event type; None if it cannot be read, or cannot stand in a column."""
    try:
        found = delivery.type
    except ClerkHooksError:  # The worker will find out, too.
        return None
    return found if _is_short(found) else None


def _is_short(text: str) -> bool:
    return len(text) <= KEY_LENGTH and text.isprintable()


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)
