"""Every adapter, and what clients do to a connection: lengths that lie, chunks, hanging up.

Some of it a server answers itself, or by hanging up; never may it be a 5xx or a handled delivery.
"""

from __future__ import annotations

import socket
import struct

import pytest

from clerk_hooks import (
    ClerkHooksError,
    LengthRequired,
    MalformedRequest,
    NoMatchingSignature,
    Reply,
    RequestTooLarge,
)

from ..application import MAX_BODY, Request, payload, signed
from ..servers import COMMANDS, Answer, Server

# The application is asked when the body is there; Django under ASGI reads it before any view.
READ_BODIES_FIRST = {
    "wsgi-waitress",
    "flask-waitress",
    "django-uvicorn",
    "django-uvicorn-sync-view",
}
CLOSE_CONNECTIONS = {"wsgi-gunicorn-sync", "wsgi-wsgiref"}
# They end a connection with an unread body, and not always say so in the answer.
LEAVE_UNREAD = {kind for kind in COMMANDS if "hypercorn" in kind}
KEEP_CHUNKS = {"wsgi-wsgiref"}
# A client that has ended its side of the connection has left, for these, and is not owed an answer.
SAY_SO_WHEN_IT_ENDS = {kind for kind in COMMANDS if "uvicorn" in kind or "hypercorn" in kind}
# The others join or refuse them; the adapter sees one value.
GIVE_EVERY_COPY = {kind for kind in COMMANDS if kind.startswith(("fastapi", "asgi"))}
each_server = pytest.mark.parametrize("server", COMMANDS, indirect=True)
HANDLED = b'{"outcome":"handled"}'
TOO_LARGE = signed(b"-" * (MAX_BODY + 1))


@pytest.fixture
def delivery() -> Request:
    return signed(payload("user.created"))


def refusal(error: ClerkHooksError) -> Answer:
    return Answer.of(Reply.for_error(error))


def head(headers: dict[str, str], *lines: str) -> bytes:
    """The head of a POST, with lines that http.client would not send."""
    pairs = [f"{name}: {value}" for name, value in headers.items()]
    text = "\r\n".join(["POST /own HTTP/1.1", "Host: localhost", *pairs, *lines, "", ""])
    return text.encode("latin-1")


def chunked(body: bytes, size: int = 1000) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in [*parts, b""])


def assert_refused(answer: Answer | None) -> None:
    assert answer is None or 400 <= answer.status < 500, answer


@pytest.mark.parametrize("server", sorted(COMMANDS.keys() - READ_BODIES_FIRST), indirect=True)
def test_a_length_that_is_too_large_is_refused_before_the_body_is_sent(server: Server) -> None:
    answer = server.exchange(head(TOO_LARGE[1], f"Content-Length: {MAX_BODY + 1}"))
    assert answer == refusal(RequestTooLarge())


@each_server
def test_a_stream_of_chunks_is_read_where_the_server_undoes_them(
    server: Server, delivery: Request
) -> None:
    body, headers = delivery
    answer = server.exchange(head(headers, "Transfer-Encoding: chunked") + chunked(body, size=7))
    if server.kind in KEEP_CHUNKS:
        assert answer == refusal(LengthRequired())
    else:
        assert answer is not None
        assert (answer.status, answer.body) == (200, HANDLED)
        assert (server.folder / headers["svix-id"]).read_bytes() == body


@pytest.mark.parametrize("server", ["django-gunicorn"], indirect=True)
def test_django_itself_sees_no_body_in_chunks_under_wsgi(server: Server) -> None:
    answer = server.exchange(
        b"POST /length HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        + chunked(b"hello")
    )
    assert answer is not None
    assert answer.body == b"0"


@each_server
def test_a_stream_of_chunks_that_is_too_large_is_refused(server: Server) -> None:
    body, headers = TOO_LARGE
    answer = server.exchange(head(headers, "Transfer-Encoding: chunked") + chunked(body))
    kept = server.kind in KEEP_CHUNKS
    assert answer == refusal(LengthRequired() if kept else RequestTooLarge())


@each_server
@pytest.mark.parametrize("broken", ["zz\r\nno chunk\r\n0\r\n\r\n", "ffffffff\r\nshort", ""])
def test_broken_chunks_are_refused(server: Server, delivery: Request, broken: str) -> None:
    data = head(delivery[1], "Transfer-Encoding: chunked") + broken.encode()
    assert_refused(server.exchange(data, end=True))


