"""Verify signatures of the Standard Webhooks scheme, which `clerk_hooks.signing` describes.

All of it works on bytes, and nothing is decoded before the MAC has been compared.
"""

import hmac
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from hmac import compare_digest
from math import floor
from threading import RLock

from .body import Body, to_bytes
from .delivery import Delivery
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
from .instants import unix_seconds
from .secret import (
    Secret,
    SecretFunction,
    call_functions,
    read_secret,
    secret_from_environment,
)
from .signing import ID_BYTES, MAX_ID_BYTES, entry_of, is_timestamp, mac_of

DEFAULT_TOLERANCE = timedelta(minutes=5)
"""How far a timestamp may be from the clock: five minutes, as in Svix and the spec."""

_MAX_SIGNATURE_BYTES = 8 * 1024
_MAX_SIGNATURES = 64  # Svix sends one per secret in use.

_EMPTY = (
    "no signature matches: the body is empty. If the sender sent one, something has already read "
    "it: middleware, or `request.data`"
)


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
        seconds = unix_seconds(time.time() if now is None else now)
        if isinstance(seconds, ConfigurationError):
            raise seconds
        verifier = Verifier(secret, tolerance=tolerance, clock=lambda: seconds)
    return verifier.verify(body, headers)


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
        if isinstance(verified, Delivery):
            return verified
        raise verified

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
        self._macs = tuple(map(mac_of, keys))

    def _verified(self, body: Body, headers: Headers) -> Delivery | ClerkHooksError:  # noqa: PLR0911 - one for each rule
        payload = body if type(body) is bytes else to_bytes(body)
        if not isinstance(payload, bytes):
            return payload
        values = read_headers(headers)
        if not isinstance(values, tuple):
            return values
        message_id, timestamp, signature = values
        if message_id.translate(None, ID_BYTES) or len(message_id) > MAX_ID_BYTES:
            return MalformedHeader(
                "the message id must be 1 to 255 visible ASCII characters, without a `.`",
                reason="bad_message_id",
            )
        if not is_timestamp(timestamp):
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
        if not isinstance(matched, tuple):
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
        if not isinstance(macs, tuple):
            return macs
        content = b".".join((message_id, timestamp, payload))
        for mac in macs:
            expected = entry_of(mac, content)
            for entry in entries:
                # Compare the text: decoding would accept several spellings of one signature.
                if compare_digest(entry, expected):
                    if len(entries) > 1 and _is_joined(entries):
                        return _joined()
                    return mac, entry
        if _is_joined(entries):
            return _joined()
        return NoMatchingSignature() if payload else NoMatchingSignature(_EMPTY)


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
