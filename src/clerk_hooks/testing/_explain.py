"""Why a delivery is refused, found by trying common mistakes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..body import to_bytes
from ..errors import (
    ClerkHooksError,
    ConfigurationError,
    InputTypeError,
    MalformedHeader,
    MissingHeader,
    NoMatchingSignature,
    SecretError,
    TimestampOutsideTolerance,
)
from ..headers import read_headers
from ..instants import unix_seconds
from ..signature import verify
from ._explanation.bodies import former_bodies
from ._explanation.headers import (
    content_length,
    explain_missing,
    found_headers,
    is_mangled,
    kept,
)
from ._explanation.result import Explanation
from ._explanation.secrets import explain_secret, meant_secrets, texts_of

if TYPE_CHECKING:
    from datetime import datetime

    from ..headers import Headers
    from ..secret import Secret

_REWRITTEN = re.compile(rb'\s*\{(?:\s|"[^"]*"\s*:\s)')
"""The beginning of a JSON object with whitespace, which Clerk does not write."""


def explain(
    body: object,
    headers: Headers,
    *,
    secret: Secret | None = None,
    other_secrets: Secret = (),
    now: datetime | float | None = None,
) -> Explanation:
    """Say in plain words why a delivery is refused, by trying common mistakes.

    `body` is the body that the program verifies (it should be the raw one), and `headers` are the
    request's. `secret` and `now` are as for `verify`. `other_secrets`, those of other endpoints and
    environments, are tried too, as are secrets in other environment variables.

    Raises `ConfigurationError` if `now` is not a time. The result contains no secret and no part of
    the payload.
    """
    problem = None if now is None else unix_seconds(now)
    if isinstance(problem, ConfigurationError):
        del other_secrets  # The error must not take them along.
        raise problem
    raw = to_bytes(body)
    if isinstance(raw, InputTypeError):
        return Explanation.of("body_not_raw", str(raw))
    headers = kept(headers)
    case = _Case(raw, headers, texts_of(secret), texts_of(other_secrets))
    try:
        verify(raw, headers, secret=None if secret is None else case.secrets, now=now)
    except ClerkHooksError as error:
        return case.explanation(error)
    return Explanation(
        verified=True, cause=None, proven=True, message="the delivery is verified", advice=""
    )


class _Case:
    """A refused delivery, and the secrets to try."""

    def __init__(
        self, body: bytes, headers: Headers, secrets: list[str], others: list[str]
    ) -> None:
        self.body = body
        self.headers = headers
        self.secrets = secrets
        self.meant = list(meant_secrets(secrets, others))

    def explanation(self, error: ClerkHooksError) -> Explanation:
        """The cause of `error`, with which the delivery was refused."""
        message = str(error)
        match error:
            case NoMatchingSignature():
                found = self._of_a_mismatch()
            case TimestampOutsideTolerance():
                found = self._of_the_clock(error) if self._fits() else self._of_a_mismatch()
            case SecretError():
                of_secret = explain_secret(self.secrets, message, error.reason)
                # An API key in its place is wrong, even if the right secret is found elsewhere.
                is_api_key = of_secret.cause == "secret_is_api_key"
                found = of_secret if is_api_key else self._of_another_secret() or of_secret
            case MissingHeader():
                found = explain_missing(found_headers(self.headers), message)
            case MalformedHeader(reason="duplicate_header"):
                found = Explanation.of("headers_duplicated", message)
            case MalformedHeader():
                found = Explanation.of("header_malformed", message)
            case InputTypeError():
                found = Explanation.of("headers_unreadable", message)
            case _:
                raise error
        return found

    def _fits(self, *, body: bytes | None = None, secret: str | None = None) -> bool:
        """Whether the signature fits `body` or `secret` instead, at any time."""
        from datetime import timedelta

        try:
            verify(
                self.body if body is None else body,
                self.headers,
                secret=self.secrets if secret is None else secret,
                tolerance=timedelta.max,
            )
        except ClerkHooksError:
            return False
        return True

    def _of_the_clock(self, error: TimestampOutsideTolerance) -> Explanation:
        """The signature fits, but the time does not."""
        if error.reason == "too_new":
            return Explanation.of("clock_behind", f"this machine's clock is behind: {error}")
        return Explanation.of("too_old", f"the signature fits, but the time does not: {error}")

    def _of_another_secret(self) -> Explanation | None:
        """The signature fits another secret, or the passed one without a common mistake."""
        for meant in self.meant:
            if self._fits(secret=meant.secret):
                return Explanation.of(meant.cause, meant.message)
        return None

    def _of_a_mismatch(self) -> Explanation:
        """The signature does not fit."""
        found = self._of_another_secret() or self._of_another_signature()
        return found or self._of_another_body() or self._of_what_can_be_seen()

    def _of_another_signature(self) -> Explanation | None:
        found = read_headers(self.headers)
        if isinstance(found, ClerkHooksError):
            return None
        message_id, timestamp, signature = found
        values = (message_id.decode(), int(timestamp), signature.decode("latin-1"))
        for secret in self._usable_secrets():
            if is_mangled(self.body, *values, secret):
                message = "the signature was right, but was changed on its way here"
                return Explanation.of("signature_mangled", message)
        return None

    def _of_another_body(self) -> Explanation | None:
        secrets = self._usable_secrets()
        for former in former_bodies(self.body):
            for secret in secrets:
                if self._fits(body=former.body, secret=secret):
                    return Explanation.of(former.cause, former.message)
        return None

    def _usable_secrets(self) -> list[str]:
        """The secrets that contain a key, those that were passed first."""
        from ..secret import read_keys

        usable: dict[str, None] = {}
        for secret in (*self.secrets, *(meant.secret for meant in self.meant)):
            if not isinstance(read_keys(secret), SecretError):
                usable[secret] = None
        return list(usable)

    def _of_what_can_be_seen(self) -> Explanation:
        """Nothing that was tried fits, but the request itself may show what happened."""
        if not self.body:
            return Explanation.of("body_empty", "the body is empty")
        if self.body == b"[object Object]":
            return Explanation.of("body_not_raw", "the body is an object as JavaScript prints it")
        announced = content_length(self.headers)
        if announced not in (None, len(self.body)):
            message = f"the body has {len(self.body)} bytes, but its Content-Length is {announced}"
            return Explanation.of("body_changed", message, proven=False)
        if _REWRITTEN.match(self.body):
            message = "the body is JSON with whitespace, and Clerk sends it without"
            return Explanation.of("body_changed", message, proven=False)
        message = "the signature does not fit, and no common mistake explains it"
        return Explanation.of("unknown", message, proven=False)
