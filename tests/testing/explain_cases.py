"""Deliveries with which something common has gone wrong, and the cause that each must be given."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from clerk_hooks.testing import SECRET, Cause, sample, signed_request

OTHER = "whsec_" + base64.b64encode(b"the secret of production").decode()
NAME = "Zoë & <Ada> Lovelace/Byron"
REQUEST = signed_request(sample("user.created", {"first_name": NAME}), secret=SECRET)
BODY, HEADERS = REQUEST
SIGNATURE = HEADERS["svix-signature"]
NOW = REQUEST.signed_at


def parsed() -> Any:
    return json.loads(BODY)


def go(value: Any) -> bytes:
    """JSON as Go writes it: no blanks, keys by name, letters as they are, but for three signs."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    for sign_ in "<>&":
        text = text.replace(sign_, f"\\u{ord(sign_):04x}")
    return text.encode()


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in HEADERS.items() if name not in names}


def named(change: Callable[[str], str]) -> dict[str, str]:
    return {change(name): value for name, value in HEADERS.items()}


BODIES: dict[str, tuple[Cause, Any]] = {
    "a mapping": ("body_not_raw", parsed()),
    "nothing": ("body_not_raw", None),
    "JavaScript's name for it": ("body_not_raw", b"[object Object]"),
    "empty": ("body_empty", b""),
    "a newline more": ("body_newline", BODY + b"\n"),
    "a Windows newline more": ("body_newline", BODY + b"\r\n"),
    "blanks around it": ("body_newline", b" \n" + BODY + b"\t "),
    "a byte order mark more": ("body_bom", b"\xef\xbb\xbf" + BODY),
    "a byte order mark and a newline more": ("body_bom", b"\xef\xbb\xbf" + BODY + b"\n"),
    "in Latin-1": ("body_encoding", BODY.decode().encode("latin-1")),
    "in UTF-16": ("body_encoding", BODY.decode().encode("utf-16")),
    "in UTF-16 without a mark": ("body_encoding", BODY.decode().encode("utf-16-be")),
    "decoded as Latin-1": ("body_encoding", BODY.decode("latin-1").encode()),
    "decoded as cp1252": ("body_encoding", BODY.decode("cp1252").encode()),
    "json.dumps": ("body_reserialised", json.dumps(parsed())),
    "json.dumps without blanks": (
        "body_reserialised",
        json.dumps(parsed(), separators=(",", ":")),
    ),
    "json.dumps with blanks and letters": (
        "body_reserialised",
        json.dumps(parsed(), ensure_ascii=False),
    ),
    "indented": ("body_reserialised", json.dumps(parsed(), indent=2)),
    "indented by tabs, with a newline": (
        "body_reserialised",
        json.dumps(parsed(), indent="\t") + "\n",
    ),
    "keys sorted": ("body_reserialised", json.dumps(parsed(), sort_keys=True)),
    "keys in any order": (
        "body_reserialised",
        json.dumps(dict(reversed(parsed().items())), separators=(",", ":")),
    ),
    "written by PHP": (
        "body_reserialised",
        json.dumps(parsed(), separators=(",", ":")).replace("/", "\\/"),
    ),
    "written by Go": ("body_reserialised", go(parsed())),
    "str of a dict": ("body_reserialised", str(parsed())),
    "str of bytes": ("body_wrapped", str(BODY)),
    "JSON in a JSON string": ("body_wrapped", json.dumps(BODY.decode())),
    "base64": ("body_wrapped", base64.b64encode(BODY)),
    "a form's key": ("body_wrapped", quote(BODY) + "="),
    "a form's value": ("body_wrapped", "payload=" + quote(BODY, safe="")),
}
"""What became of the body -> the cause, and that body."""

