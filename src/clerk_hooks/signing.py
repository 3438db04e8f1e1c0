"""Sign with the Standard Webhooks scheme, which Svix uses for Clerk's deliveries.

The scheme (Standard Webhooks spec; Svix, "Verifying webhooks manually") is HMAC-SHA256 over
``id . timestamp . body``, keyed with the endpoint's signing secret. The signature header holds one
entry, ``v1,<base64>``, for each secret in use.

Error trackers record the local variables of each function that an error leaves. So the functions
that handle keys, signatures and payloads return problems, and only public functions raise.
"""

import hmac
import os
import re
import time
from binascii import b2a_base64
from datetime import datetime

from .body import Body, to_bytes
from .errors import ClerkHooksError, ConfigurationError
from .instants import unix_seconds
from .secret import Secret, read_keys

ID_BYTES = bytes(range(0x21, 0x7F)).replace(b".", b"")
"""The bytes of a message id: visible ASCII except ``.``, the delimiter of the signed parts.

With a ``.`` in the id, one signature would also fit another split into id, timestamp and body."""

MAX_ID_BYTES = 255
"""How long a message id may be."""

is_timestamp = re.compile(rb"[1-9][0-9]{0,10}").fullmatch
"""Whether bytes are whole Unix seconds: at most 11 digits, without a leading zero."""


def sign(
    payload: Body,
    *,
    secret: Secret | None = None,
    message_id: str | None = None,
    timestamp: datetime | int | None = None,
) -> dict[str, str]:
    """Sign `payload` as Svix does; return the three ``svix-*`` headers, one signature per secret.

    `secret` is as for `verify`. `message_id` defaults to a new random id, and `timestamp` (an aware
    datetime or whole Unix seconds) to the current time.

    Raises `SecretError`, `ConfigurationError` for an id or a time that receivers refuse, and
    `InputTypeError` if `payload` is neither bytes nor text.
    """
    signed = _signed(payload, secret, message_id, timestamp)
    if isinstance(signed, ClerkHooksError):
        del payload
        raise signed
    return signed


def mac_of(key: bytes) -> hmac.HMAC:
    """The MAC with its key, which is copied for each delivery."""
    return hmac.new(key, digestmod="sha256")


def entry_of(mac: hmac.HMAC, content: bytes) -> bytes:
    """The entry of the signature header for `content`, which is ``id . timestamp . body``."""
    mac = mac.copy()
    mac.update(content)
    return b"v1," + b2a_base64(mac.digest(), newline=False)


def _signed(
    payload: Body, secret: Secret | None, message_id: str | None, timestamp: datetime | int | None
) -> dict[str, str] | ClerkHooksError:
    body, identity, seconds = to_bytes(payload), _identity(message_id), _timestamp(timestamp)
    if isinstance(body, ClerkHooksError):
        return body
    if isinstance(identity, ClerkHooksError):
        return identity
    if isinstance(seconds, ClerkHooksError):
        return seconds
    keys = read_keys(secret)
    if isinstance(keys, ClerkHooksError):
        return keys
    content = b".".join((identity, seconds, body))
    entries = b" ".join([entry_of(mac_of(key), content) for key in keys])
    return {
        "svix-id": identity.decode(),
        "svix-timestamp": seconds.decode(),
        "svix-signature": entries.decode(),
    }


def _identity(message_id: str | None) -> bytes | ConfigurationError:
    if message_id is None:
        return b"msg_" + os.urandom(16).hex().encode()
    identity = str.encode(message_id, "utf-8", "surrogatepass") if type(message_id) is str else b""
    if 0 < len(identity) <= MAX_ID_BYTES and not identity.translate(None, ID_BYTES):
        return identity
    return ConfigurationError("message_id must be 1 to 255 visible ASCII characters, without a `.`")


def _timestamp(timestamp: datetime | int | None) -> bytes | ConfigurationError:
    if type(timestamp) in (float, bool):
        return ConfigurationError("timestamp must be an aware datetime or whole Unix seconds")
    seconds = unix_seconds(time.time() if timestamp is None else timestamp)
    if isinstance(seconds, ConfigurationError):
        return seconds
    if not is_timestamp(b"%d" % seconds):
        return ConfigurationError("timestamp must be after 1970, in at most 11 digits of seconds")
    return b"%d" % seconds
