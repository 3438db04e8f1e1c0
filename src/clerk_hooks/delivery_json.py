"""A delivery as JSON, for queues that are not ours: written, and read again.

The format is an object with these members. Others are ignored, so that a later version can add some
without a new number.

- ``v``: the number of the format, 1.
- ``message_id``.
- ``attempted_at``: an instant in UTC, as `datetime.isoformat` writes it.
- ``type``: the event type, or null if it cannot be read. It is for whoever sorts the messages;
  whoever reads the delivery takes it from the payload.
- ``payload``: the payload as text, if it is UTF-8; otherwise ``payload_base64``.

The text is ASCII, because some queues refuse other characters.
"""

import json
from base64 import b64decode, b64encode
from contextlib import suppress
from datetime import datetime, timezone
from functools import partial
from threading import get_ident
from typing import Any, NamedTuple, cast

from .body import to_bytes
from .errors import InputTypeError, PayloadError
from .json_text import on_fresh_stack

VERSION = 1


class Parts(NamedTuple):
    """What a delivery is made of."""

    message_id: str
    attempted_at: datetime
    payload: bytes


def written(parts: Parts, event_type: str | None) -> str:
    """The text of a delivery."""
    members: dict[str, object] = {
        "v": VERSION,
        "message_id": parts.message_id,
        "attempted_at": _iso(parts.attempted_at),
        "type": event_type,
    }
    try:
        members["payload"] = parts.payload.decode()
    except UnicodeDecodeError:
        members["payload_base64"] = b64encode(parts.payload).decode()
    return json.dumps(members, separators=(",", ":"))


def parts_in(text: object) -> Parts | PayloadError | InputTypeError:
    """What the delivery in `text` is made of, or what is wrong with it.

    A problem is returned: raised from here, it would carry the payload in the frames of its
    traceback.
    """
    body = to_bytes(text)
    if isinstance(body, InputTypeError):
        kind = type(text).__name__
        return InputTypeError(f"from_json takes the text that to_json has written, not {kind}")
    try:
        members = _members(body)
        return Parts(_message_id(members), _attempted_at(members), _payload(members))
    except _MalformedError as malformed:
        problem = f"not the text of a delivery: {malformed}"
        return PayloadError(problem, reason="not_a_delivery")
    except _OtherVersionError as version:
        problem = f"the text has version {version}, and this version of clerk_hooks reads {VERSION}"
        return PayloadError(problem, reason="unknown_version")


class _MalformedError(Exception):
    """What is wrong with a text."""


class _OtherVersionError(Exception):
    """Which version a text has."""


def _members(body: bytes) -> dict[str, Any]:
    try:
        found = on_fresh_stack(partial(_parsed, body, get_ident()))
    except ValueError:
        raise _MalformedError("it is not JSON") from None
    if not isinstance(found, dict):
        raise _MalformedError("it is not an object")
    members = cast("dict[str, Any]", found)
    version = members.get("v")
    if type(version) is not int:
        raise _MalformedError("it has no version `v`")
    if version != VERSION:
        raise _OtherVersionError(version)
    return members


def _parsed(body: bytes, caller: int) -> object:
    """The JSON value; None if it has too many brackets in one another, even for a fresh stack."""
    try:
        return json.loads(body.decode())
    except RecursionError:
        if get_ident() == caller:  # It may be the caller's stack that is deep.
            raise
        return None


def _message_id(members: dict[str, Any]) -> str:
    message_id = members.get("message_id")
    if not isinstance(message_id, str):
        raise _MalformedError("it has no `message_id`")
    return message_id


def _attempted_at(members: dict[str, Any]) -> datetime:
    value = members.get("attempted_at")
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        instant = None
    if instant is None or instant.utcoffset() is None:
        raise _MalformedError("`attempted_at` is not an instant with its offset from UTC")
    return instant


def _payload(members: dict[str, Any]) -> bytes:
    text, base64 = members.get("payload"), members.get("payload_base64")
    if isinstance(text, str) and base64 is None:
        try:
            return text.encode()
        except ValueError:
            raise _MalformedError("`payload` has half a character") from None
    if isinstance(base64, str) and text is None:
        try:
            return b64decode(base64, validate=True)
        except ValueError:
            raise _MalformedError("`payload_base64` is not base64") from None
    raise _MalformedError("it does not have either `payload` or `payload_base64`")


def _iso(instant: datetime) -> str:
    # The methods of the class itself: those of a subclass may write anything.
    with suppress(OverflowError):  # In the first or the last year.
        instant = datetime.astimezone(instant, timezone.utc)
    return datetime.isoformat(instant)
