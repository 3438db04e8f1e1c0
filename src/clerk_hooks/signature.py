"""Sign and verify with the Standard Webhooks scheme, which Svix uses for Clerk's deliveries.

The scheme (Standard Webhooks spec; Svix, "Verifying webhooks manually") is HMAC-SHA256 over
``id . timestamp . body``, keyed with the endpoint's signing secret. The signature header holds one
entry, ``v1,<base64>``, for each secret in use. All of it works on bytes, and nothing is decoded
before the MAC has been compared.

Error trackers record the local variables of each function that an error leaves. So the functions
that handle keys, signatures and payloads return problems, and only public functions raise.
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
from math import floor
from threading import RLock

from .delivery import Body, Delivery, to_bytes
from .errors import (
    ClerkHooksError,
    ConfigurationError,
    MalformedHeader,
    NoMatchingSignature,
    SecretError,
    TimestampOutsideTolerance,
    caused_by,
)
from .headers import Headers, read_headers
from .secret import (
    SECRET_PREFIX,
    Secret,
    SecretFunction,
    call_functions,
    read_keys,
    read_secret,
    secret_from_environment,
)

DEFAULT_TOLERANCE = timedelta(minutes=5)
"""How far a timestamp may be from the clock: five minutes, as in Svix and the spec."""

# Visible ASCII except ".", the delimiter of the signed parts: with a "." in the id, the same
# signature would also fit another split into id, timestamp and body.
_ID_BYTES = bytes(range(0x21, 0x7F)).replace(b".", b"")
_MAX_ID_BYTES = 255
_MAX_SIGNATURE_BYTES = 8 * 1024
_MAX_SIGNATURES = 64  # Svix sends one per secret in use.
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
    verifier = None
    if now is None and type(secret) is str and type(tolerance) is timedelta:
        verifier = _cached_verifier(secret, tolerance)
    if verifier is None:
        seconds = _unix_seconds(time.time() if now is None else now)
        if isinstance(seconds, ConfigurationError):
            raise seconds
        verifier = Verifier(secret, tolerance=tolerance, clock=lambda: seconds)
    return verifier.verify(body, headers)


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


class Verifier:
    """Verifies that requests came from Clerk. Create one when the program starts, and share it.

    `secret` and `tolerance` are as for `verify`, and are checked here. A function that returns a
    secret is called at the first delivery, and what it returns is kept. `clock` returns the Unix
    time in seconds.

    Raises `SecretError` and `ConfigurationError`.
    """

    # Also the state of one whose constructor has raised, so that it can be shown.
    _macs: tuple[hmac.HMAC, ...] = ()
    _parts: tuple[bytes | SecretFunction, ...] = ()  # Empty once the functions were called.
    _tolerance: timedelta | None = None

    def __init__(
        self,
        secret: Secret | None = None,
        *,
        tolerance: timedelta = DEFAULT_TOLERANCE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not issubclass(type(tolerance), timedelta) or tolerance < timedelta(0):
            raise ConfigurationError("tolerance must be a timedelta that is not negative")
        if not callable(clock):
            raise ConfigurationError("clock must be a function that returns Unix seconds")
        self._tolerance = tolerance
        self._tolerance_seconds = tolerance.total_seconds()
        self._clock = clock
        self._calling = RLock()
        problem = self._read(secret)
        if problem is not None:
            raise problem

    def verify(self, body: Body, headers: Headers) -> Delivery:
        """Verify one request, given its raw body and its headers in any container of headers.

        Raises `VerificationError` (its subclass and `reason` say why), and `InputTypeError` if
        `body` is not a body or `headers` are not headers. Raises `SecretError` if a function does
        not return a secret, and `ConfigurationError` if the clock does not return a number.
        """
        verified = self._verified(body, headers)
        if isinstance(verified, ClerkHooksError):
            raise verified
        return verified

    def __repr__(self) -> str:
        secrets = len(self._macs or self._parts)
        return f"<{type(self).__name__} secrets={secrets} tolerance={self._tolerance}>"

    def _read(self, secret: Secret | None) -> SecretError | None:
        parts = read_secret(secret)
        if isinstance(parts, SecretError):
            return parts
        keys = tuple([part for part in parts if isinstance(part, bytes)])
        if len(keys) == len(parts):
            self._use(keys)
        else:
            self._parts = parts
        return None

    def _call_functions(self) -> tuple[hmac.HMAC, ...] | SecretError:
        with self._calling:
            if not self._macs:  # Else another thread was faster.
                keys = call_functions(self._parts)
                if isinstance(keys, SecretError):
                    return keys
                self._use(keys)
                self._parts = ()
            return self._macs

    def _use(self, keys: tuple[bytes, ...]) -> None:
        self._macs = tuple(map(_mac, keys))

    def _verified(self, body: Body, headers: Headers) -> Delivery | ClerkHooksError:  # noqa: PLR0911 - one for each rule
        payload = body if type(body) is bytes else to_bytes(body)
        if isinstance(payload, ClerkHooksError):
            return payload
        values = read_headers(headers)
        if isinstance(values, ClerkHooksError):
            return values
        message_id, timestamp, signature = values
        if message_id.translate(None, _ID_BYTES) or len(message_id) > _MAX_ID_BYTES:
            return MalformedHeader(
                "the message id must be 1 to 255 visible ASCII characters, without a `.`",
                reason="bad_message_id",
            )
        if not _is_timestamp(timestamp):
            return MalformedHeader(
                "the timestamp must be whole Unix seconds, in digits", reason="bad_timestamp"
            )
        seconds = int(timestamp)
        try:
            age = floor(self._clock()) - seconds
        except Exception as error:  # noqa: BLE001 - The clock is the caller's own.
            return caused_by(_bad_clock(), error)
        if abs(age) > self._tolerance_seconds:
            return self._outside_tolerance(age)
        matched = self._match(message_id, timestamp, signature, payload)
        if isinstance(matched, ClerkHooksError):
            return matched
        return Delivery(message_id.decode(), seconds, payload)

    def _outside_tolerance(self, age: int) -> ClerkHooksError:
        if abs(age) > 10**12:  # Such a number may have too many digits to be shown.
            return _bad_clock()
        when = f"{age} s ago" if age > 0 else f"{-age} s in the future"
        return TimestampOutsideTolerance(
            f"signed {when}, but the tolerance is {self._tolerance}: check this server's clock; to "
            "replay stored deliveries, switch this check off with tolerance=timedelta.max",
            reason="too_old" if age > 0 else "too_new",
        )

    def _match(
        self, message_id: bytes, timestamp: bytes, signature: bytes, payload: bytes
    ) -> tuple[hmac.HMAC, bytes] | ClerkHooksError:
        """Return the MAC (there is one per secret) and the entry of the header that match."""
        entries = signature.split(b" ", _MAX_SIGNATURES)
        # A usual header is shorter than the spaces between so many entries.
        if len(signature) > _MAX_SIGNATURES and (
            len(signature) > _MAX_SIGNATURE_BYTES or len(entries) > _MAX_SIGNATURES
        ):
            return MalformedHeader(
                f"the signature header has over {_MAX_SIGNATURES} signatures, or over 8 KiB",
                reason="too_many_signatures",
            )
        macs = self._macs or self._call_functions()
        if isinstance(macs, SecretError):
            return macs
        content = b".".join((message_id, timestamp, payload))
        for mac in macs:
            expected = _signature(mac, content)
            for entry in entries:
                # Compare the text: decoding would accept several spellings of one signature.
                if compare_digest(entry, expected):
                    if len(entries) > 1 and _is_joined(entries):
                        return _joined()
                    return mac, entry
        return _joined() if _is_joined(entries) else NoMatchingSignature()


class SvixVerifier(Verifier):
    """A `Verifier` that also asks svix's own code. A delivery passes only if both accept it.

    It is only ever stricter: svix always uses the real clock and its own five minutes, and it
    refuses a body that is not UTF-8. It works with svix 1.x and 2.x, and imports svix when it is
    created.
    """

    def __init__(self, secret: Secret | None = None) -> None:
        from svix.webhooks import Webhook, WebhookVerificationError

        self._webhook, self._refusal = Webhook, WebhookVerificationError
        super().__init__(secret)

    def _use(self, keys: tuple[bytes, ...]) -> None:
        macs = tuple(map(_mac, keys))
        texts = [SECRET_PREFIX + b2a_base64(key, newline=False).decode() for key in keys]
        self._webhooks = dict(zip(macs, map(self._webhook, texts), strict=True))
        self._macs = macs

    def _match(
        self, message_id: bytes, timestamp: bytes, signature: bytes, payload: bytes
    ) -> tuple[hmac.HMAC, bytes] | ClerkHooksError:
        matched = super()._match(message_id, timestamp, signature, payload)
        if isinstance(matched, ClerkHooksError):
            return matched
        mac, entry = matched
        headers = {
            "svix-id": message_id.decode(),
            "svix-timestamp": timestamp.decode(),
            "svix-signature": entry.decode(),
        }
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            return NoMatchingSignature("svix refuses a body that is not UTF-8")
        try:
            self._webhooks[mac].verify(text, headers)
        except self._refusal as error:
            # The time is all that svix can still object to.
            reason = "too_old" if int(timestamp) < time.time() else "too_new"
            return TimestampOutsideTolerance(f"svix: {error}", reason=reason)
        except (ValueError, RecursionError):
            # After a match, svix 1.x parses the body. Text and headers are clean, so only that
            # parsing can raise here, and it says nothing about the signature.
            pass
        return matched


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
    entries = b" ".join([_signature(_mac(key), content) for key in keys])
    return {
        "svix-id": identity.decode(),
        "svix-timestamp": seconds.decode(),
        "svix-signature": entries.decode(),
    }


def _identity(message_id: str | None) -> bytes | ConfigurationError:
    if message_id is None:
        return b"msg_" + os.urandom(16).hex().encode()
    identity = str.encode(message_id, "utf-8", "surrogatepass") if type(message_id) is str else b""
    if 0 < len(identity) <= _MAX_ID_BYTES and not identity.translate(None, _ID_BYTES):
        return identity
    return ConfigurationError("message_id must be 1 to 255 visible ASCII characters, without a `.`")


def _timestamp(timestamp: datetime | int | None) -> bytes | ConfigurationError:
    if type(timestamp) in (float, bool):
        return ConfigurationError("timestamp must be an aware datetime or whole Unix seconds")
    seconds = _unix_seconds(time.time() if timestamp is None else timestamp)
    if isinstance(seconds, ConfigurationError):
        return seconds
    if not _is_timestamp(b"%d" % seconds):
        return ConfigurationError("timestamp must be after 1970, in at most 11 digits of seconds")
    return b"%d" % seconds


def _signature(mac: hmac.HMAC, content: bytes) -> bytes:
    """The entry of the signature header for `content`, which is ``id . timestamp . body``."""
    mac = mac.copy()
    mac.update(content)
    return b"v1," + b2a_base64(mac.digest(), newline=False)


def _is_joined(entries: list[bytes]) -> bool:
    """Whether a server joined the signature header from several with ``, ``.

    Then an entry ends with a comma. A lone ``v1,`` is just an empty signature, which cannot match.
    """
    return entries != [b"v1,"] and any(entry.endswith(b",") for entry in entries)


def _joined() -> MalformedHeader:
    return MalformedHeader(
        "the signature header occurred more than once, and a server or proxy joined the copies",
        reason="duplicate_header",
    )


def _bad_clock() -> ConfigurationError:
    return ConfigurationError("clock must return the Unix time in seconds, as a number")


@lru_cache(maxsize=16)
def _cached_verifier(secret: str, tolerance: timedelta) -> Verifier | None:
    """None if a `Verifier` raises: not from here, where the secret is a variable."""
    try:
        return Verifier(secret, tolerance=tolerance)
    except ConfigurationError:
        return None


def _unix_seconds(instant: datetime | float) -> int | ConfigurationError:
    """An aware datetime or a number as whole Unix seconds of at most 11 digits."""
    try:
        if not isinstance(instant, datetime):
            seconds = int(instant // 1)
        elif instant.utcoffset() is None:
            return ConfigurationError("a naive datetime is ambiguous: pass an aware one")
        else:
            seconds = (instant - _EPOCH) // timedelta(seconds=1)
    except Exception as error:  # noqa: BLE001 - Numbers and time zones raise errors of many kinds.
        problem = "a time must be an aware datetime or a number of Unix seconds"
        return caused_by(ConfigurationError(problem), error)
    if abs(seconds) >= 10**11:
        return ConfigurationError("a time must have at most 11 digits of Unix seconds")
    return seconds


def _mac(key: bytes) -> hmac.HMAC:
    """The MAC with its key, which is copied for each delivery."""
    return hmac.new(key, digestmod="sha256")
