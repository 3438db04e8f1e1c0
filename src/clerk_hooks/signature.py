"""Sign and verify with the Standard Webhooks scheme, which Svix uses for Clerk's deliveries.

The scheme (Standard Webhooks spec; Svix, "Verifying webhooks manually") is HMAC-SHA256 over
``id . timestamp . body``, keyed with the endpoint's signing secret. The signature header holds one
entry, ``v1,<base64>``, for each secret in use. All of it works on bytes, and nothing is decoded
before the MAC has been compared.
"""

import hmac
import os
import re
import time
from binascii import b2a_base64
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from hmac import compare_digest

from .delivery import Body, Delivery, to_bytes
from .errors import (
    ConfigurationError,
    MalformedHeader,
    NoMatchingSignature,
    TimestampOutsideTolerance,
)
from .headers import Headers, read_headers
from .secret import Secret, read_keys, secret_from_environment

DEFAULT_TOLERANCE = timedelta(minutes=5)
"""How far a timestamp may be from the clock: five minutes, as in Svix and the spec."""

# Visible ASCII except ".", the delimiter of the signed parts: with a "." in the id, the same
# signature would also fit another split into id, timestamp and body.
_ID_BYTES = bytes(range(0x21, 0x7F)).replace(b".", b"")
_MAX_ID_BYTES = 255
_is_timestamp = re.compile(rb"[1-9][0-9]{0,10}").fullmatch
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def verify(
    body: Body,
    headers: Headers,
    *,
    secret: Secret | None = None,
    tolerance: timedelta = DEFAULT_TOLERANCE,
    now: datetime | float | None = None,
) -> Delivery:
    """Verify that a request came from Clerk unaltered. The result's ``.event`` is typed.

    `body` is the raw request body, `headers` any container of headers. `secret` is one signing
    secret, or several during a rotation; the default is the environment variable
    ``CLERK_WEBHOOK_SIGNING_SECRET``. `tolerance` is how far the timestamp may be from `now` (an
    aware datetime or Unix seconds; the default is the current time). `timedelta.max` switches that
    check off.

    Raises `VerificationError`, `SecretError`, `ConfigurationError` and `InputTypeError`.
    """
    if secret is None:
        secret = secret_from_environment()
    if now is None and type(secret) is str and type(tolerance) is timedelta:
        return _cached_verifier(secret, tolerance).verify(body, headers)
    seconds = _unix_seconds(time.time() if now is None else now)
    return Verifier(secret, tolerance=tolerance, clock=lambda: seconds).verify(body, headers)


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
    body = to_bytes(payload)
    if message_id is None:
        message_id = "msg_" + os.urandom(16).hex()
    identity = str.encode(message_id, "utf-8", "surrogatepass") if type(message_id) is str else b""
    if not 0 < len(identity) <= _MAX_ID_BYTES or identity.translate(None, _ID_BYTES):
        raise ConfigurationError(
            "message_id must be 1 to 255 visible ASCII characters, without a `.`"
        )
    if type(timestamp) in (float, bool):
        raise ConfigurationError("timestamp must be an aware datetime or whole Unix seconds")
    seconds = b"%d" % _unix_seconds(time.time() if timestamp is None else timestamp)
    if not _is_timestamp(seconds):
        raise ConfigurationError("timestamp must be after 1970, in at most 11 digits of seconds")
    content = b".".join((identity, seconds, body))
    entries = b" ".join(_signature(_mac(key), content) for key in read_keys(secret))
    return {
        "svix-id": identity.decode(),
        "svix-timestamp": seconds.decode(),
        "svix-signature": entries.decode(),
    }


class Verifier:
    """Verifies that requests came from Clerk. Create one when the program starts, and share it.

    `secret` and `tolerance` are as for `verify`, and are checked here. `clock` returns the Unix
    time in seconds.

    Raises `SecretError` and `ConfigurationError`.
    """

    def __init__(
        self,
        secret: Secret | None = None,
        *,
        tolerance: timedelta = DEFAULT_TOLERANCE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._macs = tuple(map(_mac, read_keys(secret)))
        self._tolerance = _checked_tolerance(tolerance)
        self._tolerance_seconds = tolerance.total_seconds()
        if not callable(clock):
            raise ConfigurationError("clock must be a function that returns Unix seconds")
        self._clock = clock

    def verify(self, body: Body, headers: Headers) -> Delivery:
        """Verify one request, given its raw body and its headers in any container of headers.

        Raises `VerificationError` (its subclass and `reason` say why), and `InputTypeError` if
        `body` is not a body or `headers` are not headers.
        """
        payload = body if type(body) is bytes else to_bytes(body)
        message_id, timestamp, signature = read_headers(headers)
        if message_id.translate(None, _ID_BYTES) or len(message_id) > _MAX_ID_BYTES:
            raise MalformedHeader(
                "the message id must be 1 to 255 visible ASCII characters, without a `.`",
                reason="bad_message_id",
            )
        if not _is_timestamp(timestamp):
            raise MalformedHeader(
                "the timestamp must be whole Unix seconds, in digits", reason="bad_timestamp"
            )
        seconds = int(timestamp)
        age = int(self._clock()) - seconds
        if abs(age) > self._tolerance_seconds:
            raise self._outside_tolerance(age)
        self._check_signature(message_id, timestamp, signature, payload)
        return Delivery(message_id.decode(), seconds, payload)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} secrets={len(self._macs)} tolerance={self._tolerance}>"

    def _outside_tolerance(self, age: int) -> TimestampOutsideTolerance:
        when = f"{age} s ago" if age > 0 else f"{-age} s in the future"
        return TimestampOutsideTolerance(
            f"signed {when}, but the tolerance is {self._tolerance}: check this server's clock; to "
            "replay stored deliveries, switch this check off with tolerance=timedelta.max",
            reason="too_old" if age > 0 else "too_new",
        )

    def _check_signature(
        self, message_id: bytes, timestamp: bytes, signature: bytes, payload: bytes
    ) -> tuple[hmac.HMAC, bytes]:
        """Return the MAC (there is one per secret) and the entry of the header that match."""
        content = b".".join((message_id, timestamp, payload))
        entries = signature.split()
        for mac in self._macs:
            expected = _signature(mac, content)
            for entry in entries:
                # Compare the text: decoding would accept several spellings of one signature.
                if compare_digest(entry, expected):
                    if len(entries) > 1:
                        _refuse_joined(entries)
                    return mac, entry
        _refuse_joined(entries)
        raise NoMatchingSignature


