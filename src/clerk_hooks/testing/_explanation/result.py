"""The parts of an explanation: the causes, the advice for each, and the result."""

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
    "Pass the bytes of the request before anything parses them: request.get_data() in Flask, "
    "await request.body() in FastAPI and Starlette, request.body in Django."
)
_KEEP_BODY = (
    "Something between Clerk and the application rewrites bodies: a proxy, a middleware, or the "
    "way the body was stored. Verify exactly the bytes that Clerk sent."
)
_LET_THROUGH = (
    "Make the proxy, gateway or middleware pass on svix-id, svix-timestamp and svix-signature with "
    "the same names and values."
)
_COPY_IT = (
    "Copy the Signing Secret of this endpoint from Clerk's dashboard (Webhooks, endpoint): whsec_ "
    "and base64, with nothing around it. Development and production have different secrets."
)

ADVICE: dict[Cause, str] = {
    "body_not_raw": _RAW_BODY,
    "body_empty": "Something read the body before: read it first, and only once. " + _RAW_BODY,
    "body_newline": _KEEP_BODY + " Editors, and `echo`, end files with a newline.",
    "body_bom": _KEEP_BODY + " Save a recorded body without a byte order mark.",
    "body_encoding": _KEEP_BODY + " Do not decode it, or decode and encode it as UTF-8 only.",
    "body_reserialised": "JSON that was parsed and written again is not the same bytes. "
    + _RAW_BODY,
    "body_wrapped": "Undo that first, to get the bytes that Clerk sent. " + _RAW_BODY,
    "body_changed": _RAW_BODY,
    "headers_unreadable": "Pass the request's headers: a mapping, or a list of pairs.",
    "headers_stripped": _LET_THROUGH,
    "headers_renamed": _LET_THROUGH,
    "headers_mixed": _LET_THROUGH + " One family of names must be complete.",
    "headers_duplicated": _LET_THROUGH + " Each must occur once.",
    "header_malformed": _LET_THROUGH,
    "signature_mangled": _LET_THROUGH + " Do not decode, split or quote them.",
    "secret_missing": _COPY_IT,
    "secret_is_api_key": "If you need that key, put it into CLERK_SECRET_KEY. " + _COPY_IT,
    "secret_malformed": _COPY_IT,
    "secret_decorated": _COPY_IT,
    "secret_of_another": _COPY_IT,
    "clock_behind": "Set this machine's clock, for example by NTP.",
    "too_old": "If it has just arrived, set this machine's clock, for example by NTP. If it is a "
    "stored delivery, say when it arrived (now=, or --now), or sign it again.",
    "unknown": "Most likely the secret belongs to another endpoint, or to another environment "
    "(development and production have different secrets); or the body was changed in an unusual "
    "way; or the request is forged. " + _COPY_IT,
}


class Explanation(NamedTuple):
    """Whether a delivery is verified, and if not, why, in plain words."""

    verified: bool
    """Whether it is accepted; then there is no cause."""
    cause: Cause | None
    """What is wrong, in one word that never changes."""
    proven: bool
    """Whether the signature proves it, or the request plainly shows it. If not, it is a guess."""
    message: str
    """What is wrong, in a sentence. It never contains a secret or a part of the payload."""
    advice: str
    """What to do about it; empty if nothing is wrong."""

    @classmethod
    def of(cls, cause: Cause, message: str, *, proven: bool = True) -> "Explanation":
        """The explanation of a refused delivery, with the advice for its cause."""
        return cls(
            verified=False, cause=cause, proven=proven, message=message, advice=ADVICE[cause]
        )
