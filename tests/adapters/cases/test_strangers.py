"""Text that strangers, or users of the app, choose does not stay in the memory of a server."""

from __future__ import annotations

import http.client

from ..application import payload, signed
from ..servers import COMMANDS, Server

REQUESTS = 40
FEW = 5
SIZES = [8_000_000, 60_000, 7_000, 1_000]
"""Of a header's name, in characters. Most servers allow 8 or 64 KiB for a line or for the head."""


def sizes_for(server: Server) -> list[int]:
    """Which of `SIZES` to try.

    AWS allows 10 KB for all headers. h11 allows more than 16 KiB only if the whole head comes in
    one piece, which the network decides.
    """
    command = COMMANDS.get(server.kind)
    return SIZES[2:] if command is None or command.server[0] in {"uvicorn", "hypercorn"} else SIZES


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
    size = next(size for size in sizes_for(server) if is_allowed(server, size, REQUESTS))
    before = characters_in_caches(server)
    for number in range(REQUESTS):
        if number < FEW or size < max(SIZES):  # A few of the largest would show at once.
            assert is_allowed(server, size, number)
        event_type = f"x{number}.".ljust(10_000, "t")
        for path in ("/own", "/unknown"):  # Without a handler, and with one that reads the event.
            assert server.ask(path, *signed(payload(event_type))).status == 200
    # Of at least 680,000 characters. Short names of headers are kept, up to a limit.
    assert characters_in_caches(server) - before < 20_000


def test_short_names_of_headers_are_kept_up_to_a_limit(server: Server) -> None:
    before = characters_in_caches(server)
    for batch in range(20):
        names = {f"x-{batch:02}-{number:02}-{'n' * 12}": "x" for number in range(60)}
        assert server.ask("/own", b"x", names).status == 400
    assert characters_in_caches(server) - before < 20_000