class SvixVerifier(Verifier):
    """A `Verifier` that also asks svix's own code. A delivery passes only if both accept it.

    It is only ever stricter: svix always uses the real clock and its own five minutes, and it
    refuses a body that is not UTF-8. It works with svix 1.x and 2.x, and imports svix when it is
    created.
    """

    def __init__(self, secret: Secret | None = None) -> None:
        texts = ["whsec_" + b2a_base64(key, newline=False).decode() for key in read_keys(secret)]
        super().__init__(texts)
        from svix.webhooks import Webhook, WebhookVerificationError

        self._webhooks = dict(zip(self._macs, map(Webhook, texts), strict=True))
        self._refusal = WebhookVerificationError

    def _check_signature(
        self, message_id: bytes, timestamp: bytes, signature: bytes, payload: bytes
    ) -> tuple[hmac.HMAC, bytes]:
        mac, entry = super()._check_signature(message_id, timestamp, signature, payload)
        headers = {
            "svix-id": message_id.decode(),
            "svix-timestamp": timestamp.decode(),
            "svix-signature": entry.decode(),
        }
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            raise NoMatchingSignature("svix refuses a body that is not UTF-8") from None
        try:
            self._webhooks[mac].verify(text, headers)
        except self._refusal as error:
            # The time is all that svix can still object to.
            reason = "too_old" if int(timestamp) < time.time() else "too_new"
            raise TimestampOutsideTolerance(f"svix: {error}", reason=reason) from error
        except (ValueError, RecursionError):
            # After a match, svix 1.x parses the body. Text and headers are clean, so only that
            # parsing can raise here, and it says nothing about the signature.
            pass
        return mac, entry


def _signature(mac: hmac.HMAC, content: bytes) -> bytes:
    """The entry of the signature header for `content`, which is ``id . timestamp . body``."""
    mac = mac.copy()
    mac.update(content)
    return b"v1," + b2a_base64(mac.digest(), newline=False)


def _refuse_joined(entries: list[bytes]) -> None:
    """Refuse a signature header that a server joined from several with ``, ``.

    Then an entry ends with a comma. A lone ``v1,`` is just an empty signature, which cannot match.
    """
    if entries != [b"v1,"] and any(entry.endswith(b",") for entry in entries):
        raise MalformedHeader(
            "the signature header occurred more than once, and a server or proxy joined the copies",
            reason="duplicate_header",
        )


@lru_cache(maxsize=16)
def _cached_verifier(secret: str, tolerance: timedelta) -> Verifier:
    return Verifier(secret, tolerance=tolerance)


def _checked_tolerance(tolerance: timedelta) -> timedelta:
    if not issubclass(type(tolerance), timedelta) or tolerance < timedelta(0):
        raise ConfigurationError("tolerance must be a timedelta that is not negative")
    return tolerance


def _unix_seconds(instant: datetime | float) -> int:
    """An aware datetime or a number as whole Unix seconds of at most 11 digits."""
    try:
        if not isinstance(instant, datetime):
            seconds = int(instant // 1)
        elif instant.utcoffset() is None:
            raise ConfigurationError("a naive datetime is ambiguous: pass an aware one")
        else:
            seconds = (instant - _EPOCH) // timedelta(seconds=1)
    except ConfigurationError:
        raise
    except Exception as error:  # Numbers and time zones raise errors of many kinds.
        raise ConfigurationError(
            "a time must be an aware datetime or a number of Unix seconds"
        ) from error
    if abs(seconds) >= 10**11:
        raise ConfigurationError("a time must have at most 11 digits of Unix seconds")
    return seconds


def _mac(key: bytes) -> hmac.HMAC:
    """The MAC with its key, which is copied for each delivery."""
    return hmac.new(key, digestmod="sha256")
