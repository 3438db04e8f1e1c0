"""``clerk-hooks record``: a real process, between a sender and an application."""

from __future__ import annotations

import json
import signal
import socket
import struct
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from clerk_hooks import Reply
from clerk_hooks.cli._recorder import Arrival, Recorder
from clerk_hooks.cli._recording import line_of
from clerk_hooks.cli._sending import Target
from clerk_hooks.testing import sample, signed_request

from .. import forking
from .conftest import Application, Run, Serve, environment, ok


@contextmanager
def recorder(*arguments: str, is_new: bool = False) -> Iterator[tuple[str, forking.Process]]:
    """The command on a free port: its URL, and the process, from whose output the URL comes."""
    command = ["-W", "error", "-m", "clerk_hooks", "record"]
    with forking.start(
        [*command, "--listen", "127.0.0.1:0", *arguments],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        is_new=is_new,
    ) as process:
        assert process.stderr is not None
        try:
            yield process.stderr.readline().split()[2].rstrip("."), process
        finally:
            process.kill()


def ask(
    url: str, body: bytes | None, headers: dict[str, str], method: str = "POST"
) -> HTTPResponse:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    connection.request(method, "/in", body, headers)
    response = connection.getresponse()
    response.read_all = response.read()  # type: ignore[attr-defined]
    connection.close()
    return response


def lines_of(process: forking.Process) -> list[dict[str, Any]]:
    """What the process has printed at its end."""
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert err.endswith(" recorded.\n")
    return [json.loads(line) for line in out.splitlines()]


def test_what_arrives_is_written_down_and_forwarded_unchanged(serve: Serve) -> None:
    app = serve(
        lambda request: Reply(422, b'{"error":"aborted"}', {"webhook-delivery": "abort-message"})
    )
    request = signed_request(sample("user.created", {"first_name": "Zoë"}))
    headers = {**request.headers, "User-Agent": "Svix-Webhooks/1.0", "X-Odd": "a  b"}
    with recorder("--forward-to", app.url, "--count", "1", is_new=True) as (url, process):
        reply = ask(url, request.body, headers)
        ready, event = lines_of(process)
    assert (reply.status, reply.read_all) == (422, b'{"error":"aborted"}')  # type: ignore[attr-defined]
    assert reply.getheader("webhook-delivery") == "abort-message"
    assert (ready["type"], ready["url"]) == ("ready", url)
    assert set(event) == {
        *("type", "svix_id", "event_type", "headers", "body_b64", "forward_status", "latency_ms"),
    }
    assert (event["type"], event["event_type"]) == ("event", "user.created")
    assert (event["svix_id"], event["forward_status"]) == (request.message_id, 422)
    assert event["latency_ms"] >= 0
    assert b64decode(event["body_b64"]) == request.body
    assert headers.items() <= event["headers"].items()
    [forwarded] = app.requests
    assert forwarded.body == request.body
    assert {name.lower(): value for name, value in headers.items()}.items() <= (
        forwarded.headers.items()
    )
    assert forwarded.headers["host"] in app.url


def test_a_header_that_comes_twice_is_recorded_and_forwarded_twice(serve: Serve) -> None:
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        to = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with recorder("--forward-to", to, "--count", "1") as (url, process):
            parts = urlsplit(url)
            with socket.create_connection((parts.hostname, parts.port), timeout=20) as client:
                head = b"POST / HTTP/1.1\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 2\r\n\r\n"
                client.sendall(head + b"{}")
                upstream, _ = listener.accept()
                with upstream:
                    while not seen or not b"".join(seen).endswith(b"{}"):
                        seen.append(upstream.recv(4096))
                    upstream.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                assert client.recv(4096).startswith(b"HTTP/1.1 204 ")
            _, event = lines_of(process)
    assert b"X-A: 1\r\nX-A: 2\r\n" in b"".join(seen)
    assert b"Accept-Encoding" not in b"".join(seen)
    assert event["headers"]["X-A"] == ["1", "2"]


def test_without_an_application_it_answers_itself() -> None:
    with recorder("--count", "2") as (url, process):
        assert ask(url, b"not JSON \xff", {}).status == 200
        assert ask(url, b"", {}).status == 200
        _, first, second = lines_of(process)
    assert (first["event_type"], first["svix_id"], first["forward_status"]) == (None, None, None)
    assert b64decode(first["body_b64"]) == b"not JSON \xff"
    assert second["body_b64"] == ""


def test_an_application_that_is_not_there_is_a_502_that_is_recorded() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with recorder("--forward-to", f"http://127.0.0.1:{port}/x", "--count", "1") as (url, process):
        reply = ask(url, b"{}", {})
        _, event = lines_of(process)
    assert reply.status == 502
    expected = f"nothing listens at 127.0.0.1:{port}\n".encode()
    assert reply.read_all == expected  # type: ignore[attr-defined]
    assert event["forward_status"] is None


