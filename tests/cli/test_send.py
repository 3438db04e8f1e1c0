"""``clerk-hooks send``: to real servers on this machine."""

from __future__ import annotations

import json
import socket
import time
from collections import Counter
from collections.abc import Callable
from threading import Barrier, Event

import pytest

from clerk_hooks import Reply, parse_event
from clerk_hooks.cli import _sending
from clerk_hooks.event_types import EVENT_TYPES
from clerk_hooks.testing import SECRET

from .conftest import PATH, Answer, Application, Request, Run, ok

OTHER = "whsec_" + 32 * "A"
Serve = Callable[[Answer], Application]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_a_sample_is_delivered_and_the_reply_is_shown(run: Run, app: Application) -> None:
    result = run("send", "user.created", "--to", app.url)
    assert (result.status, result.err) == (0, "")
    first, *_, last = result.lines
    assert first.startswith("200 ")
    assert first.endswith(' ms  user.created  {"outcome":"handled"}')
    assert last == "1 of 1 deliveries ended as expected."
    [request] = app.requests
    assert (request.path, request.headers["content-type"]) == (PATH, "application/json")
    assert parse_event(request.body).type == "user.created"


def test_all_types_are_accepted_by_a_real_endpoint(run: Run, app: Application) -> None:
    result = run("send", "--all", "--expect", "2xx 500", "--to", app.url)
    assert result.status == 0, result.out
    assert app.types() == list(EVENT_TYPES)
    assert (
        result.lines[-1]
        == f"{len(EVENT_TYPES)} of {len(EVENT_TYPES)} deliveries ended as expected."
    )


def test_patterns_variants_and_changes_decide_what_is_sent(
    run: Run, accepts_all: Application
) -> None:
    types = ["user.*", "user.created"]
    run("send", *types, "--set", "first_name=Eve", "--count", 2, "--to", accepts_all.url)
    assert accepts_all.types() == [
        name for name in EVENT_TYPES if name.startswith("user.") for _ in range(2)
    ]
    assert b'"first_name":"Eve"' in accepts_all.requests[0].body
    assert len({request.message_id for request in accepts_all.requests}) == 6
    run("send", "user.created", "--variant", "dashboard", "--to", accepts_all.url)
    assert json.loads(accepts_all.requests[-1].body)["timestamp"] < 10**11


def test_a_reply_that_is_not_expected_is_a_negative_result(run: Run, app: Application) -> None:
    result = run("send", "user.deleted", "user.created", "--to", app.url)
    assert result.status == 1
    assert result.lines[0].startswith("500, expected 2xx ")
    assert result.lines[-1] == "1 of 2 deliveries ended as expected."
    assert run("send", "user.deleted", "--expect", "500", "--to", app.url).status == 0
    assert run("send", "user.deleted", "--expect", "5xx", "--to", app.url).status == 0


@pytest.mark.parametrize(("option", "reason"), [("--forged", "no_match"), ("--old", "too_old")])
def test_what_must_be_refused_is_expected_to_be(
    run: Run, app: Application, accepts_all: Application, option: str, reason: str
) -> None:
    refused = run("send", "user.created", option, "--to", app.url)
    assert refused.status == 0
    assert f"user.created ({option[2:]})" in refused.out
    assert reason in refused.out
    accepted = run("send", "user.created", option, "--to", accepts_all.url)
    assert accepted.status == 1
    assert accepted.lines[0].startswith("200, expected 400 ")


def test_a_duplicate_is_the_same_message_signed_anew(run: Run, app: Application) -> None:
    result = run("send", "user.created", "--count", 3, "--duplicate", "--to", app.url)
    assert result.status == 0
    assert [request.message_id for request in app.requests[::2]] == [
        request.message_id for request in app.requests[1::2]
    ]
    first, second = app.requests[:2]
    assert first.body == second.body
    assert first.headers["svix-signature"] != second.headers["svix-signature"]
    assert "user.created (duplicate)" in result.out


def test_a_duplicate_may_be_told_to_come_back_later(run: Run, serve: Serve) -> None:
    seen: set[str] = set()

    def answer(request: Request) -> Reply:
        known = request.message_id in seen
        seen.add(request.message_id)
        return Reply(409 if known else 200, b"", {})

    assert run("send", "user.created", "--duplicate", "--to", serve(answer).url).status == 0
    assert run("send", "user.created", "--to", serve(lambda _: Reply(409, b"", {})).url).status == 1


def test_shuffle_sends_the_same_in_another_order(run: Run, accepts_all: Application) -> None:
    run("send", "--all", "--duplicate", "--shuffle", "--to", accepts_all.url)
    in_order = [name for name in EVENT_TYPES for _ in range(2)]
    assert Counter(accepts_all.types()) == Counter(in_order)
    assert accepts_all.types() != in_order


