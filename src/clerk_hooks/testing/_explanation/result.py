"""What an explanation is made of: the causes, the advice for each, and the result."""

from typing import Literal, NamedTuple, TypeAlias

Cause: TypeAlias = Literal[
    "body_not_raw",
    "body_empty",
    "body_newline",
    "body_bom",
    "body_encoding",
    "body_reserialised",
    "body_wrapped",
    "body_changed",
    "headers_unreadable",
    "headers_stripped",
    "headers_renamed",
    "headers_mixed",
    "headers_duplicated",
    "header_malformed",
    "signature_mangled",
    "secret_missing",
    "secret_is_api_key",
    "secret_malformed",
    "secret_decorated",
    "secret_of_another",
    "clock_behind",
    "too_old",
    "unknown",
]
"""Why a delivery is refused. ``unknown``: nothing that was tried explains it."""

_RAW_BODY = (
    "Hand over the bytes of the request before anything parses them: request.get_data() in Flask, "
    "await request.body() in FastAPI and Starlette, request.body in Django."
)
_KEEP_BODY = (
    "Something between Clerk and the application rewrites bodies: a proxy, a middleware, or the "
    "way the body was stored. The bytes that arrive must be the bytes that are verified."
)
_LET_THROUGH = (
    "Let the proxy, gateway or middleware in front pass svix-id, svix-timestamp and svix-signature "
    "on, under these names and with these values."
)
_COPY_IT = (
    "Copy the Signing Secret of this very endpoint from Clerk's dashboard (Webhooks, endpoint): "
    "whsec_ and base64, with nothing around it. Development and production have one each."
)

ADVICE: dict[Cause, str] = {
    "body_not_raw": _RAW_BODY,
    "body_empty": "Something has read the body before: read it once, and first. " + _RAW_BODY,
    "body_newline": _KEEP_BODY + " Editors, and `echo`, end files with a newline.",
    "body_bom": _KEEP_BODY + " Save a recorded body without a byte order mark.",
    "body_encoding": _KEEP_BODY + " Decode and encode it nowhere, or as UTF-8 only.",
    "body_reserialised": "JSON that was parsed and written again is not the same bytes. "
    + _RAW_BODY,
    "body_wrapped": "Undo that first, to the bytes that Clerk sent. " + _RAW_BODY,
    "body_changed": _RAW_BODY,
    "headers_unreadable": "Pass the request's headers: a mapping, or a list of pairs.",
    "headers_stripped": _LET_THROUGH,
    "headers_renamed": _LET_THROUGH,
    "headers_mixed": _LET_THROUGH + " One family of names must be whole.",
    "headers_duplicated": _LET_THROUGH + " Each must come once.",
    "header_malformed": _LET_THROUGH,
    "signature_mangled": _LET_THROUGH + " Decode, split and quote nothing.",
    "secret_missing": _COPY_IT,
    "secret_is_api_key": "It belongs into CLERK_SECRET_KEY, if anywhere. " + _COPY_IT,
    "secret_malformed": _COPY_IT,
    "secret_decorated": _COPY_IT,
    "secret_of_another": _COPY_IT,
    "clock_behind": "Set this machine's clock, by NTP for example.",
    "too_old": "If it has just arrived, set this machine's clock, by NTP for example. If it is a "
    "stored delivery, say when it arrived (now=, or --now), or sign it anew.",
    "unknown": "Most likely the secret is that of another endpoint, or of another environment "
    "(development and production have one each); or the body was changed in a way not known "
    "here; or the request is forged. " + _COPY_IT,
}


class Explanation(NamedTuple):
    """Whether a delivery is verified, and if not, why, in plain words."""

    verified: bool
    """Whether it is accepted; then there is no cause."""
    cause: Cause | None
    """What is wrong, in one word that is the same in every release."""
    proven: bool
    """Whether the signature proves it, or the request shows it plainly; else it is likely only."""
    message: str
    """What is wrong, in a sentence; it never holds a secret or any of the payload."""
    advice: str
    """What to do about it; empty where nothing is wrong."""

    @classmethod
    def of(cls, cause: Cause, message: str, *, proven: bool = True) -> "Explanation":
        """The explanation of a delivery that is refused, with the advice for its cause."""
        return cls(
            verified=False, cause=cause, proven=proven, message=message, advice=ADVICE[cause]
        )
