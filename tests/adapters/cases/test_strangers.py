"""Text that strangers, or users of the app, choose does not stay in the memory of a server."""

from __future__ import annotations

import http.client

from ..application import payload, signed
from ..servers import COMMANDS, Server

REQUESTS = 40
SIZES = [8_000_000, 60_000, 7_000, 1_000]
"""Of a header's name, in characters. Most servers allow 8 or 64 KiB for a line or for the head."""


def is_allowed(server: Server, size: int, number: int) -> bool:
    """Whether a header whose name has this size reaches the endpoint."""
    try:
        answer = server.ask("/own", b"x", {f"x{number}-".ljust(size, "n"): "x"})
    except (ConnectionError, http.client.HTTPException):
        return False
    return b'"missing_header"' in answer.body


def characters_in_caches(server: Server) -> int:
    body, headers = signed(payload("caches.measured"))
    assert server.ask("/own", body, headers).status == 200
    return int((server.folder / headers["svix-id"]).read_text())


def test_names_of_headers_and_unknown_event_types_are_not_kept(server: Server) -> None:
    sizes = SIZES if server.kind in COMMANDS else SIZES[2:]  # AWS allows 10 KB for all headers.
    size = next(size for size in sizes if is_allowed(server, size, REQUESTS))
    before = characters_in_caches(server)
    allowed = 0
    for number in range(REQUESTS):
        allowed += is_allowed(server, size, number)
        event_type = f"x{number}.".ljust(10_000, "t")
        for path in ("/own", "/unknown"):  # Without a handler, and with one that reads the event.
            assert server.ask(path, *signed(payload(event_type))).status == 200
    # On a busy machine, one request in some hundreds was not answered; it is not known why.
    assert allowed > 0.9 * REQUESTS
    # Of at least 680,000 characters. Short names of headers are kept, up to a limit.
    assert characters_in_caches(server) - before < 20_000


def test_short_names_of_headers_are_kept_up_to_a_limit(server: Server) -> None:
    before = characters_in_caches(server)
    for batch in range(20):
        names = {f"x-{batch:02}-{number:02}-{'n' * 12}": "x" for number in range(60)}
        assert server.ask("/own", b"x", names).status == 400
    assert characters_in_caches(server) - before < 20_000