def test_what_is_no_delivery_is_refused_and_not_recorded() -> None:
    with recorder("--count", "1") as (url, process):
        get = ask(url, None, {}, "GET")
        assert (get.status, get.getheader("allow")) == (405, "POST")
        assert ask(url, None, {}, "HEAD").status == 405
        assert ask(url, b"", {"content-length": "x"}).status == 411
        assert ask(url, b"", {"content-length": "\xb2"}).status == 411
        for length in (str(10**9), "1" * 5000):
            assert ask(url, b"", {"content-length": length}).status == 413
        parts = urlsplit(url)
        with socket.create_connection((parts.hostname, parts.port), timeout=20) as short:
            short.sendall(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{}")
            short.shutdown(socket.SHUT_WR)
            assert short.recv(100) == b""
        assert ask(url, b"{}", {}).status == 200
        assert len(lines_of(process)) == 2


def test_a_file_is_appended_to_and_can_be_replayed_and_explained(
    run: Run, serve: Serve, tmp_path: Path
) -> None:
    path = tmp_path / "deliveries.jsonl"
    requests = [signed_request(sample(name)) for name in ("user.created", "sms.created")]
    for request in requests:
        with recorder("--output", str(path), "--count", "1") as (url, process):
            ask(url, request.body, request.headers)
            assert lines_of(process) == []
    app = serve(ok)
    assert run("replay", path, "--to", app.url).status == 0
    assert [each.body for each in app.requests] == [each.body for each in requests]
    assert run("explain", path).out == "Verified.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are not what they are elsewhere")
def test_ctrl_c_ends_it_well() -> None:
    with recorder() as (url, process):
        ask(url, b"{}", {})
        process.send_signal(signal.SIGINT)
        assert len(lines_of(process)) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--listen", "8000"], "expected HOST:PORT"),
        (["--listen", "127.0.0.1:x"], "expected HOST:PORT"),
        (["--listen", "127.0.0.1:99999"], "expected HOST:PORT"),
        (["--forward-to", "127.0.0.1:8000"], "not a valid URL"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(run: Run, arguments: list[str], said: str) -> None:
    result = run("record", *arguments)
    assert (result.status, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert said in result.err


def test_a_port_that_is_taken_is_named_in_words(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        result = run("record", "--listen", address)
    said = f"clerk-hooks: --listen {address}: another program listens there already\n"
    assert result == (2, "", said)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("192.0.2.1:4050", "this machine does not have that address"),
        ("no-such-host.invalid:4050", "no such host"),
        ("a..b:4050", "no such host"),
    ],
)
def test_an_address_that_cannot_be_listened_on_is_a_line(run: Run, address: str, said: str) -> None:
    assert run("record", "--listen", address) == (
        2,
        "",
        f"clerk-hooks: --listen {address}: {said}\n",
    )


@pytest.mark.parametrize("to_a_file", [False, True])
def test_each_delivery_is_one_line_for_people(
    app: Application, tmp_path: Path, to_a_file: bool
) -> None:
    created, deleted = (signed_request(sample(name)) for name in ("user.created", "user.deleted"))
    options = ["--output", str(tmp_path / "out.jsonl")] if to_a_file else []
    with recorder("--forward-to", app.url, "--count", "3", *options) as (url, process):
        for request in (created, deleted):
            ask(url, request.body, request.headers)
        ask(url, b"\x1b[2J", {"svix-id": "\x1b[2J"})
        _, said = process.communicate(timeout=30)
    assert said.splitlines() == [
        f"200  user.created  {created.message_id}",
        f"500  user.deleted  {deleted.message_id}",
        "400  (no type)   [2J",
        "3 recorded.",
    ]


def test_where_the_application_gave_no_reply_the_line_says_why() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with recorder("--forward-to", f"http://127.0.0.1:{port}/x", "--count", "1") as (url, process):
        ask(url, b"{}", {})
        _, said = process.communicate(timeout=30)
    assert said.splitlines()[0] == (
        f"502  (no type)  (no message id)  nothing listens at 127.0.0.1:{port}"
    )


def test_a_request_that_breaks_off_is_a_line_and_no_traceback(tmp_path: Path) -> None:
    with recorder("--count", "1") as (url, process):
        parts = urlsplit(url)
        reset = struct.pack("ii", 1, 0)  # Closing the socket resets the connection.
        with socket.create_connection((parts.hostname, parts.port), timeout=20) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            client.sendall(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{}")
        assert process.stderr is not None
        assert process.stderr.readline() == (
            "clerk-hooks: a request broke off: Connection reset by peer\n"
        )
        assert ask(url, b"{}", {}).status == 200
        assert len(lines_of(process)) == 2


@pytest.mark.skipif(not socket.has_ipv6, reason="the system has no IPv6")
def test_it_listens_on_ipv6_too() -> None:
    with recorder("--listen", "[::1]:0", "--count", "1") as (url, process):
        assert url.startswith("http://[::1]:")
        assert ask(url, b"{}", {}).status == 200
        assert len(lines_of(process)) == 2


def test_a_502_of_the_application_is_its_status(serve: Serve) -> None:
    app = serve(lambda request: Reply(502, b"", {}))
    with recorder("--forward-to", app.url, "--count", "1") as (url, process):
        assert ask(url, b"{}", {}).status == 502
        _, event = lines_of(process)
    assert event["forward_status"] == 502


def test_what_cannot_be_forwarded_or_printed_is_recorded(accepts_all: Application) -> None:
    arrivals: list[Arrival] = []
    body = b'{"type":"\\ud800"}'
    with Recorder("127.0.0.1", 0, Target.parse(accepts_all.url), arrivals.append) as recorder:
        assert recorder.record(body, [("X-\xe9", "1")]).status == 502
    event = json.loads(line_of(arrivals[0]).encode())
    assert b64decode(event["body_b64"]) == body
    assert (event["event_type"], event["forward_status"]) == (None, None)
    assert accepts_all.requests == []


def test_only_its_owner_reads_a_new_recording(tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    with recorder("--output", str(path), "--count", "1") as (url, process):
        ask(url, b"{}", {})
        lines_of(process)
    assert path.stat().st_mode & 0o777 == 0o600
