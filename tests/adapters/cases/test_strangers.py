"""Text that strangers, or users of the app, choose does not stay in the memory of a server."""

from __future__ import annotations

from ..application import payload, signed
from ..servers import Server


def characters_in_caches(server: Server) -> int:
    body, headers = signed(payload("caches.measured"))
    assert server.ask("/own", body, headers).status == 200
    return int((server.folder / headers["svix-id"]).read_text())


def test_names_of_headers_and_unknown_event_types_are_not_kept(server: Server) -> None:
    before = characters_in_caches(server)
    for number in range(20):
        name = f"x{number}-".ljust(3_000, "n")
        assert server.ask("/own", b"x", {name: "x"}).status == 400
        event_type = f"x{number}.".ljust(10_000, "t")
        assert server.ask("/own", *signed(payload(event_type))).status == 200
    # Of 260,000 characters. Short names of headers are kept, up to a limit.
    assert characters_in_caches(server) - before < 20_000


def test_short_names_of_headers_are_kept_up_to_a_limit(server: Server) -> None:
    before = characters_in_caches(server)
    for batch in range(20):
        names = {f"x-{batch:02}-{number:02}-{'n' * 12}": "x" for number in range(60)}
        assert server.ask("/own", b"x", names).status == 400
    assert characters_in_caches(server) - before < 20_000
