"""A verifier that also asks svix's own code."""

import hmac
import time
from binascii import b2a_base64

from .errors import ClerkHooksError, NoMatchingSignature, TimestampOutsideTolerance
from .secret import SECRET_PREFIX, Secret
from .signature import Verifier
from .signing import mac_of


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
        macs = tuple(map(mac_of, keys))
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
