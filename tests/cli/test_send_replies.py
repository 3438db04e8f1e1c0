"""What ``clerk-hooks send`` says of replies, and of their absence."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from threading import Event, Thread

import pytest

from clerk_hooks import Reply
from clerk_hooks.cli import _sending

from .conftest import Application, Request, Run, Serve, ok


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_of_many_only_the_unexpected_are_shown_and_all_are_summed_up(
    run: Run, app: Application
) -> None:
    arguments = ["--count", 30, "--concurrency", 4, "--to", app.url]
    result = run("send", "user.created", "user.deleted", *arguments)
    assert result.status == 1
    assert len([line for line in result.lines if "user.deleted" in line]) == 30
    assert not [line for line in result.lines if "user.created" in line]
    table = [line.split()[:2] for line in result.lines if line.startswith(("200 ", "500 "))]
    assert table == [["200", "30"], ["500", "30"]]
    assert result.lines[-1] == "30 of 60 deliveries ended as expected."


def test_as_json_there_is_a_line_per_delivery(run: Run, app: Application) -> None:
    result = run("send", "user.created", "user.deleted", "--json", "--to", app.url)
    first, second = map(json.loads, result.lines)
    assert result.status == 1
    assert first == {
        "type": "user.created",
        "kind": "delivery",
        "message_id": app.requests[0].message_id,
        "status": 200,
        "expected": True,
        "latency_ms": first["latency_ms"],
        "body": '{"outcome":"handled"}',
    }
    assert (second["status"], second["expected"]) == (500, False)
    assert first["latency_ms"] > 0


def failure(run: Run, url: str) -> str:
    """What is said of a delivery that gets no reply."""
    result = run("send", "user.created", "--to", url)
    assert (result.status, result.err) == (1, "")
    assert result.lines[0].startswith("---, expected 2xx ")
    return result.lines[0].split("  ")[-1]


def test_where_nothing_listens_it_says_so(run: Run) -> None:
    port = free_port()
    assert failure(run, f"http://127.0.0.1:{port}/") == f"nothing listens at 127.0.0.1:{port}"


def test_an_unknown_host_is_named(run: Run) -> None:
    said = "no such host: no-such-host.invalid"
    assert failure(run, "http://no-such-host.invalid/") == said


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "closed the connection without a reply"),
        (b"SSH-2.0-OpenSSH\r\n", "is not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "is not valid HTTP"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_does_not_speak_http_or_tls_is_told_so(
    run: Run, scheme: str, answer: bytes, said: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):  # The command may have left.
                connection.recv(65536)
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):  # Unread bytes would reset the connection.
                    pass

        thread = Thread(target=serve)
        thread.start()
        found = failure(run, f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/")
        thread.join()
    assert (said if scheme == "http" else "does not speak TLS") in found
    assert "Error" not in found


def test_a_page_of_html_is_named_and_not_printed(run: Run, serve: Serve) -> None:
    page = b"\n<!DOCTYPE html><html><title>Page &amp; more</title><h1>404</h1></html>"
    app = serve(lambda request: Reply(404, page, {}))
    line = run("send", "user.created", "--to", app.url).lines[0]
    assert line.endswith("  an HTML page (Page & more), which is not a reply of the endpoint")
    shown = run("send", "user.created", "--json", "--to", app.url).out
    assert json.loads(shown)["body"] == page.decode()
    bare = serve(lambda request: Reply(502, b"<html><body>Bad gateway</body></html>", {}))
    line = run("send", "user.created", "--to", bare.url).lines[0]
    assert line.endswith("  an HTML page, which is not a reply of the endpoint")


def test_success_is_green_and_of_a_failure_only_the_status_is_red(
    run: Run, app: Application
) -> None:
    colours = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    arguments = ["send", "user.created", "user.deleted", "--to", app.url]
    handled, failed, *_, last = run(*arguments, **colours).lines
    assert handled.startswith("\x1b[32m200\x1b[0m  ")
    assert failed.startswith("\x1b[1;31m500, expected 2xx\x1b[0m  ")
    assert handled.count("\x1b") == failed.count("\x1b") == 2
    assert last == "\x1b[1;31m1 of 2 deliveries ended as expected.\x1b[0m"
    last = run("send", "user.created", "--to", app.url, **colours).lines[-1]
    assert last == "\x1b[32m1 of 1 deliveries ended as expected.\x1b[0m"


def test_the_times_of_few_deliveries_have_no_percentiles(
    run: Run, accepts_all: Application
) -> None:
    def heading(count: int) -> list[str]:
        out = run("send", "user.created", "--count", count, "--to", accepts_all.url).lines
        return next(line.split() for line in out if line.startswith("Status"))

    assert heading(19) == ["Status", "Replies", "Median", "Longest"]
    assert heading(20) == ["Status", "Replies", "Median", "90", "%", "99", "%", "Longest"]


def test_a_redirect_is_not_followed(run: Run, serve: Serve) -> None:
    app = serve(lambda request: Reply(307, b"", {"location": "https://www.example.com/"}))
    result = run("send", "user.created", "--to", app.url)
    assert result.status == 1
    assert "redirects to https://www.example.com/, which Svix does not follow" in result.out
    assert len(app.requests) == 1


def test_no_longer_than_svix_does_it_wait_for_a_reply(
    run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _sending.TIMEOUT == 15
    monkeypatch.setattr(_sending, "TIMEOUT", 0.2)
    ended = Event()

    def answer(request: Request) -> Reply:
        ended.wait(20)
        return ok(request)

    result = run("send", "user.created", "--to", serve(answer).url)
    ended.set()
    assert result.status == 1
    assert "no reply within" in result.out


def test_what_a_reply_says_cannot_move_the_cursor(run: Run, serve: Serve) -> None:
    app = serve(lambda request: Reply(200, b"\x1b[2J[bold]a\r\n" + 500 * b"b", {}))
    line = run("send", "user.created", "--to", app.url).lines[0]
    assert "[2J[bold]a  bbb" in line
    assert line.endswith("b...")
    assert "\x1b" not in line


def test_what_is_no_terminal_gets_a_delivery_on_one_line(
    run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    reply = "x" * 150
    app = serve(lambda request: Reply(200, reply.encode(), {}))
    assert run("send", "user.created", "--to", app.url).lines[0].endswith(reply)