@each_server
def test_a_truncated_body_is_refused(server: Server, delivery: Request) -> None:
    body, headers = delivery
    answer = server.exchange(head(headers, f"Content-Length: {len(body)}") + body[:-5], end=True)
    if server.kind in SAY_SO_WHEN_IT_ENDS:
        assert_refused(answer)
    elif answer is not None or server.kind not in READ_BODIES_FIRST:
        assert answer == refusal(MalformedRequest("the body is shorter than its Content-Length"))
    assert not (server.folder / headers["svix-id"]).exists()


@each_server
def test_a_length_that_is_too_small_cuts_the_body_which_no_signature_fits(
    server: Server, delivery: Request
) -> None:
    body, headers = delivery
    answer = server.exchange(head(headers, f"Content-Length: {len(body) - 5}") + body)
    if "standard" in server.kind:  # What is left over is no request, which this one says first.
        assert_refused(answer)
    else:
        assert answer == refusal(NoMatchingSignature())
    assert not (server.folder / headers["svix-id"]).exists()


LENGTHS = ["abc", "-1", "+5", "1_0", "0x10", "1.5", "5, 5", "\xb2", "1 0", "9" * 30, "9" * 5000]


@each_server
@pytest.mark.parametrize("length", LENGTHS, ids=lambda length: ascii(length[:31]))
def test_a_length_that_is_none_or_huge_is_refused(
    server: Server, delivery: Request, length: str
) -> None:
    body, headers = delivery
    assert_refused(server.exchange(head(headers, f"Content-Length: {length}") + body))
    assert not (server.folder / headers["svix-id"]).exists()


@each_server
def test_a_length_with_zeros_before_it_is_one(server: Server, delivery: Request) -> None:
    body, headers = delivery
    answer = server.exchange(head(headers, f"Content-Length: 00{len(body)}") + body)
    assert answer is not None
    assert (answer.status, answer.body) == (200, HANDLED)


@each_server
def test_a_request_without_a_length_has_no_body(server: Server, delivery: Request) -> None:
    nothing_signed = server.exchange(head(delivery[1]))
    assert nothing_signed is not None
    assert nothing_signed.status == 400
    assert b"the body is empty" in nothing_signed.body
    answer = server.exchange(head(signed(b"")[1]))
    assert answer is not None
    assert answer.status == 422


@each_server
@pytest.mark.parametrize("name", ["svix-id", "svix-timestamp", "svix-signature"])
@pytest.mark.parametrize("value", ["1234567890", "v1,x"], ids=["number", "entry"])
def test_a_signature_header_that_came_twice_is_refused_however_the_server_joins_them(
    server: Server, delivery: Request, name: str, value: str
) -> None:
    body, headers = delivery
    again = f"{name}: {value}"
    answer = server.exchange(head(headers, again, f"Content-Length: {len(body)}") + body)
    assert answer is not None
    assert answer.status == 400
    assert not (server.folder / headers["svix-id"]).exists()


@each_server
@pytest.mark.parametrize("name", ["svix-id", "svix-timestamp", "svix-signature"])
def test_a_signature_header_that_came_twice_alike_is_one_where_the_server_gives_both(
    server: Server, delivery: Request, name: str
) -> None:
    body, headers = delivery
    again = f"{name}: {headers[name]}"
    answer = server.exchange(head(headers, again, f"Content-Length: {len(body)}") + body)
    assert answer is not None
    assert answer.status == (200 if server.kind in GIVE_EVERY_COPY else 400)


@each_server
def test_requests_follow_one_another_on_a_connection_whatever_their_replies(server: Server) -> None:
    requests = [
        (signed(payload("user.created")), 200),
        ((b"not signed", {}), 400),
        (TOO_LARGE, 413),  # Its body is left unread, for the server to skip.
        (signed(payload("user.updated")), 500),
        (signed(payload("user.created")), 200),
    ]
    with server.connection() as connection:
        connection.connect()
        first = connection.sock
        for (body, headers), status in requests:
            connection.request("POST", "/own", body, headers)
            assert Answer.read(connection.getresponse()).status == status
            if status == 413 and server.kind in LEAVE_UNREAD:
                connection.close()
        if server.kind not in CLOSE_CONNECTIONS | LEAVE_UNREAD:
            assert connection.sock is first


@each_server
def test_a_client_that_hangs_up_half_way_harms_nobody(server: Server, delivery: Request) -> None:
    body, headers = delivery
    for kept in (0, 10, len(body) - 1):
        with server.raw() as client:
            client.sendall(head(headers, f"Content-Length: {len(body)}") + body[:kept])
            # Closing with a linger time of zero resets the connection.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert not (server.folder / headers["svix-id"]).exists()
    assert server.ask("/own", body, headers).body == HANDLED
