"""What fuzzing begins with: our samples, and where they are, the payloads of other people."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

from clerk_hooks.event_types import EVENT_TYPES
from clerk_hooks.testing import sample

from .request import NOW

SHARED = Path(__file__).parents[2].parent / "shared" / "clerk"

_SIGNATURES = [
    "{v1}",
    "{other} {v1}",
    "v1a,YQ== {v1} v2,",
    "{v1},{v1}",
    "{v1}, {other}",
    " ".join(["v1,"] * 63 + ["{v1}"]),
    "{v1}x",
    "",
]
_SMALL = b'{"type":"user.deleted","data":{"id":"user_1","deleted":true},"timestamp":1700000000000}'
_STRANGE = [
    b"",
    b"null",
    b"[]",
    b'{"type":"user.created"}',
    b'{"type":"user.created","data":{"id":null}}',
    b'{"type":"user.created","data":{"id":"u"},"type":"user.deleted"}',
    b'{"data":{"id":"u","unsafe_metadata":' + b"[" * 300 + b"]" * 300 + b'},"type":"user.created"}',
    b'{"data":{"id":"u","last_name":"\\ud800"},"type":"user.updated"}',
    b'{"data":{"id":"u","created_at":' + b"9" * 4400 + b'},"type":"user.updated"}',
    b'{"type":"user.created","data":{"id":"u","email_addresses":[' + b"{}," * 99 + b"{}]}}",
    b"\xef\xbb\xbf{}",
    b"\xff\xfe{\x00}\x00",
]


def bodies() -> list[bytes]:
    """Payloads."""
    found = [sample(event_type).model_dump_json().encode() for event_type in EVENT_TYPES]
    found += [path.read_bytes() for path in sorted(SHARED.glob("wild/*.json"))]
    return found + _STRANGE


def requests() -> list[bytes]:
    """Requests, in the form of request.py."""
    return [_request(body) for body in bodies()] + few_requests()


def few_requests() -> list[bytes]:
    """Requests for those to whom one body is like any other."""
    found = [_request(body) for body in (_SMALL, *_STRANGE[:5])]
    found += [_request(b"{}", signature) for signature in _SIGNATURES]
    for names in ("Webhook-Id Webhook-Timestamp Webhook-Signature", "svix-id webhook-id svix-id"):
        found.append(_request(b"{}", names=names))
    for timestamp in (NOW - 300, NOW + 301, "01", "1e9", "", 10**11):
        found.append(_request(b"{}", timestamp=timestamp))
    return found


def _request(
    body: bytes,
    signature: str = "{v1}",
    timestamp: object = NOW,
    names: str = "svix-id svix-timestamp svix-signature",
) -> bytes:
    values = ["msg_1", timestamp, signature]
    lines = [f"{name}: {value}" for name, value in zip(names.split(), values, strict=True)]
    return "\n".join(["content-type: application/json", *lines, "", ""]).encode() + body


def recordings() -> list[bytes]:
    """Files of the command line: recordings, headers as JSON, and headers as text."""
    found = [
        json.dumps({"type": "event", "headers": {"svix-id": "msg_1"}, "body_b64": text}).encode()
        for text in [b64encode(body[:500]).decode() for body in bodies()] + ["=", "*"]
    ]
    return [
        *found,
        b"\n".join(found[:3]),
        b'{"type":"ready"}\n\n{"headers":{"a":["b","c"]},"body_b64":""}',
        b'[["svix-id","msg_1"],["svix-id",2]]',
        b"svix-id: msg_1\r\nsvix-timestamp: 1",
        b"[" * 2000,
        b"1" * 5000,
    ]