def test_so_many_are_under_way_at_a_time(run: Run, serve: Serve) -> None:
    barrier = Barrier(4)

    def answer(request: Request) -> Reply:
        barrier.wait(20)  # Breaks unless four requests are here together.
        return ok(request)

    app = serve(answer)
    result = run("send", "user.created", "--count", 8, "--concurrency", 4, "--to", app.url)
    assert result.status == 0
    assert len(app.requests) == 8


def test_the_rate_is_a_limit(run: Run, accepts_all: Application) -> None:
    started = time.monotonic()
    run("send", "user.created", "--count", 5, "--rate", 20, "--to", accepts_all.url)
    assert time.monotonic() - started >= 4 / 20
    assert len(accepts_all.requests) == 5


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


def test_where_nobody_listens_there_is_no_reply(run: Run) -> None:
    result = run("send", "user.created", "--to", f"http://127.0.0.1:{free_port()}/")
    assert result.status == 1
    assert result.lines[0].startswith("---, expected 2xx ")
    assert "ConnectionRefusedError" in result.lines[0]


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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "http://x"], "pass the event types to send, or --all"),
        (["user.created", "--all", "--to", "http://x"], "or --all"),
        (["user.created"], "Missing option '--to'"),
        (["user.created", "--to", "localhost:8000"], "not a valid URL"),
        (["user.created", "--to", "http://[x"], "not a valid URL"),
        (["user.created", "--to", "http://x:99999"], "not a valid URL"),
        (["user.created", "--to", "http://x/a b"], "percent-encode everything"),
        (["user.created", "--to", "http://x/\x7f"], "percent-encode everything"),
        (["user.created", "--to", "http://x/\n"], "percent-encode everything"),
        (["user.created", "--to", "http://zoë/"], "percent-encode everything"),
        (["user.created", "--to", "http://ada:hunter2@x/"], "a user or a password"),
        (["user.created", "--to", "http://ada:hunter2@x:99999/"], "cannot be read"),
        (["user.created", "--set", 'first_name="\\ud800"', "--to", "http://x"], "not valid UTF-8"),
        (["user.created", "--set", "first_name=\udcff", "--to", "http://x"], "not valid UTF-8"),
        (["user.created", "--set", "last_sign_in_at=NaN", "--to", "http://x"], "neither NaN"),
        (
            ["user.created", "--set", "public_metadata.n=Infinity", "--to", "http://x"],
            "neither NaN",
        ),
        (
            ["user.created", "--set", 'public_metadata={"n": [-Infinity]}', "--to", "http://x"],
            "neither NaN",
        ),
        (["user.created", "--set", "public_metadata.n=-1e999", "--to", "http://x"], "neither NaN"),
        (["user.created", "--expect", "foo", "--to", "http://x"], "expected statuses"),
        (["user.created", "--expect", "200 6xx", "--to", "http://x"], "expected statuses"),
        (["user.created", "--expect", "", "--to", "http://x"], "expected statuses"),
        (["user.creted", "--to", "http://x"], "did you mean 'user.created'?"),
        (["user.created", "--forged", "--old", "--to", "http://x"], "not both"),
        (["user.*", "--variant", "web3", "--to", "http://x"], "user.deleted has no variant"),
        (["user.created", "--set", "x", "--to", "http://x"], "expected NAME=VALUE"),
        (["user.created", "--count", "0", "--to", "http://x"], "Invalid value for '--count'"),
        (["user.created", "--secret", "sk_live_abc", "--to", "http://x"], "this is an API key"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(run: Run, arguments: list[str], said: str) -> None:
    result = run("send", *arguments)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("clerk-hooks: ")
    assert result.err.count("\n") == 1
    assert said in result.err


def test_without_a_secret_nothing_is_sent(
    run: Run, accepts_all: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLERK_WEBHOOK_SIGNING_SECRET")
    result = run("send", "user.created", "--to", accepts_all.url)
    assert (result.status, accepts_all.requests) == (2, [])
    assert "CLERK_WEBHOOK_SIGNING_SECRET is not set" in result.err


def test_the_secret_may_be_passed_and_is_never_shown(run: Run, app: Application) -> None:
    assert run("send", "user.created", "--secret", SECRET, "--to", app.url).status == 0
    result = run("send", "user.created", "--secret", OTHER, "--to", app.url)
    assert result.status == 1
    assert OTHER[6:] not in result.out + result.err
    result = run("send", "user.created", "--secret", "whsec_short", "--to", app.url)
    assert result.status == 2
    assert "short" not in result.err.replace("too short", "")


def test_the_class_of_a_status_may_be_in_capitals(run: Run, accepts_all: Application) -> None:
    assert run("send", "user.created", "--expect", "4XX 2XX", "--to", accepts_all.url).status == 0


def test_what_is_no_terminal_gets_a_delivery_on_one_line(
    run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    reply = "x" * 150
    app = serve(lambda request: Reply(200, reply.encode(), {}))
    assert run("send", "user.created", "--to", app.url).lines[0].endswith(reply)