SECRETS: dict[str, tuple[Cause, Any]] = {
    "unset": ("secret_missing", None),
    "empty": ("secret_missing", ""),
    "only a prefix": ("secret_missing", "whsec_"),
    "an API key": ("secret_is_api_key", "sk_test_abcdefghijklmnop"),
    "a publishable key in quotes": ("secret_is_api_key", '"pk_live_abcdefghijklmnop"'),
    "no base64": ("secret_malformed", "whsec_%%%"),
    "too short": ("secret_malformed", "whsec_YWJj"),
    "a blank in it": ("secret_decorated", SECRET[:20] + " " + SECRET[20:]),
    "a newline in it": ("secret_decorated", SECRET[:30] + "\n" + SECRET[30:]),
    "a quote behind the prefix": ("secret_decorated", f'whsec_"{SECRET[6:]}"'),
    "curly quotes": ("secret_decorated", f"\u201c{SECRET}\u201d"),
    "an invisible sign": ("secret_decorated", f"\u200b{SECRET}"),
    "a written newline": ("secret_decorated", f"{SECRET}\\n"),
    "a semicolon": ("secret_decorated", f"{SECRET};"),
    "its name before it": ("secret_decorated", f"CLERK_WEBHOOK_SIGNING_SECRET={SECRET}"),
    "a shell's line": ("secret_decorated", f'export SECRET="{SECRET}"'),
    "the prefix twice": ("secret_decorated", f"whsec_{SECRET}"),
    "the prefix in capitals": ("secret_decorated", f"WHSEC_{SECRET[6:]}"),
    "in base64 once more": ("secret_decorated", base64.b64encode(SECRET.encode()).decode()),
    "percent-encoded": ("secret_decorated", quote(SECRET + "=")),
    "v1, in front": ("secret_decorated", f"v1,{SECRET}"),
    "a comment": ("secret_decorated", f"{SECRET}  # from the dashboard"),
    "two with a comma": ("secret_decorated", f"{OTHER},{SECRET}"),
    "a byte order mark": ("secret_decorated", f"\ufeff{SECRET}"),
    "brackets": ("secret_decorated", f'["{SECRET}"]'),
    "a function that returns it with a slip": ("secret_decorated", lambda: f"{SECRET},"),
    "of another environment": ("unknown", OTHER),
}
"""What is passed as the secret -> the cause, and that."""

HEADER_CASES: dict[str, tuple[Cause, Any]] = {
    "none of them": ("headers_stripped", {}),
    "no signature": ("headers_stripped", without("svix-signature")),
    "a blank signature": ("headers_stripped", {**HEADERS, "svix-signature": " "}),
    "X- in front": ("headers_renamed", named(lambda name: f"X-{name}")),
    "underscores": ("headers_renamed", named(lambda name: name.replace("-", "_"))),
    "another's prefix": ("headers_renamed", named(lambda name: f"x-amzn-remapped-{name}")),
    "one of them renamed": (
        "headers_renamed",
        {**without("svix-id"), "Original-Svix-Id": REQUEST.message_id},
    ),
    "two families": (
        "headers_mixed",
        {**without("svix-id"), "webhook-id": REQUEST.message_id},
    ),
    "two signatures": (
        "headers_duplicated",
        [*HEADERS.items(), ("svix-signature", "v1,abc")],
    ),
    "joined signatures": (
        "headers_duplicated",
        {**HEADERS, "svix-signature": f"v1,abc, {SIGNATURE}"},
    ),
    "a date as the timestamp": (
        "header_malformed",
        {**HEADERS, "svix-timestamp": NOW.isoformat()},
    ),
    "milliseconds": ("header_malformed", {**HEADERS, "svix-timestamp": "1790000000000"}),
    "an id with a dot": ("header_malformed", {**HEADERS, "svix-id": "msg.1"}),
    "lower case": ("signature_mangled", {**HEADERS, "svix-signature": SIGNATURE.lower()}),
    "without v1": ("signature_mangled", {**HEADERS, "svix-signature": SIGNATURE[3:]}),
    "percent-encoded": (
        "signature_mangled",
        {**HEADERS, "svix-signature": quote(SIGNATURE, safe="")},
    ),
    "in quotes": ("signature_mangled", {**HEADERS, "svix-signature": f'"{SIGNATURE}"'}),
    "cut off": ("signature_mangled", {**HEADERS, "svix-signature": SIGNATURE[:30]}),
    "no headers": ("headers_unreadable", 5),
    "text": ("headers_unreadable", "svix-id: msg_1"),
}
"""What became of the headers -> the cause, and those headers."""
