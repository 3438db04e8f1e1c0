"""A request as text, which a fuzzer can change: headers, an empty line, and the body.

``{v1}`` in a header stands for the right signature of the request, and ``{other}`` for that of
another secret.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from functools import cache
from typing import NamedTuple

KEY = b"k" * 24
SECRET = "whsec_" + b64encode(KEY).decode()
NOW = 1_700_000_000
MAX_HEADERS = 24
"""More of them, such as the lines of a body that has lost the empty line, show nothing new."""
FAMILIES = [
    [prefix + name for name in (b"id", b"timestamp", b"signature")]
    for prefix in (b"svix-", b"webhook-")
]
NAMES = {name for family in FAMILIES for name in family}


class Request(NamedTuple):
    """What comes in."""

    headers: list[tuple[bytes, bytes]]
    body: bytes
    is_genuine: bool
    """Whether our rules accept it: what `is_genuine` below says."""


def read(data: bytes) -> Request:
    """The request that `data` describes, signed."""
    head, _, body = data.partition(b"\n\n")
    lines = [line.partition(b":") for line in head.split(b"\n")[:MAX_HEADERS]]
    headers = [(name, value) for name, colon, value in lines if colon]
    sent = {name.lower(): value.strip(b" \t") for name, value in headers}
    prefix = b"svix-" if b"svix-id" in sent else b"webhook-"
    content = b".".join([sent.get(prefix + b"id", b""), sent.get(prefix + b"timestamp", b""), body])
    for mark, key in ((b"{v1}", KEY), (b"{other}", KEY[::-1] + b"x")):
        if mark in head:
            signature = entry(key, content)
            headers = [(name, value.replace(mark, signature)) for name, value in headers]
    return Request(headers, body, is_genuine(headers, body))


def entry(key: bytes, content: bytes) -> bytes:
    """A version 1 signature: HMAC-SHA256 as RFC 2104 writes it, by a hash and nothing else."""
    inner, outer = pads(key)
    digest = hashlib.sha256(inner + content).digest()
    return b"v1," + b64encode(hashlib.sha256(outer + digest).digest())


@cache
def pads(key: bytes) -> tuple[bytes, bytes]:
    block = key.ljust(64, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)


def is_genuine(headers: list[tuple[bytes, bytes]], body: bytes) -> bool:
    """The rules of docs/verifying.md, written a second time, from that page."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        known, text = name.lower() in NAMES, value.strip(b" \t")
        if known and text and found.setdefault(name.lower(), text) != text:
            return False
    for names in FAMILIES:
        if all(name in found for name in names):
            return is_signed(*(found[name] for name in names), body)
    return False


def is_signed(message_id: bytes, timestamp: bytes, signature: bytes, body: bytes) -> bool:
    entries = signature.split(b" ")
    return (
        re.fullmatch(rb"[!-\-/-~]{1,255}", message_id) is not None
        and re.fullmatch(rb"[1-9][0-9]{0,10}", timestamp) is not None
        and abs(NOW - int(timestamp)) <= 300
        and len(signature) <= 8192
        and len(entries) <= 64
        and not (len(entries) > 1 and any(each.endswith(b",") for each in entries))
        and entry(KEY, b".".join([message_id, timestamp, body])) in entries
    )
